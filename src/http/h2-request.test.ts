import { describe, expect, it } from 'vitest'
import { readH2Request } from './h2-request.ts'
import { REQUEST_LIMITS } from './request-head.ts'

const PSEUDO = [':method', 'GET', ':scheme', 'https', ':authority', 'x', ':path', '/a?b']
const read = (list: readonly string[], ended = true) => readH2Request(list, ended, REQUEST_LIMITS)

describe('a request of HTTP/2', () => {
  it('has its host first, and all else as it came', () => {
    const request = read([...PSEUDO, 'a', '1', 'cookie', 'b', 'cookie', 'c', 'te', 'trailers', 'host', 'X'])
    expect(request).toMatchObject({ state: 'request', method: 'GET', target: '/a?b' })
    expect('fields' in request && request.fields.text).toBe(
      'host: x\r\na: 1\r\ncookie: b\r\ncookie: c\r\nte: trailers\r\n',
    )
  })

  it('may give its host as a field only', () => {
    const [, , ...rest] = [':authority', 'x', ...PSEUDO.filter((_, i) => i < 4 || i > 5)]
    expect(read([...rest, 'host', 'y'])).toMatchObject({ state: 'request' })
    expect(read(rest)).toMatchObject({ state: 'refused', status: 400 })
  })

  // Most of it is refused by node before: this holds without that.
  it.each([
    ['a line break in a value', [...PSEUDO, 'a', '1\r\nb: 2'], 400],
    ['a line break in a name', [...PSEUDO, 'a\r\nb', '1'], 400],
    ['white space around a value', [...PSEUDO, 'a', ' 1'], 400],
    ['a name in upper case', [...PSEUDO, 'A', '1'], 400],
    ['an empty name', [...PSEUDO, '', '1'], 400],
    ['Connection', [...PSEUDO, 'connection', 'close'], 400],
    ['Proxy-Connection', [...PSEUDO, 'proxy-connection', 'close'], 400],
    ['Keep-Alive', [...PSEUDO, 'keep-alive', '5'], 400],
    ['Upgrade', [...PSEUDO, 'upgrade', 'websocket'], 400],
    ['chunks', [...PSEUDO, 'transfer-encoding', 'chunked'], 400],
    ['TE of more than trailers', [...PSEUDO, 'te', 'trailers, gzip'], 400],
    ['another host', [...PSEUDO, 'host', 'y'], 400],
    ['two lengths', [...PSEUDO, 'content-length', '1', 'content-length', '1'], 400],
    ['a pseudo-header twice', [...PSEUDO, ':path', '/b'], 400],
    ['a pseudo-header behind fields', [...PSEUDO.slice(0, 6), 'a', '1', ':path', '/'], 400],
    [':protocol', [...PSEUDO, ':protocol', 'websocket'], 400],
    ['CONNECT', [':method', 'CONNECT', ':authority', 'x:1'], 501],
    ['an unknown method', [':method', 'BREW', ...PSEUDO.slice(2)], 501],
    ['an empty authority', [...PSEUDO.slice(0, 4), ':authority', '', ':path', '/'], 400],
    ['an authority with a user', [...PSEUDO.slice(0, 4), ':authority', 'a@x', ':path', '/'], 400],
    ['no scheme', [':method', 'GET', ':authority', 'x', ':path', '/'], 400],
    ['an empty target', [...PSEUDO.slice(0, 6), ':path', ''], 400],
    ['an absolute target', [...PSEUDO.slice(0, 6), ':path', 'https://x/'], 400],
    ['a target with a line break', [...PSEUDO.slice(0, 6), ':path', '/ HTTP/1.1\r\n'], 400],
    ['an asterisk of GET', [...PSEUDO.slice(0, 6), ':path', '*'], 400],
    ['a long target', [...PSEUDO.slice(0, 6), ':path', `/${'a'.repeat(8192)}`], 414],
    ['a large head', [...PSEUDO, 'a', 'a'.repeat(16_384)], 431],
    ['many fields', [...PSEUDO, ...Array.from({ length: 129 }, () => ['a', '1']).flat()], 431],
  ] as const)('is none with %s', (_name, list, status) => {
    expect(read(list)).toMatchObject({ state: 'refused', status })
  })

  it('of TRACE has no body', () => {
    const trace = [':method', 'TRACE', ...PSEUDO.slice(2)]
    expect(read(trace)).toMatchObject({ state: 'request' })
    expect(read(trace, false)).toMatchObject({ state: 'refused', status: 400 })
  })
})
