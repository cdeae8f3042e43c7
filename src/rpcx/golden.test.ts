/** Frames and payloads from the real Go packages (test/interop/golden): read to the right values, and written back bit by bit. */
import { describe, expect, test } from 'vitest'
import {
  beginFrame,
  beginPayload,
  createFrame,
  createFrameHead,
  endFrame,
  FLAG,
  readFrame,
  SERIALIZE,
} from './frame.ts'
import golden from './golden.json' with { type: 'json' }
import { gunzip } from './gzip.ts'
import { readMetadata, writeMetadata } from './metadata.ts'
import { genericCodec } from './msgpack.ts'
import { readText } from './text.ts'
import { createWriter } from './writer.ts'

describe.each(golden.frames)('the Go frame "$name"', (expected) => {
  const bytes = Buffer.from(expected.hex, 'hex')
  const frame = createFrame()
  readFrame(bytes, 0, bytes.length, frame)
  const metadata = readMetadata(bytes, frame.metadataStart, frame.metadataEnd)

  test('is read as Go meant it', () => {
    expect(frame).toMatchObject({ flags: expected.flags, serialize: expected.serialize })
    expect(bytes.toString('hex', 4, 12)).toBe(expected.seq)
    expect((BigInt(frame.seqHigh) << 32n) | BigInt(frame.seqLow)).toBe(BigInt(`0x${expected.seq}`))
    expect(readText(bytes, frame.pathStart, frame.pathEnd)).toBe(expected.path)
    expect(readText(bytes, frame.methodStart, frame.methodEnd)).toBe(expected.method)
    expect(Object.fromEntries(metadata)).toEqual(expected.metadata ?? {})
    const payload = bytes.subarray(frame.payloadStart, frame.payloadEnd)
    const plain = (frame.flags & FLAG.compress) === FLAG.gzip ? gunzip(payload, 100_000) : payload
    expect(plain.toString('hex')).toBe(expected.payload)
  })

  test('is written as Go wrote it', () => {
    const writer = createWriter()
    const head = createFrameHead(expected.flags, expected.serialize, expected.path, expected.method)
    beginFrame(writer, head, frame.seqHigh, frame.seqLow)
    writeMetadata(writer, [...metadata].flat())
    const at = beginPayload(writer)
    const payload = bytes.subarray(frame.payloadStart, frame.payloadEnd)
    // Two gzips need not agree, and raw bytes are no MessagePack: those payloads are copied, the others written anew.
    if (
      payload.length === 0 ||
      (frame.flags & FLAG.compress) !== 0 ||
      (frame.serialize & SERIALIZE.mask) !== SERIALIZE.msgpack
    ) {
      writer.reserve(payload.length)
      payload.copy(writer.bytes, writer.position)
      writer.position += payload.length
    } else {
      genericCodec.encode(genericCodec.decode(bytes, frame.payloadStart, frame.payloadEnd), writer)
    }
    endFrame(writer, at)
    expect(writer.take().toString('hex')).toBe(expected.hex)
  })
})

/** What each Go value is in JavaScript. */
const VALUES: Readonly<Record<string, unknown>> = {
  message: { id: 1234567890123, name: 'Ada', age: 36, score: 99.5, tags: ['a'], nums: [1, 300], data: null },
  untagged: { A: 1, B: -2, Name: 'x' },
  'int small': 5,
  'int -1': -1,
  'int -33': -33,
  'int 255': 255,
  'int 65536': 65536,
  'int ms': 1628564881000,
  'int -ms': -1628564881000,
  int8: 5,
  int16: -5,
  int32: 5,
  int64: 5,
  'int64 -5': -5,
  uint8: 5,
  uint16: 5,
  uint32: 4294967295,
  uint64: 5,
  'int64 max': 2n ** 63n - 1n,
  'int64 min': -(2n ** 63n),
  'uint64 max': 2n ** 64n - 1n,
  'int64 max safe': Number.MAX_SAFE_INTEGER,
  'int64 beyond safe': 2n ** 53n,
  float64: 1.5,
  'float64 whole': 3,
  float32: 1.5,
  inf: Number.POSITIVE_INFINITY,
  nan: Number.NaN,
  true: true,
  nil: null,
  'empty string': '',
  'string 31': 'x'.repeat(31),
  'string 32': 'x'.repeat(32),
  'string 256': 'x'.repeat(256),
  unicode: 'héllo 日本語 😀',
  bytes: new Uint8Array([0, 1, 255]),
  'bytes 256': new Uint8Array(256),
  'nil bytes': null,
  time: new Date(1628564881000),
  'time ms': new Date(1628564881250),
  'time 1969': new Date(-500),
  'time far': new Date('2600-01-01T00:00:00Z'),
  'time zero': new Date('0001-01-01T00:00:00Z'),
  'array 16': new Array(16).fill(0),
  'nil slice': null,
  map: { k: 7 },
  'map of int': { 7: 'seven' },
  duration: 3_000_000_000,
}

/**
 * Go keeps the width of its type; ours is the smallest that holds the number, which Go reads into any integer type.
 * float32 is read, never written; of NaN there are many.
 */
const WIDER_IN_GO: ReadonlySet<string> = new Set([
  'message',
  'int8',
  'int16',
  'int32',
  'int64',
  'int64 -5',
  'uint8',
  'uint16',
  'uint64',
  'int64 max safe',
  'float64 whole',
  'float32',
  'nan',
  'map',
  'map of int',
  'duration',
])

describe('payloads of Go', () => {
  test('are all expected here', () => {
    expect(golden.payloads.map(({ name }) => name)).toEqual(Object.keys(VALUES))
  })

  test.each(golden.payloads)('$name is read', ({ name, hex }) => {
    const bytes = Buffer.from(hex, 'hex')
    expect(genericCodec.decode(bytes, 0, bytes.length)).toStrictEqual(VALUES[name])
  })

  test.each(golden.payloads.filter(({ name }) => !WIDER_IN_GO.has(name)))('$name is written alike', ({ name, hex }) => {
    const writer = createWriter()
    genericCodec.encode(VALUES[name], writer)
    expect(writer.take().toString('hex')).toBe(hex)
  })
})
