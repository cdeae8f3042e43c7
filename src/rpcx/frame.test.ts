import { describe, expect, test } from 'vitest'
import {
  beginFrame,
  beginPayload,
  beginResponse,
  copyFrame,
  createFrame,
  createFrameHead,
  endFrame,
  FLAG,
  type Frame,
  readFrame,
  SERIALIZE,
} from './frame.ts'
import { findMetadata, readMetadata, writeMetadata } from './metadata.ts'
import { genericCodec } from './msgpack.ts'
import { readText } from './text.ts'
import { createWriter } from './writer.ts'

/** From Go: seq 0x0102030405060708, Arith.Mul, metadata {k: vv}, payload nil. */
const VECTOR =
  '08000030010203040506070800000024000000054172697468000000034d756c0000000b000000016b000000027676' + '00000001c0'

function written(limitBytes?: number): Buffer {
  const writer = createWriter(limitBytes)
  beginFrame(writer, createFrameHead(0, SERIALIZE.msgpack, 'Arith', 'Mul'), 0x01020304, 0x05060708)
  writeMetadata(writer, ['k', 'vv'])
  const payload = beginPayload(writer)
  genericCodec.encode(null, writer)
  endFrame(writer, payload)
  return writer.take()
}

function read(bytes: Buffer): Frame {
  const frame = createFrame()
  readFrame(bytes, 0, bytes.length, frame)
  return frame
}

describe('a frame', () => {
  test('is written as Go writes it', () => {
    expect(written().toString('hex')).toBe(VECTOR)
  })

  test('is read part by part', () => {
    const frame = copyFrame(read(Buffer.from(VECTOR, 'hex')))
    expect(frame).toMatchObject({ flags: 0, serialize: 0x30, seqHigh: 0x01020304, seqLow: 0x05060708 })
    expect(readText(frame.bytes, frame.pathStart, frame.pathEnd)).toBe('Arith')
    expect(readText(frame.bytes, frame.methodStart, frame.methodEnd)).toBe('Mul')
    expect(findMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd, 'k')).toBe('vv')
    expect(genericCodec.decode(frame.bytes, frame.payloadStart, frame.payloadEnd)).toBe(null)
  })

  test('is refused at every cut and with every length changed', () => {
    const good = Buffer.from(VECTOR, 'hex')
    for (let end = 0; end < good.length; end++) expect(() => read(good.subarray(0, end)), `cut at ${end}`).toThrow()
    for (const at of [0, 12, 15, 16, 19, 25, 28, 32, 35, 36, 39, 41, 44, 47, 50]) {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] as number) ^ 0x01
      expect(() => read(bad), `byte ${at}`).toThrow(expect.objectContaining({ code: 'DATA_LOSS' }))
    }
  })

  test('is refused when lengths near 2^32 add up by overflowing', () => {
    const bad = Buffer.from(VECTOR, 'hex')
    bad.writeUInt32BE(0xfffffff0, 16)
    expect(() => read(bad)).toThrow(/path says 4294967280 bytes/)
  })

  test('has its path and method at every length, up to the end of a slab', () => {
    for (let length = 0; length < 12; length++) {
      const writer = createWriter()
      const head = createFrameHead(FLAG.oneway, SERIALIZE.msgpack, 'p'.repeat(length), 'é')
      const byteCount = 16 + 16 + length + 2
      for (let i = 0; i < 3000; i++) {
        beginFrame(writer, head, 0xfedcba98, 0x89abcdef)
        writeMetadata(writer, [])
        endFrame(writer, beginPayload(writer))
      }
      const all = writer.take()
      expect(all.length).toBe(3000 * byteCount)
      for (let at = 0; at < all.length; at += byteCount) {
        const frame = read(all.subarray(at, at + byteCount))
        expect(frame).toMatchObject({ flags: FLAG.oneway, seqHigh: 0xfedcba98, seqLow: 0x89abcdef })
        if (readText(frame.bytes, frame.pathStart, frame.pathEnd) !== 'p'.repeat(length)) expect.unreachable()
        if (readText(frame.bytes, frame.methodStart, frame.methodEnd) !== 'é') expect.unreachable()
      }
    }
  })

  test('answers with an empty path and method', () => {
    const writer = createWriter()
    beginResponse(writer, 1, 2, 0x35, FLAG.error)
    writeMetadata(writer, ['__rpcx_error__', 'no'])
    endFrame(writer, beginPayload(writer))
    const frame = read(writer.take())
    expect(frame).toMatchObject({ flags: 0x81, serialize: 0x35, seqHigh: 1, seqLow: 2 })
    expect(frame.pathEnd - frame.pathStart + frame.methodEnd - frame.methodStart).toBe(0)
    expect(frame.payloadEnd).toBe(frame.payloadStart)
  })
})

describe('the writer', () => {
  test('refuses a frame above its limit, and writes on after a rewind', () => {
    const writer = createWriter(0x24)
    const head = createFrameHead(0, SERIALIZE.msgpack, 'Arith', 'Mul')
    beginFrame(writer, head, 0, 1)
    writeMetadata(writer, ['k', 'vv'])
    const payload = beginPayload(writer)
    genericCodec.encode([1], writer)
    expect(() => endFrame(writer, payload)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }))
    writer.rewind()
    expect(writer.waitingBytes).toBe(0)
    expect(written(0x24).toString('hex')).toBe(VECTOR)
  })

  test('never touches what has been taken, and keeps frames whole while it moves', () => {
    const writer = createWriter()
    const taken: Buffer[] = []
    const copies: string[] = []
    const head = createFrameHead(0, SERIALIZE.msgpack, 'a', 'b')
    for (let i = 0; i < 300; i++) {
      beginFrame(writer, head, 0, i)
      writeMetadata(writer, ['name', 'é'.repeat(i)])
      const payload = beginPayload(writer)
      genericCodec.encode('x'.repeat((i * 997) % 90_000), writer)
      endFrame(writer, payload)
      if (i % 3 !== 0) continue
      const bytes = writer.take()
      taken.push(bytes)
      copies.push(bytes.toString('latin1'))
    }
    expect(taken.map((bytes) => bytes.toString('latin1'))).toEqual(copies)
    let seq = 0
    for (let all = Buffer.concat(taken); all.length > 0; seq++) {
      const size = 16 + all.readUInt32BE(12)
      const frame = read(all.subarray(0, size))
      expect(frame.seqLow).toBe(seq)
      expect(readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd)).toEqual(
        new Map([['name', 'é'.repeat(seq)]]),
      )
      expect(genericCodec.decode(frame.bytes, frame.payloadStart, frame.payloadEnd)).toHaveLength((seq * 997) % 90_000)
      all = all.subarray(size)
    }
    expect(seq).toBe(298)
  })
})
