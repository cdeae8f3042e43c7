import { describe, expect, it } from 'vitest'
import { FIELD } from './field-kinds.ts'
import { Fields } from './fields.ts'
import { type Origin, retryAfterMs, toClientLines, toFieldLines, toNodeLines } from './header-rules.ts'

const origin: Origin = { address: '198.51.100.9', trusted: false, proto: 'http', host: 'shop.test', port: 8080 }
const forwarded = [
  ...['x-forwarded-for', '198.51.100.9', 'x-forwarded-proto', 'http'],
  ...['x-forwarded-host', 'shop.test', 'x-forwarded-port', '8080'],
]

/** Names and values in turn of lines, as the next parser finds them. */
function listOf(lines: string): string[] {
  return lines
    .split('\r\n')
    .slice(0, -1)
    .flatMap((line) => /^([^:]+): (.*)$/.exec(line)?.slice(1) ?? [line])
}

function toNode(raw: readonly string[], from: Origin, identityEncoding = false): string[] {
  return listOf(toNodeLines(Fields.of(raw), from, { identityEncoding }))
}

function fieldOf(list: readonly string[], name: string): string | undefined {
  return Fields.of(list).get(name)
}

describe('fields on their way to a node', () => {
  it('keeps end-to-end fields, their case, order and repetition', () => {
    const raw = ['Host', 'shop.test', 'X-A', '1', 'x-a', '2', 'Accept', '*/*']
    expect(toNode(raw, origin)).toEqual([
      ...['host', 'shop.test', 'X-A', '1', 'x-a', '2', 'Accept', '*/*'],
      ...forwarded,
    ])
  })

  it('drops what belongs to one hop, and what Connection lists', () => {
    const raw = [
      ...['Connection', 'close, X-Mine', 'X-Mine', '1', 'Keep-Alive', 'timeout=5', 'TE', 'trailers', 'Trailer', 'x'],
      ...['Transfer-Encoding', 'chunked', 'Upgrade', 'h2c', 'HTTP2-Settings', 'x', 'Proxy-Connection', 'close'],
      ...['Proxy-Authorization', 'secret', 'Expect', '100-continue', 'Content-Length', '3'],
    ]
    expect(toNode(raw, origin)).toEqual(['host', 'shop.test', ...forwarded])
  })

  it('does not pass on positions in a trace', () => {
    expect(toNode(['Traceparent', 'x', 'b3', 'y', 'X-B3-Flags', '1'], origin)).toEqual([
      'host',
      'shop.test',
      ...forwarded,
    ])
  })

  it('does not let Connection remove what the message means', () => {
    const raw = [
      'Connection',
      'Host, Authorization, X-Forwarded-For, content-type',
      'Authorization',
      'x',
      'Content-Type',
      'a/b',
    ]
    expect(toNode(raw, origin)).toEqual([
      ...['host', 'shop.test', 'Authorization', 'x', 'Content-Type', 'a/b'],
      ...forwarded,
    ])
  })

  it.each(['Call-Service-Key', 'CALL-KEY', 'goms-identity', 'Goms-Anything', 'Call_Key', 'X_Forwarded_For'])(
    'drops %s from outside',
    (name) => {
      expect(toNode([name, 'forged'], origin)).not.toContain('forged')
    },
  )

  it('overwrites X-Forwarded-* and Forwarded of strangers', () => {
    const raw = [
      ...['X-Forwarded-For', '1.1.1.1', 'x-forwarded-proto', 'https', 'Forwarded', 'for=1.1.1.1'],
      ...['X-Forwarded-User', 'root', 'x-forwarded-prefix', '/admin'],
    ]
    expect(toNode(raw, origin)).toEqual(['host', 'shop.test', ...forwarded])
  })

  it('adds to what a trusted proxy says', () => {
    const raw = ['X-Forwarded-For', '1.1.1.1', 'X-Forwarded-For', '2.2.2.2', 'X-Forwarded-Proto', 'https']
    const out = toNode(raw, { ...origin, trusted: true })
    expect(fieldOf(out, 'x-forwarded-for')).toBe('1.1.1.1, 2.2.2.2, 198.51.100.9')
    expect(fieldOf(out, 'x-forwarded-proto')).toBe('https')
    expect(fieldOf(out, 'x-forwarded-port')).toBe('8080')
    expect(fieldOf(toNode(['X-Forwarded-User', 'ann'], { ...origin, trusted: true }), 'x-forwarded-user')).toBe('ann')
  })

  it('asks for an uncompressed answer where it has to read it', () => {
    expect(fieldOf(toNode(['Accept-Encoding', 'gzip, br'], origin, true), 'accept-encoding')).toBe('identity')
    expect(fieldOf(toNode(['Accept-Encoding', 'gzip, br'], origin, false), 'accept-encoding')).toBe('gzip, br')
  })

  it('joins cookie fields into one', () => {
    expect(fieldOf(toNode(['Cookie', 'a=1', 'X', 'y', 'cookie', 'b=2'], origin, false), 'cookie')).toBe('a=1; b=2')
  })
})

describe('fields on their way to the client', () => {
  const toClient = (raw: readonly string[], drop?: number) => listOf(toClientLines(Fields.of(raw), drop))

  it('keeps Set-Cookie apart and drops hop-by-hop and internal fields', () => {
    const raw = [
      ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'Connection', 'keep-alive, X-Hop', 'X-Hop', '1', 'Keep-Alive', 'x'],
      ...[
        'Transfer-Encoding',
        'chunked',
        'goms-refused',
        'draining',
        'Call-Key',
        'secret',
        'X_Own',
        '1',
        'Trailer',
        'x-sum',
      ],
    ]
    expect(toClient(raw)).toEqual(['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X_Own', '1', 'Trailer', 'x-sum'])
    expect(toClient(['goms_x', '1'])).toEqual(['goms_x', '1'])
  })

  it('drops what it is told to', () => {
    expect(toClient(['Content-Length', '1', 'Trailer', 'x', 'A', '1'], FIELD.contentLength | FIELD.trailer)).toEqual([
      'A',
      '1',
    ])
  })
})

describe('lines from names and values', () => {
  it('are written as they are given', () => {
    expect(toFieldLines(['A', '1', 'b', '\u00e4\t x'])).toBe('A: 1\r\nb: \u00e4\t x\r\n')
    expect(toFieldLines([])).toBe('')
  })

  it.each([
    ['a\r\nb', 'x'],
    ['', 'x'],
    ['a b', 'x'],
    ['a:', 'x'],
    ['\u017f', 'x'],
    ['a', 'x\r\nb: y'],
    ['a', 'x\n'],
    ['a', '\0'],
    ['a', '\x7f'],
    // Its low byte is a line feed.
    ['a', 'x\u010ay'],
  ])('%j: %j is refused', (name, value) => {
    expect(() => toFieldLines([name, value])).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
  })
})

describe('Retry-After', () => {
  it.each([
    ['3', 3000],
    ['0', 0],
    ['Thu, 01 Jan 1970 00:00:10 GMT', 9000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
    ['-1', undefined],
    [undefined, undefined],
  ])('%s is %s ms', (value, ms) => {
    expect(retryAfterMs(value, 1000)).toBe(ms)
  })
})
