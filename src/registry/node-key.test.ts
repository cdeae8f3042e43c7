import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Dialect } from '../core/node.ts'
import { defaultAddressRule } from './address-range.ts'
import { isName, parseHostPort, parseNodeKey, toNodeKey } from './node-key.ts'

const at = (host: string, port: number) => ({ host, port })

describe('node keys', () => {
  it('writes both dialects as the originals do', () => {
    const node = { service: 'user', rpc: at('192.168.125.179', 9181), http: at('192.168.125.179', 9081) }
    expect(toNodeKey('goms', 'goms', node)).toBe('goms_user_192.168.125.179:9181_192.168.125.179:9081')
    expect(toNodeKey('go-garden', 'goms', node)).toBe('goms_user_192.168.125.179:9081:9181')
    const six = { service: 'user', rpc: at('::1', 9180), http: at('::1', 9080) }
    expect(toNodeKey('goms', 'goms', six)).toBe('goms_user_[::1]:9180_[::1]:9080')
  })

  it('refuses what a dialect cannot carry, and names that would split a key', () => {
    const node = { service: 'user', rpc: at('::1', 1), http: at('::1', 2) }
    expect(() => toNodeKey('go-garden', 'goms', node)).toThrow(
      expect.objectContaining({ code: 'GOMS_ADDRESS_REFUSED' }),
    )
    const two = { service: 'user', rpc: at('10.0.0.1', 1), http: at('10.0.0.2', 2) }
    expect(() => toNodeKey('go-garden', 'goms', two)).toThrow(expect.objectContaining({ code: 'GOMS_ADDRESS_REFUSED' }))
    const named = { ...two, service: 'us_er' }
    expect(() => toNodeKey('goms', 'goms', named)).toThrow(expect.objectContaining({ code: 'GOMS_NAME_INVALID' }))
    expect(() => toNodeKey('goms', 'go_ms', two)).toThrow(expect.objectContaining({ code: 'GOMS_NAME_INVALID' }))
  })

  it('reads back whatever it writes', () => {
    const port = fc.integer({ min: 1, max: 65_535 })
    const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.-]{0,20}$/)
    fc.assert(
      fc.property(name, name, fc.ipV4(), fc.ipV6(), port, port, (project, service, v4, v6, rpc, http) => {
        for (const [dialect, host] of [
          ['goms', v4],
          ['goms', v6],
          ['go-garden', v4],
        ] as [Dialect, string][]) {
          const node = { service, rpc: at(host, rpc), http: at(host, http) }
          expect(parseNodeKey(project, toNodeKey(dialect, project, node))).toEqual({ ...node, dialect })
        }
      }),
    )
  })

  it.each([
    'goms_',
    'goms_user',
    'goms_user_',
    'goms_user_1.2.3.4:1',
    'goms_user_1.2.3.4:1:2:3',
    'goms_user_1.2.3.4:1_1.2.3.4:2_x',
    'goms__1.2.3.4:1_1.2.3.4:2',
    'goms_x_user_1.2.3.4:1_1.2.3.4:2',
    'goms_user_1.2.3.4:01_1.2.3.4:2',
    'goms_user_1.2.3.4:0_1.2.3.4:2',
    'goms_user_1.2.3.4:65536_1.2.3.4:2',
    'goms_user_1.2.3.4:+1_1.2.3.4:2',
    'goms_user_1.2.3.4: 1_1.2.3.4:2',
    'goms_user_1.2.3.4:1e3_1.2.3.4:2',
    'goms_user_01.2.3.4:1_1.2.3.4:2',
    'goms_user_localhost:1_localhost:2',
    'goms_user_::1:1_::1:2',
    'goms_user_[::1%lo]:1_[::1]:2',
    'goms_user_[1.2.3.4]:1_[::1]:2',
    'goms_us er_1.2.3.4:1_1.2.3.4:2',
    'goms_us\r\ner_1.2.3.4:1_1.2.3.4:2',
    'goms_us/er_1.2.3.4:1_1.2.3.4:2',
    'goms___proto___1.2.3.4:1_1.2.3.4:2',
    'other_user_1.2.3.4:1_1.2.3.4:2',
    `goms_${'u'.repeat(64)}_1.2.3.4:1_1.2.3.4:2`,
  ])('takes %j for no key', (key) => {
    expect(parseNodeKey('goms', key)).toBeUndefined()
  })

  it('never throws, whatever stands after the prefix', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const parsed = parseNodeKey('goms', `goms_${text}`)
        if (parsed) expect(isName(parsed.service)).toBe(true)
      }),
    )
  })

  it('reads addresses with ports only', () => {
    expect(parseHostPort('[::1]:80')).toEqual(at('::1', 80))
    expect(parseHostPort('1.2.3.4')).toBeUndefined()
    expect(parseHostPort(':80')).toBeUndefined()
  })
})

describe('the default rule of addresses', () => {
  it.each(['10.0.0.1', '127.0.0.1', '192.168.1.1', '8.8.8.8', '::1', 'fd00::1', '2001:db8::1'])('lets %s', (host) => {
    expect(defaultAddressRule(host)).toBe(true)
  })

  it.each([
    '169.254.169.254',
    '0.0.0.0',
    '0.1.2.3',
    '224.0.0.1',
    '255.255.255.255',
    '100.100.100.200',
    '::',
    'fe80::1',
    'ff02::1',
    'fd00:ec2::254',
    '::ffff:169.254.169.254',
    '::ffff:a9fe:a9fe',
    'localhost',
    '::1%lo',
    '',
  ])('refuses %s', (host) => {
    expect(defaultAddressRule(host)).toBe(false)
  })
})
