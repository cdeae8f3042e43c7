import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PayloadCodec } from './codec.ts'
import { genericCodec } from './msgpack.ts'
import { createWriter } from './writer.ts'

function bytesOf(value: unknown, codec: PayloadCodec = genericCodec): Buffer {
  const writer = createWriter()
  codec.encode(value, writer)
  return writer.take()
}

function there(value: unknown): unknown {
  const bytes = bytesOf(value)
  return genericCodec.decode(bytes, 0, bytes.length)
}

function read(hex: string): unknown {
  const bytes = Buffer.from(hex, 'hex')
  return genericCodec.decode(bytes, 0, bytes.length)
}

const invalid: unknown = expect.objectContaining({ code: 'INVALID_ARGUMENT' })

describe('numbers', () => {
  test('that are safe integers are never floats', () => {
    expect(bytesOf(1700000000000).toString('hex')).toBe('cf0000018bcfe56800')
    expect(bytesOf(-1700000000000).toString('hex')).toBe('d3fffffe74301a9800')
    expect(bytesOf(3.0).toString('hex')).toBe('03')
    expect(bytesOf(-0).toString('hex')).toBe('00')
  })

  test('take the smallest form at every border', () => {
    const forms = [0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0xffffffff, 0x100000000, Number.MAX_SAFE_INTEGER]
    expect(forms.map((n) => bytesOf(n).length)).toEqual([1, 2, 2, 3, 3, 5, 5, 9, 9])
    const negative = [-0x20, -0x21, -0x80, -0x81, -0x8000, -0x8001, -0x80000000, -0x80000001, Number.MIN_SAFE_INTEGER]
    expect(negative.map((n) => bytesOf(n).length)).toEqual([1, 2, 2, 3, 3, 5, 5, 9, 9])
    for (const n of [...forms, ...negative]) expect(there(n)).toBe(n)
  })

  test('of 64 bits arrive as numbers where they are safe, else as BigInt', () => {
    expect(bytesOf(5n).toString('hex')).toBe('d30000000000000005')
    for (const n of [5n, -5n, 2n ** 53n - 1n, -(2n ** 53n - 1n)]) expect(there(n)).toBe(Number(n))
    for (const n of [2n ** 53n, -(2n ** 53n), 2n ** 64n - 1n, -(2n ** 63n)]) expect(there(n)).toBe(n)
    expect(() => bytesOf(2n ** 64n)).toThrow(invalid)
    expect(() => bytesOf(-(2n ** 63n) - 1n)).toThrow(invalid)
  })
})

describe('objects', () => {
  test('leave out what is undefined; arrays hold nil for it', () => {
    expect(bytesOf({ a: undefined, b: 1, c: undefined }).toString('hex')).toBe('81a16201')
    expect(bytesOf([undefined, 1]).toString('hex')).toBe('92c001')
    expect(bytesOf(undefined).toString('hex')).toBe('c0')
    const wide = Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`k${i}`, i < 15 ? i : undefined]))
    expect(bytesOf(wide)[0]).toBe(0x8f)
  })

  test('of classes travel as their properties, or as what toJSON returns', () => {
    class Point {
      x = 1
      #secret = 2
      get sum(): number {
        return this.x + this.#secret
      }
    }
    expect(there(new Point())).toEqual({ x: 1 })
    expect(there({ url: new URL('http://a/') })).toEqual({ url: 'http://a/' })
    expect(there(Object.create(null, { a: { value: 1, enumerable: true } }))).toEqual({ a: 1 })
  })

  test('travel with what is their own, not with what they inherit', () => {
    expect(there(Object.assign(Object.create({ inherited: 1 }), { own: 2, none: undefined }))).toStrictEqual({ own: 2 })
  })

  test('that change while they are read are refused, not sent damaged', () => {
    let reads = 0
    const value = {
      get now() {
        return reads++ === 0 ? 1 : undefined
      },
    }
    expect(() => bytesOf(value)).toThrow(/changes while it is read/)
  })

  test('never get another prototype from the wire', () => {
    const value = read('82a95f5f70726f746f5f5f81a561646d696ec3a16101') as object
    expect(value).toStrictEqual({ a: 1 })
    expect(Object.getPrototypeOf(value)).toBe(Object.prototype)
    expect('admin' in value).toBe(false)
    // The same key as bytes, which Go may write.
    expect(read('81c4095f5f70726f746f5f5f81a561646d696ec3')).toStrictEqual({})
    expect(read('81ab636f6e7374727563746f7201')).toStrictEqual({ constructor: 1 })
  })

  test('may have integers for keys in Go', () => {
    expect(read('82d3000000000000000701ff02')).toStrictEqual({ 7: 1, '-1': 2 })
  })
})

describe('what has no form on the wire is refused, and named', () => {
  const cycle: Record<string, unknown> = {}
  cycle.self = cycle
  test.each([
    ['a function', { f: () => 1 }, /a function/],
    ['a symbol', Symbol('s'), /a symbol/],
    ['a Map', new Map(), /Map or Set/],
    ['a Set', new Set(), /Map or Set/],
    ['an Error', new TypeError('x'), /an Error/],
    ['a Promise', Promise.resolve(1), /await/],
    ['a RegExp', /x/, /RegExp/],
    ['a typed array', new Float64Array(1), /typed array/],
    ['an invalid Date', new Date(Number.NaN), /invalid Date/],
    ['a cycle', cycle, /cycle/],
  ])('%s', (_name, value, message) => {
    expect(() => bytesOf(value)).toThrow(invalid)
    expect(() => bytesOf(value)).toThrow(message)
  })
})

describe('bytes', () => {
  test('arrive as a copy of their own', () => {
    const wire = bytesOf({ data: Buffer.from([1, 2, 3]) })
    const { data } = genericCodec.decode(wire, 0, wire.length) as { data: Uint8Array }
    wire.fill(0xff)
    expect(data).toStrictEqual(new Uint8Array([1, 2, 3]))
    expect(data.buffer.byteLength).toBe(3)
    expect(there(new Uint8Array([7]).buffer)).toStrictEqual(new Uint8Array([7]))
  })

  test.each([
    [31, 'bf'],
    [32, 'd920'],
    [48, 'd930'],
    [49, 'd931'],
  ])('text of %i characters has the smallest header, whatever writes it', (length, header) => {
    const ascii = bytesOf('x'.repeat(length))
    expect(ascii.toString('hex')).toBe(header + '78'.repeat(length))
    expect(there('é'.repeat(length))).toBe('é'.repeat(length))
  })

  test('in every header', () => {
    for (const size of [0, 255, 256, 65_535, 65_536]) {
      expect(there(new Uint8Array(size))).toStrictEqual(new Uint8Array(size))
      expect(there('x'.repeat(size))).toBe('x'.repeat(size))
      expect(there(new Array(size).fill(1))).toHaveLength(size)
    }
  })
})

describe('damaged payloads are refused', () => {
  test.each([
    ['trailing bytes', '0101'],
    ['the code that is never used', 'c1'],
    ['text cut short', 'a561'],
    ['an array that promises 4 G', 'ddffffffff01'],
    ['a map that promises 4 G', 'dfffffffff01'],
    ['bytes that promise 4 G', 'c6ffffffff01'],
    ['a map with half a pair', '81a161'],
    ['an unknown extension', 'd40500'],
    ['a time of 2 bytes', 'd5ff0000'],
    ['a time with too many nanoseconds', 'd7fffffffffc00000000'],
    ['a time beyond Date', 'c70cff000000007fffffffffffffff'],
    ['a map for a key', '818001'],
    ['nil for a key', '81c001'],
    ['a fraction for a key', '81cb3ff800000000000001'],
    ['too many levels', '91'.repeat(200)],
  ])('%s', (_name, hex) => {
    expect(() => read(hex)).toThrow(invalid)
  })

  test('and no bytes at all are undefined', () => {
    expect(read('')).toBe(undefined)
  })
})

test('the deepest value that can be sent can be read', () => {
  let deep: unknown = 1
  for (let i = 0; i < 128; i++) deep = [deep]
  expect(there(deep)).toEqual(deep)
  expect(() => bytesOf([deep])).toThrow(invalid)
})

test('any value comes back as it was', () => {
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.integer(),
    fc.maxSafeInteger().map((n) => n + 0),
    fc.double().filter((n) => !Object.is(n, -0)),
    fc.boolean(),
    fc.constant(null),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
    fc.bigInt(2n ** 53n, 2n ** 64n - 1n),
  )
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 20 }),
      fc.dictionary(
        fc.string({ unit: 'grapheme' }).filter((key) => key !== '__proto__'),
        tie('value'),
        { maxKeys: 20, noNullPrototype: true },
      ),
    ),
  }))
  fc.assert(
    fc.property(value, (original) => {
      expect(there(original)).toStrictEqual(original)
    }),
    { numRuns: 1000, interruptAfterTimeLimit: 4000 },
  )
})
