import { expect, it } from 'vitest'
import type { TraceContext } from '../core/context.ts'
import { newTrace, newTraceWords, receiveTraceWords, rootOf, toTraceparent } from './trace-context.ts'
import { createTraceIds } from './trace-ids.ts'
import { fromTraceWords, toTraceWords, wordsToTraceparent } from './trace-words.ts'

it('turns ids into numbers and back', () => {
  const long: TraceContext = {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: 'ffffffff00000001',
    parentId: undefined,
    sampled: true,
    state: 'x=y',
  }
  for (const trace of [long, { ...long, sampled: undefined }, { ...long, traceId: '0123456789abcdef' }, newTrace()]) {
    const words = toTraceWords(trace)
    for (const word of Object.values(words)) expect(Number(word) | 0).toBe(Number(word))
    expect(wordsToTraceparent(words)).toBe(toTraceparent(trace))
    expect(fromTraceWords(words)).toEqual({ ...trace, sampled: trace.sampled === true, state: undefined })
    expect(receiveTraceWords(words)).toMatchObject({ traceId: trace.traceId, parentId: trace.spanId })
  }
})

it('starts traces whose text comes later', () => {
  const words = newTraceWords()
  const root = rootOf(words)
  expect(root).toMatchObject({ parentId: undefined, sampled: undefined, state: undefined })
  expect(toTraceparent(root)).toBe(wordsToTraceparent(words))
  expect(toTraceWords(root)).toEqual(words)
})

it('never meets a position again', () => {
  const ids = createTraceIds(new Uint8Array(16))
  const seen = new Set<string>()
  for (let i = 0; i < 20_000; i++) {
    const words = ids.words()
    const { traceId, spanId } = rootOf(words)
    seen.add(traceId).add(spanId)
  }
  expect(seen.size).toBe(40_000)
})

it('takes ids of zeros only for none', () => {
  const zeros = { trace0: 0, trace1: 0, trace2: 0, trace3: 0, span0: 0, span1: 0, sampled: true }
  for (const words of [zeros, { ...zeros, trace3: 1 }, { ...zeros, span1: 1 }]) {
    expect(fromTraceWords(words)).toBeUndefined()
    expect(receiveTraceWords(words)).toMatchObject({
      traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      parentId: undefined,
    })
  }
})
