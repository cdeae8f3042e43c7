import { describe, expect, it } from 'vitest'
import { Fields } from './fields.ts'
import { checkRequest } from './request-check.ts'

const check = (raw: readonly string[], version: '1.0' | '1.1' = '1.1', method = 'POST') =>
  checkRequest(method, Fields.of(raw), version)

describe('the door', () => {
  it.each([
    [['Host', 'a']],
    [['host', 'a:80', 'Content-Length', '3']],
    [['Host', '[::1]:8080', 'Transfer-Encoding', 'chunked']],
    [['Host', '', 'transfer-encoding', 'Chunked']],
  ])('lets %j in', (raw) => {
    expect(check(raw)).toMatchObject({ state: 'meaning' })
  })

  it.each([
    [[], 400],
    [['Host', 'a', 'HOST', 'a'], 400],
    [['Host', 'a, b'], 400],
    [['Host', 'u@a'], 400],
    [['Host', 'a/b'], 400],
    [['Host', 'a', 'Content-Length', '3', 'Content-Length', '3'], 400],
    [['Host', 'a', 'Content-Length', '+3'], 400],
    [['Host', 'a', 'Content-Length', ''], 400],
    [['Host', 'a', 'Content-Length', '1234567890123456'], 400],
    [['Host', 'a', 'Content-Length', '3, 3'], 400],
    [['Host', 'a', 'Content-Length', '3', 'Transfer-Encoding', 'chunked'], 400],
    [['Host', 'a', 'Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], 400],
    [['Host', 'a', 'Transfer-Encoding', 'gzip, chunked'], 501],
    [['Host', 'a', 'Transfer-Encoding', 'identity'], 501],
    [['Host', 'a', 'Expect', '200-ok'], 417],
  ] as const)('answers %j with %s', (raw, status) => {
    expect(check(raw)).toMatchObject({ state: 'refused', status })
  })

  it('takes HTTP/1.0 without Host, not with chunks', () => {
    expect(check([], '1.0')).toMatchObject({ state: 'meaning' })
    expect(check(['Transfer-Encoding', 'chunked'], '1.0')).toMatchObject({ status: 400 })
  })

  it('takes no request to upgrade that some read as a body, some as another protocol', () => {
    const upgrade = ['Host', 'a', 'Upgrade', 'h2c', 'Connection', 'Upgrade']
    expect(check([...upgrade, 'Content-Length', '3'])).toMatchObject({ status: 501 })
    expect(check([...upgrade, 'Transfer-Encoding', 'chunked'])).toMatchObject({ status: 501 })
    expect(check(upgrade, '1.0')).toMatchObject({ status: 400 })
    expect(check([...upgrade, 'Content-Length', '0'])).toMatchObject({ upgrade: 'h2c' })
  })

  it('takes no content with TRACE', () => {
    expect(check(['Host', 'a', 'Content-Length', '0'], '1.1', 'TRACE')).toMatchObject({ state: 'meaning' })
    expect(check(['Host', 'a', 'Content-Length', '1'], '1.1', 'TRACE')).toMatchObject({ status: 400 })
  })
})

describe('what the fields say', () => {
  it.each([
    [[], '1.1', true],
    [['Connection', 'close'], '1.1', false],
    [['Connection', 'Keep-Alive, CLOSE'], '1.1', false],
    [['Connection', 'x', 'connection', 'close'], '1.1', false],
    [[], '1.0', false],
    [['Connection', 'keep-alive'], '1.0', true],
    [['Connection', 'keep-alive, close'], '1.0', false],
  ] as const)('%j in HTTP/%s keeps the connection: %s', (raw, version, keepAlive) => {
    expect(check(['Host', 'a', ...raw], version)).toMatchObject({ keepAlive })
  })

  it.each([
    [['Upgrade', 'websocket', 'Connection', 'Upgrade'], '1.1', 'websocket'],
    [['Upgrade', 'websocket', 'Connection', 'keep-alive, upgrade'], '1.1', 'websocket'],
    [['Upgrade', 'websocket', 'Upgrade', 'h2c', 'Connection', 'upgrade'], '1.1', 'websocket, h2c'],
    [['Upgrade', 'websocket'], '1.1', undefined],
    [['Connection', 'upgrade'], '1.1', undefined],
    [['Upgrade', 'h2c', 'Connection', 'close', 'Content-Length', '3'], '1.1', undefined],
  ] as const)('%j in HTTP/%s asks for %s', (raw, version, upgrade) => {
    expect(check(['Host', 'a', ...raw], version)).toMatchObject({ upgrade })
  })

  it('an expectation of HTTP/1.0 is ignored', () => {
    expect(check(['Host', 'a', 'Expect', '100-Continue'])).toMatchObject({ expectsContinue: true })
    expect(check(['Host', 'a', 'Expect', '100-continue'], '1.0')).toMatchObject({ expectsContinue: false })
  })
})
