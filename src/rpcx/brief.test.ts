import { describe, expect, it, test } from 'vitest'
import type { TraceWords } from '../core/context.ts'
import { BRIEF_BYTES, briefDeadline, briefTrace, greetingOf, writeBrief } from './brief.ts'
import { checkMetadata, encodeMetadata, findMetadata } from './metadata.ts'
import { createWriter, SLAB_BYTES } from './writer.ts'

const TRACE: TraceWords = {
  trace0: 0x4bf92f35,
  trace1: 0x77b34da6,
  trace2: 0xa3ce929d | 0,
  trace3: 0x0e0e4736,
  span0: 0x00f067aa,
  span1: 0x0ba902b7,
  sampled: true,
}

function written(
  greeting: number,
  deadlineMs: number | undefined,
  trace: TraceWords | undefined,
  pairs: readonly string[] = [],
): Buffer {
  const writer = createWriter()
  writer.begin()
  // What was there before must not show through.
  writer.bytes.fill(0xee)
  writeBrief(writer, greeting, deadlineMs, trace, pairs)
  const all = Buffer.from(writer.take())
  expect(all.readUInt32BE(0)).toBe(all.length - 4)
  checkMetadata(all, 4, all.length)
  return all.subarray(4)
}

test('the bytes are those of docs/protocol.md', () => {
  const head = '000000017e0000001e'
  const trace = '4bf92f3577b34da6a3ce929d0e0e473600f067aa0ba902b7'
  expect(written(3, 9995, TRACE).toString('hex')).toBe(`${head}03070000270b${trace}`)
  expect(written(0, 0, { ...TRACE, sampled: false }).toString('hex')).toBe(`${head}000300000000${trace}`)
  expect(written(0, undefined, undefined).toString('hex')).toBe(`${head}000000000000${'0'.repeat(48)}`)
})

describe('metadata in brief', () => {
  it.each([
    [0, undefined, undefined],
    [1, 0, TRACE],
    [15, 2 ** 31 - 1, { ...TRACE, sampled: false, span1: -1 }],
    [255, undefined, TRACE],
    [2, 7, undefined],
  ])('of greeting %d, deadline %s and trace %s is read as it was written', (greeting, deadlineMs, trace) => {
    for (const pairs of [[], ['goms-attempt', '2', 'ä', 'ö'.repeat(SLAB_BYTES)]]) {
      const bytes = written(greeting, deadlineMs, trace, pairs)
      expect(bytes.length).toBe(BRIEF_BYTES + encodeMetadata(pairs).length)
      expect(greetingOf(bytes, 0, bytes.length, 256)).toBe(greeting)
      expect(briefDeadline(bytes, 0)).toBe(deadlineMs)
      expect(briefTrace(bytes, 0)).toEqual(trace)
      expect(findMetadata(bytes, 0, bytes.length, 'goms-attempt')).toBe(pairs[1])
    }
  })

  it('gives a deadline that has no room the longest that has', () => {
    expect(briefDeadline(written(0, 2 ** 40, undefined), 0)).toBe(2 ** 32 - 1)
  })

  it('is told from names and values', () => {
    for (const pairs of [[], ['a', 'b'], ['~~', 'x'], ['a', 'b', '~', 'x'.repeat(30)], ['', '']]) {
      const bytes = encodeMetadata(pairs)
      expect(greetingOf(bytes, 0, bytes.length, 16)).toBeUndefined()
    }
  })

  it.each([
    ['a greeting that was not said', encodeMetadata(['~', `\x02${'\0'.repeat(29)}`])],
    ['unknown flags', encodeMetadata(['~', `\0\x08${'\0'.repeat(28)}`])],
    ['too few bytes', encodeMetadata(['~', '\0'.repeat(29)])],
    ['too many bytes', encodeMetadata(['~', '\0'.repeat(31)])],
    ['none at all', encodeMetadata(['~', ''])],
  ])('with %s is refused as damaged', (_, bytes) => {
    expect(() => greetingOf(bytes, 0, bytes.length, 2)).toThrow(expect.objectContaining({ code: 'DATA_LOSS' }))
  })
})
