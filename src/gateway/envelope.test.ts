import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Fields } from '../http/fields.ts'
import { Envelope, envelopedFields, insertAt, insertionIn, isEnveloped, SCANNED_BYTES } from './envelope.ts'
import { hasOwnStatus } from './own-status.ts'

/** A body in these chunks, with its length told or not. */
function through(chunks: readonly string[], contentLength?: number): string {
  const envelope = new Envelope(contentLength)
  const out: Buffer[] = []
  for (const chunk of chunks) out.push(...(envelope.push(Buffer.from(chunk)) ?? []))
  out.push(...envelope.end())
  const total = Buffer.concat(out).toString()
  expect(Buffer.byteLength(total)).toBe(Buffer.byteLength(chunks.join('')) + (envelope.addedBytes ?? Number.NaN))
  return total
}

/** A body that is here in one piece. */
function atOnce(text: string): string {
  const body = Buffer.from(text)
  const at = insertionIn(body)
  return at < 0
    ? text
    : Buffer.concat([body.subarray(0, at), Buffer.from(insertAt(body, at)), body.subarray(at)]).toString()
}

const JSON_TYPE = ['Content-Type', 'application/json']

describe('which answers', () => {
  it.each([
    [200, JSON_TYPE, true],
    [201, ['content-type', 'Application/JSON; charset=utf-8'], true],
    [299, JSON_TYPE, true],
    [200, [...JSON_TYPE, 'Content-Encoding', 'identity'], true],
    [204, JSON_TYPE, false],
    [205, JSON_TYPE, false],
    [206, JSON_TYPE, false],
    [304, JSON_TYPE, false],
    [400, JSON_TYPE, false],
    [500, JSON_TYPE, false],
    [200, ['Content-Type', 'application/problem+json'], false],
    [200, ['Content-Type', 'application/vnd.api+json'], false],
    [200, ['Content-Type', 'application/jsonl'], false],
    [200, ['Content-Type', 'text/html'], false],
    [200, [], false],
    [200, [...JSON_TYPE, 'Content-Encoding', 'gzip'], false],
  ])('%s %j: %s', (status, headers, expected) => {
    expect(isEnveloped(status, Fields.of(headers))).toBe(expected)
  })
})

describe('what is put in', () => {
  it.each([
    ['{"code":0}', '{"status":true,"code":0}'],
    ['{}', '{"status":true}'],
    [' \r\n\t{ "a":1}', ' \r\n\t{"status":true, "a":1}'],
    ['{ \n }', '{"status":true \n }'],
    ['{"a":{"status":1}}', '{"status":true,"a":{"status":1}}'],
    ['{"a":"status"}', '{"status":true,"a":"status"}'],
    ['{"a":["status",{"status":2}]}', '{"status":true,"a":["status",{"status":2}]}'],
    ['{"a":"{\\"status\\":1}"}', '{"status":true,"a":"{\\"status\\":1}"}'],
    ['{"statu":1,"Status":2}', '{"status":true,"statu":1,"Status":2}'],
  ])('%j becomes %j', (body, expected) => {
    expect(through([body], body.length)).toBe(expected)
    expect(atOnce(body)).toBe(expected)
    expect(through([body])).toBe(expected)
    expect(through([...body])).toBe(expected)
  })

  it.each([
    ['', 'nothing'],
    ['[]', 'an array'],
    ['"{"', 'a string'],
    ['null', 'null'],
    ['{', 'an object that never ends'],
    ['{  ', 'the same with white space'],
    ['\ufeff{"a":1}', 'a byte order mark'],
    ['{"status":false,"code":1}', 'a status of its own'],
    ['{"code":1,"status":"late"}', 'a status at the end'],
    ['{"st\\u0061tus":1}', 'a status with an escape'],
    ['{"a":{"b":[1,2]},"status":0}', 'a status after nested values'],
  ])('%j stays: %s', (body) => {
    expect(through([body], Buffer.byteLength(body))).toBe(body)
    expect(atOnce(body)).toBe(body)
    expect(through([body])).toBe(body)
    expect(through([...body])).toBe(body)
  })

  it('gives valid JSON with a true status, however the body is cut', () => {
    const object = fc.dictionary(
      fc.oneof(fc.string(), fc.constantFrom('status', 'a"b\\', '{')),
      fc.oneof(fc.jsonValue(), fc.constant({ status: 1 })),
    )
    const cuts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(object, cuts, fc.boolean(), fc.constantFrom(0, 1, '\t'), (value, sizes, known, indent) => {
        const body = JSON.stringify(value, null, indent)
        const chunks: string[] = []
        for (let at = 0, n = 0; at < body.length; n++) {
          // Surrogate pairs are kept together: chunks are made from strings here.
          const size = sizes[n % sizes.length] ?? 1
          chunks.push([...body.slice(at, at + size)].join(''))
          at += size
        }
        const bytes = chunks.join('')
        if (Buffer.from(bytes).toString() !== chunks.map((chunk) => Buffer.from(chunk).toString()).join('')) return
        const out = JSON.parse(through(chunks, known ? Buffer.byteLength(bytes) : undefined))
        const expected = Object.hasOwn(value, 'status') ? value : { status: true, ...value }
        expect(out).toEqual(JSON.parse(JSON.stringify(expected)))
        expect(atOnce(bytes)).toBe(through([bytes], Buffer.byteLength(bytes)))
      }),
    )
  })
})

describe('how long it waits', () => {
  it('holds a short body of known length until it is whole', () => {
    const envelope = new Envelope(12)
    expect(envelope.push(Buffer.from('{"a":'))).toBeUndefined()
    expect(envelope.atHand()).toBeUndefined()
    expect(envelope.push(Buffer.from('"bcde"}'))).toBeUndefined()
    expect(Buffer.concat(envelope.end()).toString()).toBe('{"status":true,"a":"bcde"}')
  })

  it('keeps nothing of a chunk whose buffer is used again', () => {
    const envelope = new Envelope(undefined)
    const reused = Buffer.from('{"a":1')
    expect(envelope.push(reused)).toBeUndefined()
    reused.fill('x')
    expect(Buffer.concat(envelope.atHand() ?? []).toString()).toBe('{"status":true,"a":1')
  })

  it('lets a body of unknown length go once nothing more is at hand; a later status wins as the duplicate', () => {
    const envelope = new Envelope(undefined)
    expect(envelope.push(Buffer.from('{"a":1,'))).toBeUndefined()
    expect(Buffer.concat(envelope.atHand() ?? []).toString()).toBe('{"status":true,"a":1,')
    expect(envelope.push(Buffer.from('"status":false}'))).toHaveLength(1)
    expect(envelope.end()).toEqual([])
  })

  it('decides a large body by its first characters', () => {
    const envelope = new Envelope(SCANNED_BYTES + 1)
    expect(envelope.push(Buffer.from('{'))).toBeUndefined()
    expect(Buffer.concat(envelope.push(Buffer.from('"')) ?? []).toString()).toBe('{"status":true,"')
  })

  it('holds at most 64 KiB of a body of unknown length', () => {
    const envelope = new Envelope(undefined)
    expect(envelope.push(Buffer.from('{"a":"'))).toBeUndefined()
    expect(envelope.push(Buffer.alloc(SCANNED_BYTES - 6, 'x'))).toBeUndefined()
    expect(envelope.push(Buffer.from('x'))).toBeDefined()
    expect(envelope.addedBytes).toBe(14)
  })

  it('waits for at most 4 KiB of white space', () => {
    expect(through([' '.repeat(4096), '{}'])).toBe(`${' '.repeat(4096)}{"status":true}`)
    expect(through([' '.repeat(4097), '{}'])).toBe(`${' '.repeat(4097)}{}`)
    for (const body of [4096, 4097].flatMap((n) => [`${' '.repeat(n)}{}`, `{${' '.repeat(n)}}`])) {
      expect(atOnce(body)).toBe(through([body], body.length))
    }
    expect(through(['{', ' '.repeat(4096), '}'])).toBe(`{"status":true${' '.repeat(4096)}}`)
    expect(through(['{', ' '.repeat(4097), '}'])).toBe(`{${' '.repeat(4097)}}`)
    const envelope = new Envelope(1_000_000)
    expect(envelope.push(Buffer.alloc(5000, ' '))).toHaveLength(1)
  })
})

describe('fields', () => {
  const headers = [
    'Content-Length',
    '10',
    'ETag',
    '"x"',
    'Digest',
    'd',
    'Content-MD5',
    'm',
    'Repr-Digest',
    'r',
    'A',
    '1',
  ]
  const enveloped = (list: readonly string[], addedBytes: number | undefined): string[] =>
    envelopedFields(Fields.of(list), addedBytes).list()

  it('grow, weaken and lose what no longer holds', () => {
    expect(enveloped(headers, 14)).toEqual(['Content-Length', '24', 'ETag', 'W/"x"', 'A', '1'])
  })

  it('tell no length where it is not known', () => {
    expect(enveloped(headers, undefined)).toEqual(['ETag', 'W/"x"', 'A', '1'])
    expect(enveloped(['ETag', 'W/"x"'], 14)).toEqual(['ETag', 'W/"x"'])
  })
})

describe('the search', () => {
  it('agrees with JSON.parse', () => {
    const key = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('status', 'status ', '"status"'))
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue()), (value) => {
        const json = Buffer.from(JSON.stringify(value))
        expect(hasOwnStatus(json, 1)).toBe(Object.hasOwn(JSON.parse(json.toString()), 'status'))
      }),
    )
  })

  it('finds a status in a large body too, escaped or not', () => {
    const filler = `"a":"${'x'.repeat(1000)}"`
    for (const [key, found] of [
      ['"status"', true],
      ['"st\\u0061tus"', true],
      ['"\\u0061"', false],
      ['"b":{"status"', false],
    ] as const) {
      const json = Buffer.from(`{${filler},${key}:1`)
      expect(hasOwnStatus(json, 1)).toBe(found)
    }
  })
})
