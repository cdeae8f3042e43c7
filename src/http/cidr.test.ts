import { describe, expect, it } from 'vitest'
import { addressMatcher, isLoopback, isPrivateAddress, plainAddress } from './cidr.ts'

describe('address ranges', () => {
  it.each(['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])('%s is loopback', (address) => {
    expect(isLoopback(address)).toBe(true)
  })

  it.each(['10.1.2.3', '172.31.0.1', '192.168.0.7', 'fd12::1', 'fe80::1', '::ffff:10.0.0.1'])('%s is private', (a) => {
    expect(isPrivateAddress(a)).toBe(true)
    expect(isLoopback(a)).toBe(false)
  })

  it.each(['8.8.8.8', '172.32.0.1', '192.169.0.1', '2001:db8::1', '', 'localhost', '::ffff:8.8.8.8'])(
    '%s is not private',
    (address) => {
      expect(isPrivateAddress(address)).toBe(false)
    },
  )

  it('matches single addresses and CIDRs of both families', () => {
    const trusted = addressMatcher(['203.0.113.7', '2001:db8::/32'])
    expect(trusted('203.0.113.7')).toBe(true)
    expect(trusted('203.0.113.8')).toBe(false)
    expect(trusted('2001:db8:1::9')).toBe(true)
    expect(trusted('2001:db9::9')).toBe(false)
  })

  it.each(['10.0.0.0/33', '10.0.0/8', 'all', '::/129', '10.0.0.0/', '10.0.0.0/8x'])('refuses %s', (range) => {
    expect(() => addressMatcher([range])).toThrow(expect.objectContaining({ code: 'GOMS_OPTION_INVALID' }))
  })

  it('unwraps IPv4 within IPv6 only where it is one', () => {
    expect(plainAddress('::ffff:1.2.3.4')).toBe('1.2.3.4')
    expect(plainAddress('::ffff:abcd')).toBe('::ffff:abcd')
  })
})
