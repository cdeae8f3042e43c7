import { describe, expect, it } from 'vitest'
import { defaultAddressRule } from './address-range.ts'
import { parseNodeValue, parseState, toNodeText, toStateText } from './node-value.ts'

describe('node values', () => {
  it('reads back what it writes, and `0` as nothing known', () => {
    const value = {
      id: 'x',
      version: '1',
      zone: 'z',
      startedAtMs: 1,
      contract: 'h',
      protocols: ['http', 'rpc'] as ('http' | 'rpc')[],
    }
    expect(parseNodeValue(toNodeText(value))).toEqual(value)
    expect(parseNodeValue('0')).toEqual({ id: '' })
  })

  it.each([
    '',
    '1',
    'null',
    '[]',
    '{}',
    '{"id":""}',
    '{"id":1}',
    '{"id":"a b"}',
    '{"id":"a\\r\\nX: y"}',
    '{"__proto__":{"id":"a"}}',
    '{"id":"a","version":{}}',
    '{"id":"a","startedAtMs":"1"}',
    '{"id":"a","startedAtMs":-1}',
    '{"id":"a","protocols":[]}',
    '{"id":"a","protocols":["ftp"]}',
    '{"id":"a","protocols":"http"}',
    `{"id":"${'a'.repeat(129)}"}`,
    `{"id":"a","x":"${'a'.repeat(4100)}"}`,
  ])('takes %j for no value', (text) => {
    expect(parseNodeValue(text)).toBeUndefined()
  })

  it('passes over fields that a later version may add', () => {
    expect(parseNodeValue('{"id":"a","later":{"x":1}}')).toMatchObject({ id: 'a' })
  })
})

describe('states', () => {
  it('reads back what it writes', () => {
    const state = { draining: true, weight: 0.5, admin: '127.0.0.1:9999' }
    expect(parseState(toStateText('x', state), defaultAddressRule)).toEqual({ id: 'x', ...state })
  })

  it.each([
    '{"draining":true}',
    '{"id":"x","draining":1}',
    '{"id":"x","weight":-1}',
    '{"id":"x","weight":1001}',
    '{"id":"x","weight":"1"}',
    '{"id":"x","admin":"169.254.169.254:80"}',
    '{"id":"x","admin":"localhost:80"}',
    '{"id":"x","admin":1}',
  ])('takes %j for no state', (text) => {
    expect(parseState(text, defaultAddressRule)).toBeUndefined()
  })
})
