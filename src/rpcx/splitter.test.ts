import { describe, expect, test } from 'vitest'
import { GomsError } from '../core/errors.ts'
import { beginFrame, beginPayload, createFrameHead, endFrame } from './frame.ts'
import { writeMetadata } from './metadata.ts'
import { genericCodec } from './msgpack.ts'
import { createSplitter } from './splitter.ts'
import { createWriter } from './writer.ts'

const PAYLOADS: readonly unknown[] = [null, 'x'.repeat(10_000), { a: 1 }, '', new Array(300).fill(7)]

function stream(): Buffer {
  const writer = createWriter()
  const head = createFrameHead(0, 0x30, 'user', 'exists')
  for (const [i, payload] of PAYLOADS.entries()) {
    beginFrame(writer, head, 0, i)
    writeMetadata(writer, ['traceparent', `00-${i}`])
    const at = beginPayload(writer)
    genericCodec.encode(payload, writer)
    endFrame(writer, at)
  }
  return writer.take()
}

/** What comes out when the stream goes through one buffer that is reused for every read. */
function split(bytes: Buffer, pieceBytes: (at: number) => number): unknown[] {
  const out: unknown[] = []
  const splitter = createSplitter((frame) => {
    expect(frame.seqLow).toBe(out.length)
    out.push(genericCodec.decode(frame.bytes, frame.payloadStart, frame.payloadEnd))
  })
  const reused = Buffer.alloc(70_000)
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + pieceBytes(at))
    reused.fill(0xff)
    bytes.copy(reused, 5, at, end)
    splitter.push(reused, 5, 5 + end - at)
    at = end
  }
  expect(splitter.heldBytes).toBe(0)
  return out
}

/** A head that declares `total` bytes. */
function headOf(total: number): Buffer {
  const head = Buffer.alloc(16)
  head[0] = 0x08
  head.writeUInt32BE(total, 12)
  return head
}

function codeOf(work: () => void): string | undefined {
  try {
    work()
  } catch (error) {
    return error instanceof GomsError ? error.code : String(error)
  }
  return undefined
}

describe('the splitter', () => {
  test('gives the same frames whatever the pieces', () => {
    const bytes = stream()
    for (const size of [1, 2, 3, 15, 16, 17, 31, 64, 1000, 4096, 65_536]) {
      expect(
        split(bytes, () => size),
        `pieces of ${size}`,
      ).toEqual(PAYLOADS)
    }
    for (let cut = 1; cut < 200; cut++) {
      expect(
        split(bytes, (at) => (at === 0 ? cut : 65_536)),
        `cut at ${cut}`,
      ).toEqual(PAYLOADS)
    }
  })

  test('refuses what does not begin with the magic byte, and stays broken', () => {
    const splitter = createSplitter(() => expect.unreachable())
    expect(codeOf(() => splitter.push(Buffer.from('GET / HTTP/1.1\r\n')))).toBe('DATA_LOSS')
    expect(codeOf(() => splitter.push(stream()))).toBe('DATA_LOSS')
  })

  test('refuses a total below the four lengths', () => {
    expect(codeOf(() => createSplitter(() => expect.unreachable()).push(headOf(15)))).toBe('DATA_LOSS')
  })

  test('refuses 4 GiB at its 16th byte, and makes no room for it', () => {
    const before = process.memoryUsage().arrayBuffers
    for (let i = 0; i < 100; i++) {
      const splitter = createSplitter(() => expect.unreachable())
      expect(codeOf(() => splitter.push(headOf(0xffffffff)))).toBe('RESOURCE_EXHAUSTED')
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  })

  test('makes room for what has come, not for what is promised', () => {
    const before = process.memoryUsage().arrayBuffers
    const waiting = Array.from({ length: 100 }, () => {
      const splitter = createSplitter(() => expect.unreachable())
      splitter.push(headOf(4 * 1024 * 1024))
      return splitter
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
    expect(waiting.map((splitter) => splitter.heldBytes)).toEqual(new Array(100).fill(16))
  })

  test('takes a frame at the limit and refuses one above it', () => {
    const bytes = stream()
    const total = bytes.readUInt32BE(12)
    let frames = 0
    const splitter = createSplitter(() => {
      frames++
      splitter.stop()
    }, total)
    splitter.push(bytes)
    expect(frames).toBe(1)
    expect(codeOf(() => createSplitter(() => {}, total - 1).push(bytes))).toBe('RESOURCE_EXHAUSTED')
  })

  test('hands nothing over after stop', () => {
    let frames = 0
    const splitter = createSplitter(() => {
      frames++
      splitter.stop()
    })
    const bytes = stream()
    splitter.push(bytes.subarray(0, 20))
    splitter.push(bytes.subarray(20))
    splitter.push(bytes)
    expect([frames, splitter.heldBytes]).toEqual([1, 0])
  })
})
