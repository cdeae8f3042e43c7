import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRedactor, type RequestParts } from './redaction.ts'

const CALL_KEY = 'k3y of/calls"1'
const redactor = createRedactor({ redact: ['Custom-Field'], secrets: [CALL_KEY, ''] })

function tagsOf(parts: Partial<RequestParts>): Record<string, string> {
  return redactor.tagsOf({ method: 'POST', path: '/login', query: '', headers: [], ...parts })
}

function bodyOf(text: string | Uint8Array, contentType: string | undefined, size?: number) {
  const bytes = Buffer.from(text)
  return tagsOf({ body: { bytes, contentType, size: size ?? bytes.length } })
}

const JSON_BODY = 'application/json; charset=utf-8'
const FORM_BODY = 'application/x-www-form-urlencoded'

describe('redaction', () => {
  it('shows what a request was: method, path, query, headers, body', () => {
    const tags = tagsOf({
      query: 'a=1&b=%20x%7B&c',
      headers: [
        ['Host', '127.0.0.1:8080'],
        ['User-Agent', 'curl/7.88 (X11; Linux x86_64)'],
        ['Accept', 'text/html;q=0.9, */*'],
        ['X-Forwarded-For', '10.0.0.1'],
        ['x-forwarded-for', '10.0.0.2'],
        ['traceparent', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'],
      ],
      body: { bytes: Buffer.from('{"username": "bob", "n": 1.50}'), contentType: JSON_BODY, size: 30 },
    })
    expect(tags).toEqual({
      'http.method': 'POST',
      'http.path': '/login',
      'http.query': 'a=1&b=%20x%7B&c',
      'http.header.host': '127.0.0.1:8080',
      'http.header.user-agent': 'curl/7.88 (X11; Linux x86_64)',
      'http.header.accept': 'text/html;q=0.9, */*',
      'http.header.x-forwarded-for': '10.0.0.1, 10.0.0.2',
      'http.header.traceparent': '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
      'http.body': '{"username":"bob","n":1.50}',
      'http.body.type': 'application/json; charset=utf-8',
      'http.body.size': '30',
    })
  })

  it.each([
    ['Authorization', 'Bearer x'],
    ['cookie', 'a=b'],
    ['Set-Cookie', 'a=b'],
    ['Proxy-Authorization', 'Basic x'],
    ['Call-Service-Key', 'x'],
    ['call-key', 'x'],
    ['goms-identity', 'x'],
    ['goms-anything', 'x'],
    ['X-Api-Key', 'x'],
    ['custom_field', 'x'],
  ])('hides the header %s', (name, value) => {
    expect(tagsOf({ headers: [[name, value]] })[`http.header.${name.toLowerCase()}`]).toBe('[redacted]')
  })

  it.each([
    ['{"a":1,"password":{"deep":["x"]},"b":2}', '{"a":1,"password":"[redacted]","b":2}'],
    ['{"pass\\u0077ord":"x"}', '{"password":"[redacted]"}'],
    [
      '[{"name":"password","value":"x"},{"value":"x","key":"token"}]',
      '[{"name":"password","value":"[redacted]"},{"value":"[redacted]","key":"token"}]',
    ],
    ['[["password","x"],["a","b"]]', '[["password","[redacted]"],["a","b"]]'],
    ['{"s":"{\\"token\\":\\"x\\"}"}', '{"s":"{\\"token\\":\\"[redacted]\\"}"}'],
    ['{"url":"/a?page=1&session=x"}', '{"url":"/a?page=1&session=[redacted]"}'],
    ['{"query":"mutation { login(password: \\"x\\") }"}', '{"query":"mutation { login(password:[redacted]"}'],
    ['{"__proto__":{"pin":1},"constructor":2}', '{"__proto__":{"pin":"[redacted]"},"constructor":2}'],
    ['{"note":"my api key: x"}', '{"note":"my api key:[redacted]"}'],
  ])('reads JSON: %s', (body, expected) => {
    expect(bodyOf(body, JSON_BODY)['http.body']).toBe(expected)
    expect(bodyOf(body, 'application/vnd.api+json')['http.body']).toBe(expected)
  })

  it.each([
    ['a=1&password=x&b=2', 'a=1&password=[redacted]&b=2'],
    ['p%61ssword=x;user%5Bpwd%5D=y', 'p%61ssword=[redacted];user%5Bpwd%5D=[redacted]'],
    ['p%2561ssword=x', 'p%2561ssword=[redacted]'],
    ['next=%2Fa%3Ftoken%3Dx&page=2', 'next=[redacted]&page=2'],
    ['data=%7B%22pin%22%3A1%7D', 'data=[redacted]'],
    ['data=%7B%22a%22%3A1%7D', 'data=%7B%22a%22%3A1%7D'],
    ['api+key=x', 'api+key=[redacted]'],
  ])('reads forms and queries: %s', (text, expected) => {
    expect(bodyOf(text, FORM_BODY)['http.body']).toBe(expected)
    expect(tagsOf({ query: text })['http.query']).toBe(expected)
  })

  it.each([
    ['Referer', 'http://u:x@host/?page=1', 'http[redacted]'],
    ['Referer', '/a?page=1&token=x', '/a?page=1&token=[redacted]'],
    ['X-Note', 'Bearer x', '[redacted]'],
    ['X-Note', 'of eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.abc', 'of [redacted]'],
    ['X-Note', `it is ${CALL_KEY}!`, 'it is [redacted]!'],
    ['X-Note', encodeURIComponent(CALL_KEY), '[redacted]'],
    ['X-Note', JSON.stringify(CALL_KEY), '[redacted]'],
  ])('hides in the header %s: %s', (name, value, expected) => {
    expect(tagsOf({ headers: [[name, value]] })[`http.header.${name.toLowerCase()}`]).toBe(expected)
  })

  it.each([
    ['JSON that is none', '{"password":"x"', JSON_BODY],
    ['JSON in other bytes', Buffer.from('{"password":"x"}', 'utf16le'), JSON_BODY],
    ['bytes that are no text', Buffer.from([0x22, 0xff, 0x22]), JSON_BODY],
    ['a form that is none', '{"password":"x"}', FORM_BODY],
    ['text', 'password is x', 'text/plain'],
    ['files', 'x', 'multipart/form-data; boundary=x'],
    ['nothing said', '{"a":1}', undefined],
  ])('keeps of %s the size and type only', (_, body, type) => {
    const { length } = Buffer.from(body)
    const tags = bodyOf(body, type)
    expect(tags['http.body']).toBeUndefined()
    expect(tags['http.body.size']).toBe(String(length))
  })

  it('reads a body that was cut as far as it goes', () => {
    const cut = (text: string, type: string) => bodyOf(text, type, 1_000_000)['http.body']
    expect(cut('{"a":"b","password":"secr', JSON_BODY)).toBe('{"a":"b","password":"[redacted]"}…')
    expect(cut('{"a":"token=secr', JSON_BODY)).toBe('{"a":"token=[redacted]"}…')
    expect(cut('{"a":"{\\"pin\\":\\"secr', JSON_BODY)).toBe('{"a":"{\\"pin\\":\\"[redacted]\\"}…"}…')
    expect(cut('a=b&password=secr', FORM_BODY)).toBe('a=b&password=[redacted]…')
    expect(cut('<html>', JSON_BODY)).toBeUndefined()
    const long = `{"list":[${'"ü",'.repeat(5000)}"x"]}`
    const kept = bodyOf(long, JSON_BODY)['http.body'] as string
    expect(kept.startsWith('{"list":["ü","ü"')).toBe(true)
    expect(kept.endsWith('"]}…')).toBe(true)
    expect(kept.length).toBeLessThanOrEqual(4100)
  })

  it('is bounded whatever is sent', () => {
    const tags = tagsOf({
      method: 'x'.repeat(100_000),
      path: `/${'x'.repeat(100_000)}`,
      query: 'x'.repeat(100_000),
      headers: Array.from({ length: 1000 }, (_, i) => [`x-${i}-${'y'.repeat(1000)}`, 'z'.repeat(10_000)] as const),
      body: { bytes: Buffer.alloc(100_000, '"'), contentType: JSON_BODY.repeat(100), size: undefined },
    })
    expect(JSON.stringify(tags).length).toBeLessThan(24 * 1024)
    expect(Number(tags['http.headers.left_out'])).toBeGreaterThan(900)
  })

  it('takes secrets out of messages', () => {
    expect(redactor.text('user bob: no such user')).toBe('user bob: no such user')
    expect(redactor.text('bad password=x')).toBe('bad password=[redacted]')
    expect(redactor.text(`key ${CALL_KEY}`)).toBe('key [redacted]')
  })
})

describe('no secret is ever shown', () => {
  const CANARY = 'cAnaRy7x31'
  const words = [
    'password',
    'passwd',
    'pwd',
    'token',
    'secret',
    'api key',
    'credential',
    'authorization',
    'session',
    'otp',
    'pin',
    'cookie',
    'custom field',
  ]
  /** A name in any case and with any separators. */
  const name = fc
    .record({
      word: fc.constantFrom(...words),
      before: fc.constantFrom('', 'user_', 'x-', 'my '),
      after: fc.constantFrom('', '_1', '-hash', 'Value'),
      case: fc.constantFrom('lower', 'upper', 'camel'),
      separator: fc.constantFrom('', '_', '-', ' '),
    })
    .map((it) => {
      const parts = it.word.split(' ')
      const joined =
        it.case === 'camel' && parts.length > 1
          ? parts.map((part, n) => (n > 0 ? part.charAt(0).toUpperCase() + part.slice(1) : part)).join('')
          : parts.join(it.separator)
      // Names that the user gave are whole ones.
      const text = it.word === 'custom field' ? joined : `${it.before}${joined}${it.word === 'pin' ? '' : it.after}`
      return it.case === 'upper' ? text.toUpperCase() : text
    })
  const percent = (text: string, bits: number) =>
    [...Buffer.from(text)]
      .map((byte, i) =>
        (bits >> (i % 16)) & 1 || !/[\w]/.test(String.fromCharCode(byte))
          ? `%${byte.toString(16).padStart(2, '0')}`
          : String.fromCharCode(byte),
      )
      .join('')
  const jsonName = (text: string, bits: number) =>
    `"${[...text].map((char, i) => ((bits >> (i % 16)) & 1 ? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}` : char)).join('')}"`
  const bits = fc.integer({ min: 0, max: 65_535 })
  /** JSON text with the canary under the name, at any depth and beside anything. */
  const json = fc
    .record({
      name,
      bits,
      other: fc.json({ maxDepth: 2 }),
      depth: fc.array(fc.constantFrom('list', 'object', 'text', 'form')),
      form: fc.constantFrom('text', 'list', 'object', 'pair', 'map'),
    })
    .map((it) => {
      const key = jsonName(it.name, it.bits)
      const value = it.form === 'list' ? `[1,"${CANARY}"]` : it.form === 'object' ? `{"v":"${CANARY}"}` : `"${CANARY}"`
      let text =
        it.form === 'pair'
          ? `{"value":${value},"name":${key}}`
          : it.form === 'map'
            ? `[${key},${value}]`
            : `{"o":${it.other},${key}:${value}}`
      for (const level of it.depth.slice(0, 3)) {
        if (level === 'list') text = `[${it.other}, ${text}]`
        else if (level === 'object') text = `{ "a" : ${text}, "z": 1 }`
        else if (level === 'text') text = `{"a":${JSON.stringify(text)}}`
        else text = `{"a":${JSON.stringify(`x=1&y=${encodeURIComponent(text)}`)}}`
      }
      return text
    })
  const pairs = fc.record({ name, bits, json, kind: fc.constantFrom('pair', 'nested', 'json', 'url') }).map((it) => {
    const pair = `${percent(it.name, it.bits)}=${CANARY}`
    if (it.kind === 'pair') return `a=1&${pair}&b=2`
    if (it.kind === 'nested') return `a=1&user%5B${percent(it.name, it.bits)}%5D=${CANARY}`
    if (it.kind === 'json') return `data=${encodeURIComponent(it.json)}`
    return `next=${encodeURIComponent(`http://host/path?x=1&${pair}`)}`
  })
  const shown = (parts: Partial<RequestParts>) => JSON.stringify(tagsOf(parts))
  const body = (text: string, contentType: string, size = Buffer.byteLength(text)) => ({
    body: { bytes: Buffer.from(text), contentType, size },
  })

  it('in JSON, whole or cut anywhere', () => {
    fc.assert(
      fc.property(json, fc.nat(), (text, n) => {
        expect(shown(body(text, JSON_BODY))).not.toContain(CANARY)
        // `{"value": …, "name": "password"}` that is cut before the name says nothing of a secret.
        if (/value/i.test(text)) return
        const part = text.slice(0, n % (text.length + 1))
        expect(shown(body(part, JSON_BODY, 1_000_000))).not.toContain(CANARY.slice(0, 5))
      }),
      { numRuns: 3000 },
    )
  })

  it('in forms and queries', () => {
    fc.assert(
      fc.property(pairs, fc.nat(), (text, n) => {
        const part = text.slice(0, n % (text.length + 1))
        expect(shown({ query: text })).not.toContain(CANARY)
        expect(shown(body(text, FORM_BODY))).not.toContain(CANARY)
        if (!/value/i.test(text)) expect(shown(body(part, FORM_BODY, 1_000_000))).not.toContain(CANARY.slice(0, 5))
      }),
      { numRuns: 3000 },
    )
  })

  it('in headers', () => {
    fc.assert(
      fc.property(name, pairs, json, (key, text, value) => {
        const headers = [
          [key.replaceAll(' ', '-'), CANARY],
          ['Referer', `http://host/path?${text}`],
          ['X-Data', value],
          ['X-Text', `it said ${key}: ${CANARY}`],
        ] as const
        expect(shown({ headers })).not.toContain(CANARY)
      }),
      { numRuns: 2000 },
    )
  })
})
