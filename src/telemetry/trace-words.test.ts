import { expect, it } from 'vitest'
import type { TraceContext } from '../core/context.ts'
import { newTrace, newTraceWords, rootOf, toTraceparent } from './trace-context.ts'
import { createTraceIds } from './trace-ids.ts'
import { spanIdOf, toTraceWords, traceIdOf, wordsToTraceparent } from './trace-words.ts'

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
    expect(traceIdOf(words)).toBe(trace.traceId.padStart(32, '0'))
    expect(spanIdOf(words)).toBe(trace.spanId)
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
    seen.add(traceIdOf(words)).add(spanIdOf(words))
  }
  expect(seen.size).toBe(40_000)
})
