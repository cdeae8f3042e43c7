/** Damaged and hostile bytes: an error of ours each time, never a crash, a hang or memory that nobody paid for. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { GomsError } from '../core/errors.ts'
import { briefDeadline, briefTrace, greetingOf, writeBrief } from './brief.ts'
import { fromFaultMetadata } from './error-metadata.ts'
import { beginFrame, beginPayload, createFrameHead, endFrame, FLAG } from './frame.ts'
import { gunzip, gzip } from './gzip.ts'
import { findMetadata, readMetadata, writeMetadata } from './metadata.ts'
import { genericCodec } from './msgpack.ts'
import { createSplitter } from './splitter.ts'
import { createWriter } from './writer.ts'

/** Small, fast, the same on every machine (mulberry32). */
function createRandom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % below
  }
}

const LIMIT_BYTES = 65_536

function frameOf(payload: unknown): Buffer {
  const writer = createWriter(LIMIT_BYTES)
  beginFrame(writer, createFrameHead(FLAG.error, 0x30, 'user', 'exists'), 0, 1)
  writeMetadata(writer, ['__rpcx_error__', 'no such user', 'goms-code', 'NOT_FOUND', 'goms-data', '{"a":[1]}'])
  const at = beginPayload(writer)
  genericCodec.encode(payload, writer)
  endFrame(writer, at)
  return writer.take()
}

function briefFrame(payload: unknown): Buffer {
  const writer = createWriter(LIMIT_BYTES)
  beginFrame(writer, createFrameHead(0, 0x30, 'user', 'exists'), 0, 1)
  const trace = { trace0: 1, trace1: -1, trace2: 3, trace3: 4, span0: 5, span1: 6, sampled: true }
  writeBrief(writer, 1, 9995, trace, ['goms-attempt', '2'])
  const at = beginPayload(writer)
  genericCodec.encode(payload, writer)
  endFrame(writer, at)
  return writer.take()
}

/** Reads everything that there is to read of whatever frames come out. */
function readAll(bytes: Buffer, pieceBytes: number): void {
  const splitter = createSplitter((frame) => {
    readMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd)
    fromFaultMetadata((name) => findMetadata(frame.bytes, frame.metadataStart, frame.metadataEnd, name))
    if (greetingOf(frame.bytes, frame.metadataStart, frame.metadataEnd, 2) !== undefined) {
      briefDeadline(frame.bytes, frame.metadataStart)
      briefTrace(frame.bytes, frame.metadataStart)
    }
    genericCodec.decode(frame.bytes, frame.payloadStart, frame.payloadEnd)
  }, LIMIT_BYTES)
  for (let at = 0; at < bytes.length; at += pieceBytes)
    splitter.push(bytes, at, Math.min(bytes.length, at + pieceBytes))
}

function mutate(good: Buffer, random: (below: number) => number): Buffer {
  const bad = Buffer.from(good)
  for (let n = 1 + random(4); n > 0; n--) {
    const at = random(bad.length)
    const kind = random(4)
    if (kind === 0) bad[at] = random(256)
    else if (kind === 1) bad[at] = (bad[at] as number) ^ (1 << random(8))
    else if (kind === 2)
      bad.writeUInt32BE([0, 1, 0x7fffffff, 0xffffffff, bad.length][random(5)] as number, Math.min(at, bad.length - 4))
    else bad.copyWithin(at, random(bad.length))
  }
  return random(8) === 0 ? bad.subarray(0, 1 + random(bad.length)) : bad
}

const seed = Number(process.env.GOMS_SEED ?? 20260808)

test(`10 000 mutated frames: an error of ours or a frame (GOMS_SEED=${seed})`, () => {
  const random = createRandom(seed)
  const seeds = [
    frameOf({ username: 'bob', nested: [{ a: 1, b: [1.5, true, null] }, new Date(0), new Uint8Array(9)] }),
    frameOf('x'.repeat(300)),
    briefFrame(['x']),
    frameOf([1, -1, 300, 70_000, 2n ** 63n, 1700000000000]),
  ]
  const outcomes = { whole: 0, refused: 0 }
  for (let i = 0; i < 10_000; i++) {
    const bytes = mutate(seeds[i % seeds.length] as Buffer, random)
    try {
      readAll(bytes, 1 + random(bytes.length))
      outcomes.whole++
    } catch (error) {
      expect(error, `seed ${seed}, round ${i}: ${bytes.toString('hex')}`).toBeInstanceOf(GomsError)
      outcomes.refused++
    }
  }
  // Both happen, or the mutations miss.
  expect(outcomes.refused).toBeGreaterThan(2000)
  expect(outcomes.whole).toBeGreaterThan(200)
})

test('random payload bytes: an error of ours or a value that can be sent again', () => {
  const property = fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    const input = Buffer.from(bytes)
    let value: unknown
    try {
      value = genericCodec.decode(input, 0, input.length)
    } catch (error) {
      if (!(error instanceof GomsError)) throw error
      return
    }
    genericCodec.encode(value, createWriter())
  })
  fc.assert(property, { seed, numRuns: 5000, interruptAfterTimeLimit: 2000 })
})

test('counts that promise millions, level upon level, cost nothing', () => {
  const levels = Buffer.alloc(64 * 1024, 0x00)
  for (let at = 0; at + 5 < levels.length && at < 5 * 120; at += 5) {
    levels[at] = 0xdd
    levels.writeUInt32BE(levels.length - at - 5, at + 1)
  }
  const before = process.memoryUsage().heapUsed
  expect(() => genericCodec.decode(levels, 0, levels.length)).toThrow(GomsError)
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(20_000_000)
})

test('a gzip bomb is stopped at the limit', () => {
  const bomb = gzip(Buffer.alloc(50 * 1024 * 1024))
  const before = process.memoryUsage().arrayBuffers
  expect(() => gunzip(bomb, LIMIT_BYTES)).toThrow(expect.objectContaining({ code: 'RESOURCE_EXHAUSTED' }))
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  expect(() => gunzip(Buffer.from('no gzip'), LIMIT_BYTES)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  )
  expect(gunzip(gzip(Buffer.from('yes')), 3).toString()).toBe('yes')
})
