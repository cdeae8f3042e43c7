import { describe, expect, it } from 'vitest'
import { checkRequest } from './request-check.ts'

describe('the door', () => {
  it.each([
    [['Host', 'a']],
    [['host', 'a:80', 'Content-Length', '3']],
    [['Host', '[::1]:8080', 'Transfer-Encoding', 'chunked']],
    [['Host', '']],
  ])('lets %j in', (raw) => {
    expect(checkRequest(raw, '1.1')).toBeUndefined()
  })

  it.each([
    [[], 400],
    [['Host', 'a', 'HOST', 'a'], 400],
    [['Host', 'a, b'], 400],
    [['Host', 'u@a'], 400],
    [['Host', 'a/b'], 400],
    [['Host', 'a', 'Content-Length', '3', 'Content-Length', '3'], 400],
    [['Host', 'a', 'Content-Length', '+3'], 400],
    [['Host', 'a', 'Content-Length', '3, 3'], 400],
    [['Host', 'a', 'Content-Length', '3', 'Transfer-Encoding', 'chunked'], 400],
    [['Host', 'a', 'Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked'], 400],
    [['Host', 'a', 'Transfer-Encoding', 'gzip, chunked'], 501],
    [['Host', 'a', 'Transfer-Encoding', 'identity'], 501],
  ] as const)('answers %j with %s', (raw, status) => {
    expect(checkRequest(raw, '1.1')?.status).toBe(status)
  })

  it('takes HTTP/1.0 without Host, not with chunks', () => {
    expect(checkRequest([], '1.0')).toBeUndefined()
    expect(checkRequest(['Transfer-Encoding', 'chunked'], '1.0')?.status).toBe(400)
  })
})
