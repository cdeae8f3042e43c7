import { describe, expect, it } from 'vitest'
import { REQUEST_LIMITS, type RequestHead, RequestHeadReader } from './request-head.ts'

function read(text: string, limits = REQUEST_LIMITS) {
  const bytes = Buffer.from(text, 'latin1')
  return new RequestHeadReader(limits).read(bytes, 0, bytes.length)
}

const line = (first: string) => `${first}\r\nHost: h\r\n\r\n`
const field = (text: string) => `GET / HTTP/1.1\r\nHost: h\r\n${text}\r\n\r\n`

describe('a head that is read', () => {
  it('gives what it says, and where it ended', () => {
    const text = 'POST /a?b=c HTTP/1.1\r\nHost: h.test:80\r\nX-A:  b \t\r\nContent-Length: 3\r\n\r\n'
    expect(read(`${text}abcGET`)).toMatchObject({
      state: 'head',
      method: 'POST',
      target: '/a?b=c',
      version: '1.1',
      contentLength: 3,
      chunked: false,
      keepAlive: true,
      expectsContinue: false,
      upgrade: undefined,
      end: text.length,
    })
    const { fields } = read(text) as RequestHead
    expect(fields.list()).toEqual(['Host', 'h.test:80', 'X-A', 'b', 'Content-Length', '3'])
    expect(fields.text).toBe('Host: h.test:80\r\nX-A:  b \t\r\nContent-Length: 3\r\n')
  })

  it.each([
    ['GET / HTTP/1.1', { target: '/', version: '1.1' }],
    ['GET / HTTP/1.0', { version: '1.0', keepAlive: false }],
    ['OPTIONS * HTTP/1.1', { target: '*' }],
    ['GET http://h:80/x?y HTTP/1.1', { target: 'http://h:80/x?y' }],
    ['GET HTTPS://[::1] HTTP/1.1', { target: 'HTTPS://[::1]' }],
    ['M-SEARCH /?{"a":|} HTTP/1.1', { method: 'M-SEARCH', target: '/?{"a":|}' }],
    ['\r\nGET / HTTP/1.1', { method: 'GET' }],
  ])('%j', (first, head) => {
    expect(read(line(first))).toMatchObject({ state: 'head', ...head })
  })

  it('may be without fields in HTTP/1.0', () => {
    expect(read('GET / HTTP/1.0\r\n\r\n')).toMatchObject({ state: 'head', end: 18 })
  })

  it.each(["!#$%&'*+-.^_`|~09azAZ: 1", 'Empty:', 'Empty: \t ', 'Obs: caf\xe9', 'Tab: a\tb', 'X:y'])(
    'takes %j',
    (text) => {
      expect(read(field(text))).toMatchObject({ state: 'head' })
    },
  )

  it('is read where it stands in the bytes', () => {
    const bytes = Buffer.from(`xxxxx${line('GET /a HTTP/1.1')}yyy`)
    const head = new RequestHeadReader(REQUEST_LIMITS).read(bytes, 5, bytes.length) as RequestHead
    expect(head).toMatchObject({ target: '/a', end: bytes.length - 3 })
    expect(head.fields.get('host')).toBe('h')
  })
})

describe('refused', () => {
  it.each([
    ['GET / HTTP/1.1\n', 400],
    ['GET /\r\n', 400],
    ['GET / HTTP/1.1 \r\n', 400],
    ['GET  / HTTP/1.1\r\n', 400],
    ['GET /  HTTP/1.1\r\n', 400],
    ['GET\t/ HTTP/1.1\r\n', 400],
    [' GET / HTTP/1.1\r\n', 400],
    ['\nGET / HTTP/1.1\r\n', 400],
    ['\r\n\r\nGET / HTTP/1.1\r\n', 400],
    ['G(T / HTTP/1.1\r\n', 400],
    ['hello\r\n\r\n', 400],
    ['\x16\x03\x01\x02', 400],
    [`${'A'.repeat(33)}`, 400],
    ['get / HTTP/1.1\r\n', 501],
    ['BREW / HTTP/1.1\r\n', 501],
    ['CONNECT h:443 HTTP/1.1\r\n', 501],
    ['GET / HTTP/2.0\r\n', 505],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 501],
    ['GET / HTTP/0.9\r\n', 505],
    ['GET / HTTP/1.2\r\n', 505],
    ['GET / HTTP/1.10\r\n', 400],
    ['GET / HTTP/1,1\r\n', 400],
    ['GET / http/1.1\r\n', 400],
    ['GET / HTTP/1.1\r\r\n', 400],
    ['GET / HTTP/1.1\rX', 400],
    ['GET /a#b HTTP/1.1\r\n', 400],
    ['GET /a\x01 HTTP/1.1\r\n', 400],
    ['GET /caf\xe9 HTTP/1.1\r\n', 400],
    [line('GET * HTTP/1.1'), 400],
    [line('GET a HTTP/1.1'), 400],
    [line('GET h:443 HTTP/1.1'), 400],
    [line('GET ftp://h/ HTTP/1.1'), 400],
    [line('GET http:///x HTTP/1.1'), 400],
    [line('GET http://u@h/ HTTP/1.1'), 400],
    [line('GET http://h\\x/ HTTP/1.1'), 400],
    [line('GET http://h, x/ HTTP/1.1'), 400],
  ])('%j: %s', (text, status) => {
    expect(read(text)).toMatchObject({ state: 'refused', status })
  })

  it.each([
    ['X: a\nY: b', 'a line break other than CRLF'],
    ['X: a\rY: b', 'a line break other than CRLF'],
    ['X: a\r\r', 'a line break other than CRLF'],
    ['X: a\r\n b', 'a folded header line'],
    ['X: a\r\n\tb', 'a folded header line'],
    ['X : a', 'white space before the colon of a header field'],
    ['X\t: a', 'white space before the colon of a header field'],
    [': a', 'malformed name of a header field'],
    ['X', 'a line break other than CRLF'],
    ['X(: a', 'malformed name of a header field'],
    ['X\xe9: a', 'malformed name of a header field'],
    ['X: \0', 'a control character in a header field'],
    ['X: \x1f', 'a control character in a header field'],
    ['X: \x7f', 'a control character in a header field'],
    ['Content-Length: 3\t', 'malformed Content-Length'],
  ])('the field %j: %s', (text, reason) => {
    expect(read(field(text))).toMatchObject({ state: 'refused', status: 400, reason })
  })

  it('as soon as it is certain', () => {
    expect(read('GET / HTTP/1.1\r\nX : ')).toMatchObject({ state: 'refused' })
    expect(read('GET / HTTP/1.1\r\nX: \0')).toMatchObject({ state: 'refused' })
    expect(read('GET / HTTP/3')).toMatchObject({ state: 'incomplete' })
    expect(read('GET / FTP')).toMatchObject({ state: 'refused' })
  })
})

describe('limits', () => {
  const limits = { headBytes: 100, fieldCount: 3, targetBytes: 20 }

  it.each([
    [`GET /${'a'.repeat(19)} HTTP/1.1\r\n`, 'incomplete'],
    [`GET /${'a'.repeat(20)} HTTP/1.1\r\n`, 414],
    [`GET /${'a'.repeat(20)}`, 414],
    ['GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nHost: h\r\n\r\n', 'head'],
    ['GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nHost: h\r\n\r\n', 431],
    [`GET / HTTP/1.1\r\nHost: ${'h'.repeat(100 - 16 - 6 - 4)}\r\n\r\n`, 'head'],
    [`GET / HTTP/1.1\r\nHost: ${'h'.repeat(100 - 16 - 6 - 3)}\r\n\r\n`, 431],
    [`GET / HTTP/1.1\r\nHost: ${'h'.repeat(99 - 16 - 6)}`, 'incomplete'],
    [`GET / HTTP/1.1\r\nHost: ${'h'.repeat(100 - 16 - 6)}`, 431],
    // What follows a head is not counted.
    [`GET / HTTP/1.1\r\nHost: h\r\n\r\n${'x'.repeat(200)}`, 'head'],
  ])('%j: %s', (text, result) => {
    const { state, ...rest } = read(text, limits)
    expect('status' in rest ? rest.status : state).toBe(result)
  })
})

describe('a head that comes in pieces', () => {
  const text =
    '\r\nPOST /a/b?c HTTP/1.1\r\nHost: h\r\nX_Long: aaaa bbbb cccc\t\r\nEmpty:\r\nTransfer-Encoding: chunked\r\n\r\n'
  const bytes = Buffer.from(`${text}5\r\n`)
  const whole = read(text)

  it('is the same wherever it is cut', () => {
    const reader = new RequestHeadReader(REQUEST_LIMITS)
    for (let first = 1; first < text.length; first++) {
      for (let second = first; second < text.length; second += 7) {
        expect(reader.read(bytes, 0, first)).toEqual({ state: 'incomplete' })
        expect(reader.read(bytes, 0, second)).toEqual({ state: 'incomplete' })
        expect(reader.read(bytes, 0, bytes.length)).toEqual(whole)
      }
    }
  })

  it('octet by octet', () => {
    const reader = new RequestHeadReader(REQUEST_LIMITS)
    for (let end = 0; end < text.length; end++) {
      // Each time in other memory, as when the connection keeps them in a buffer that grows.
      const moved = Buffer.concat([Buffer.alloc(end % 5), bytes.subarray(0, end)])
      expect(reader.read(moved, end % 5, moved.length)).toEqual({ state: 'incomplete' })
    }
    expect(reader.read(bytes, 0, text.length)).toEqual(whole)
  })

  it('is forgotten where it was expected whole', () => {
    const reader = new RequestHeadReader(REQUEST_LIMITS)
    expect(reader.readWhole(bytes, 0, 40)).toEqual({ state: 'incomplete' })
    expect(reader.readWhole(bytes, 0, bytes.length)).toEqual(whole)
  })

  it('does not disturb the next one when it is refused', () => {
    const reader = new RequestHeadReader(REQUEST_LIMITS)
    const bad = Buffer.from('GET / HTTP/1.1\r\nHost: h\r\nX : 1\r\n\r\n')
    expect(reader.read(bad, 0, 20)).toEqual({ state: 'incomplete' })
    expect(reader.read(bad, 0, bad.length)).toMatchObject({ state: 'refused' })
    expect(reader.read(bytes, 0, bytes.length)).toEqual(whole)
  })

  it('costs no more for many small pieces than for its size', () => {
    const long = Buffer.from(`GET / HTTP/1.1\r\nHost: h\r\nX: ${'a'.repeat(15_000)}\r\n\r\n`)
    let looks = 0
    const counted = new Proxy(long, {
      get: (target, key) => {
        if (typeof key === 'string' && /^\d+$/.test(key)) looks++
        return Reflect.get(target, key, target)
      },
    })
    const reader = new RequestHeadReader({ ...REQUEST_LIMITS, targetBytes: 100 })
    for (let end = 1; end < long.length; end++) reader.read(counted, 0, end)
    expect(looks).toBeLessThan(8 * long.length)
  })
})
