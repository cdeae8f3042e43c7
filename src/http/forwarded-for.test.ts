import { describe, expect, it } from 'vitest'
import { addressMatcher } from './cidr.ts'
import { forwardedFor } from './forwarded-for.ts'

const trusts = addressMatcher(['10.0.0.0/8', 'fd00::/8'])
const PEER = '10.0.0.1'

describe('the client behind trusted proxies', () => {
  it.each([
    ['nothing is said', undefined, PEER],
    ['one proxy', '1.2.3.4', '1.2.3.4'],
    ['a forged entry on the left', '6.6.6.6, 1.2.3.4', '1.2.3.4'],
    ['several proxies', '6.6.6.6, 1.2.3.4, 10.0.0.3, 10.0.0.2', '1.2.3.4'],
    ['a trusted address that the client made up', '10.9.9.9, 1.2.3.4, 10.0.0.2', '1.2.3.4'],
    ['trusted ones only', '10.0.0.4,10.0.0.3', '10.0.0.4'],
    ['IPv6', '2001:db8::1, fd00::2', '2001:db8::1'],
    ['IPv6 in brackets, with a port', '[2001:db8::1]:4711, [fd00::2]', '2001:db8::1'],
    ['IPv4 with a port', '1.2.3.4:4711 , 10.0.0.2:80', '1.2.3.4'],
    ['IPv4 within IPv6', '1.2.3.4, ::ffff:10.0.0.2', '1.2.3.4'],
    ['garbage on the left of the client', '"; drop, 1.2.3.4', '1.2.3.4'],
    ['garbage where the client should be', '1.2.3.4, unknown, 10.0.0.2', '10.0.0.2'],
    ['garbage only', '"\n', PEER],
    ['an empty field', '', PEER],
    ['an empty entry', '1.2.3.4, ', PEER],
    ['a comma first', ',10.0.0.2', '10.0.0.2'],
    ['a zone', 'fe80::1%"x', 'fe80::1'],
  ])('%s', (_what, field, client) => {
    expect(forwardedFor(field, PEER, trusts)).toBe(client)
  })

  it('reads no more than it has to of a long field', () => {
    expect(forwardedFor(`${'6.6.6.6,'.repeat(1000)}1.2.3.4`, PEER, trusts)).toBe('1.2.3.4')
  })
})
