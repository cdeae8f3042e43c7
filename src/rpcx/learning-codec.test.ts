import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { transformSync } from 'oxc-transform'
import { describe, expect, test } from 'vitest'
import type { PayloadCodec } from './codec.ts'
import { createLearningCodec } from './learning-codec.ts'
import { genericCodec } from './msgpack.ts'
import { readerOf } from './msgpack-decode.ts'
import { mergeShapes, shapeOf } from './shape.ts'
import { compileDecoder } from './shape-decode.ts'
import { compileEncoder } from './shape-encode.ts'
import { createWriter } from './writer.ts'

function bytesOf(value: unknown, codec: PayloadCodec = genericCodec): Buffer {
  const writer = createWriter()
  codec.encode(value, writer)
  return writer.take()
}

/** A codec that has compiled the shape of these values, sending and receiving. */
function learnt(...samples: unknown[]): PayloadCodec {
  const codec = createLearningCodec()
  for (const sample of samples) {
    const bytes = bytesOf(sample)
    for (let i = 0; i < 20; i++) {
      codec.encode(sample, createWriter())
      codec.decode(bytes, 0, bytes.length)
    }
  }
  return codec
}

/** Both ways as the generic codec does it, in the middle of other bytes. */
function expectAlike(codec: PayloadCodec, value: unknown): void {
  const bytes = bytesOf(value)
  expect(bytesOf(value, codec).toString('hex')).toBe(bytes.toString('hex'))
  const among = Buffer.concat([Buffer.alloc(3, 0xc1), bytes, Buffer.alloc(40, 0xa1)])
  const expected = genericCodec.decode(bytes, 0, bytes.length)
  const value2 = codec.decode(among, 3, 3 + bytes.length)
  expect(value2).toStrictEqual(expected)
  expect(JSON.stringify(Object.keys(Object(value2)))).toBe(JSON.stringify(Object.keys(Object(expected))))
}

const USER = {
  id: 1234567890123,
  name: 'Ada',
  active: true,
  score: 99.5,
  tags: ['admin'],
  address: { city: 'London', zip: 'N1' },
  items: [{ sku: 'a', count: 1 }],
  matrix: [
    [1, 2],
    [3, 4],
  ],
  more: null,
}

describe('a codec that has learnt', () => {
  test('uses what it compiled', () => {
    const shape = shapeOf(USER)
    if (shape.kind !== 'map') return expect.unreachable()
    const writer = createWriter()
    expect(compileEncoder(shape)(USER, writer)).toBe(true)
    const bytes = writer.take()
    expect(bytes.toString('hex')).toBe(bytesOf(USER).toString('hex'))
    const reader = readerOf(bytes, 0, bytes.length)
    expect(compileDecoder(shape)(reader)).toStrictEqual(USER)
    expect(reader.position).toBe(bytes.length)
    expect(compileEncoder(shape)({ ...USER, extra: 1 }, writer)).toBe(false)
    expect(writer.waitingBytes).toBe(0)
  })

  test.each<[string, unknown]>([
    ['the same', USER],
    ['another order of keys', Object.fromEntries(Object.entries(USER).reverse())],
    ['a key more', { ...USER, extra: 1 }],
    ['a key less', { id: 1, name: 'x' }],
    ['an undefined property', { ...USER, score: undefined }],
    ['other kinds of values', { ...USER, id: 'text', name: 5, active: null, score: 2n ** 60n, tags: 'no', items: {} }],
    ['integers at the borders', { ...USER, id: -1, score: 65_536, matrix: [[-129], [2 ** 40, 0.1, -0]] }],
    ['long and other text', { ...USER, name: 'x'.repeat(32), tags: ['é'.repeat(31), '😀', 'y'.repeat(70_000)] }],
    ['text of 31 and 16', { ...USER, name: 'x'.repeat(31), tags: ['z'.repeat(16), 'z'.repeat(17), 'ü'] }],
    ['a nested map of another shape', { ...USER, address: { zip: 'N1', city: 'London' } }],
    ['a nested map that is none', { ...USER, address: new Date(5), items: [new Uint8Array(3), null, { sku: 'b' }] }],
    ['a list of many', { ...USER, items: Array.from({ length: 300 }, (_, i) => ({ sku: `s${i}`, count: i })) }],
    ['holes', { ...USER, tags: [undefined, 'a'], items: [undefined] }],
    ['toJSON', { ...USER, toJSON: () => 'short' }],
    ['a class', Object.assign(new (class User {})(), USER)],
    ['no prototype', Object.assign(Object.create(null), USER)],
    ['nothing', null],
    ['a list', [USER]],
  ])('gives the same as the generic one for %s', (_name, value) => {
    const codec = learnt(USER)
    expectAlike(codec, value)
    expectAlike(codec, USER)
  })

  test('refuses what the generic one refuses', () => {
    const codec = learnt(USER)
    const good = bytesOf(USER)
    for (let end = 1; end < good.length; end++)
      expect(() => codec.decode(good, 0, end), `cut at ${end}`).toThrow(/damaged/)
    expect(() => codec.decode(Buffer.concat([good, good]), 0, good.length + 1)).toThrow(/behind the value/)
    expect(() => codec.encode({ ...USER, address: { city: () => 1, zip: '' } }, createWriter())).toThrow(/function/)
    let deep: unknown = 1
    for (let i = 0; i < 127; i++) deep = [deep]
    expectAlike(codec, { ...USER, more: deep })
    expect(() => codec.encode({ ...USER, more: [deep] }, createWriter())).toThrow(/levels/)
  })

  test('believes no count of a long list', () => {
    const long = { ...USER, tags: new Array(40).fill('tag'), matrix: new Array(20).fill([1]) }
    const codec = learnt(long)
    expectAlike(codec, long)
    const good = bytesOf(long)
    for (let end = 1; end < good.length; end++)
      expect(() => codec.decode(good, 0, end), `cut at ${end}`).toThrow(/damaged/)
    const at = good.indexOf(Buffer.from([0xdc, 0, 40]))
    good.writeUInt16BE(0xffff, at + 1)
    expect(() => codec.decode(good, 0, good.length)).toThrow(/damaged/)
  })

  test('keeps away from keys that mean something in an object literal', () => {
    for (const text of ['{"__proto__":1,"a":2}', '{"toJSON":1}', '{"constructor":1,"a b":2,"\\"":3,"1":4,"0":5}']) {
      const value: unknown = JSON.parse(text)
      expectAlike(learnt(value), value)
    }
  })

  test('tells optional fields apart, up to a bound', () => {
    const kinds = Array.from({ length: 12 }, (_, i) => ({ always: i, [`only${i}`]: 'x' }))
    const codec = learnt(...kinds)
    for (const kind of kinds) expectAlike(codec, kind)
  })

  test('writes what lies across the end of a slab', () => {
    const codec = learnt(USER)
    const writer = createWriter()
    const wire = bytesOf(USER)
    for (let i = 0; i < 2000; i++) codec.encode(USER, writer)
    const all = writer.take()
    expect(all.length).toBe(wire.length * 2000)
    for (let i = 0; i < 2000; i++) expect(all.subarray(i * wire.length, (i + 1) * wire.length).equals(wire)).toBe(true)
  })

  test('gives the same as the generic one for any values', () => {
    const scalar = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.constant(undefined),
    )
    const value = fc.record(
      {
        a: scalar,
        b: fc.array(scalar, { maxLength: 20 }),
        c: fc.record({ d: scalar, e: scalar }, { requiredKeys: ['d'], noNullPrototype: true }),
        f: fc.array(fc.record({ g: scalar }, { noNullPrototype: true }), { maxLength: 20 }),
      },
      { requiredKeys: ['a', 'b', 'f'], noNullPrototype: true },
    )
    fc.assert(
      fc.property(value, fc.array(value, { minLength: 1, maxLength: 4 }), (sample, others) => {
        const codec = learnt(sample)
        for (const other of others) expectAlike(codec, other)
      }),
      { numRuns: 300, interruptAfterTimeLimit: 4000 },
    )
  })
})

describe('shapes', () => {
  test('keep what all samples share', () => {
    const a = shapeOf({ id: 1, tags: ['a'], at: new Date() })
    const b = shapeOf({ id: 'x', tags: ['b'], at: new Date() })
    expect(mergeShapes(a, b)).toEqual({
      kind: 'map',
      keys: ['id', 'tags', 'at'],
      values: [{ kind: 'any' }, { kind: 'list', of: { kind: 'text' } }, { kind: 'any' }],
    })
    expect(mergeShapes(a, shapeOf({ id: 1 }))).toEqual({ kind: 'any' })
  })

  test('are not made of data: many keys, long keys', () => {
    expect(shapeOf(Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, i]))).kind).toBe('any')
    expect(shapeOf({ ['k'.repeat(32)]: 1 }).kind).toBe('any')
    expect(shapeOf({ ключ: 1 }).kind).toBe('any')
  })
})

test('where code generation is forbidden, the codec stays generic', () => {
  const folder = mkdtempSync(join(tmpdir(), 'goms-rpcx-'))
  try {
    for (const room of ['core', 'rpcx']) {
      mkdirSync(join(folder, room))
      const from = new URL(`../${room}/`, import.meta.url)
      for (const file of readdirSync(from).filter((name) => /^[a-z0-9-]+\.ts$/.test(name))) {
        const source = readFileSync(new URL(file, from), 'utf8')
        const { code } = transformSync(file, source, { typescript: { rewriteImportExtensions: 'rewrite' } })
        writeFileSync(join(folder, room, file.replace(/ts$/, 'mjs')), code.replaceAll(/(from "[^"]+)\.js"/g, '$1.mjs"'))
      }
    }
    writeFileSync(
      join(folder, 'main.mjs'),
      `import { createLearningCodec } from './rpcx/learning-codec.mjs'
      import { createWriter } from './rpcx/writer.mjs'
      const codec = createLearningCodec()
      const writer = createWriter()
      for (let i = 0; i < 50; i++) {
        writer.begin()
        codec.encode({ a: i }, writer)
        if (codec.decode(writer.bytes, writer.frameStart, writer.position).a !== i) throw new Error('wrong')
      }
      try { new Function('') } catch (error) { process.stdout.write(error.name) }`,
    )
    const run = spawnSync(process.execPath, ['--disallow-code-generation-from-strings', join(folder, 'main.mjs')])
    expect([run.stdout.toString(), run.stderr.toString()]).toEqual(['EvalError', ''])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
