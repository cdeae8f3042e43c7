/**
 * Where the attempts of a call stand in its trace. Their ids follow from the call's own and their number, so nothing is kept
 * for them while they run, and whoever records them afterwards finds the ids that have travelled.
 */
import type { Call } from '../core/call.ts'
import type { TraceContext, TraceWords } from '../core/context.ts'
import { digits } from './trace-ids.ts'
import { toTraceWords } from './trace-words.ts'

/** Spread over all bits, and odd: no two numbers below 2³² give the same. */
const STEP0 = 0x9e3779b9
const STEP1 = 0x85ebca6b

/** One half of the id of the attempt with that number; the upper one. */
export function attemptSpan0(span0: number, number: number): number {
  return span0 ^ Math.imul(STEP0, number)
}

/** The other half. Both are zero for one id in 2⁶⁴. */
export function attemptSpan1(span1: number, number: number): number {
  return span1 ^ Math.imul(STEP1, number)
}

type Positioned = Pick<Call, 'trace' | 'traceWords' | 'attemptSpans'>

/** The position that an attempt travels with. */
export function attemptTrace(call: Positioned, number: number): TraceContext {
  const { trace, attemptSpans } = call
  if (attemptSpans === undefined || (attemptSpans === 'own' && number === 1)) return trace
  const { span0, span1 } = call.traceWords ?? toTraceWords(trace)
  // Of a call that begins a trace the further attempts have no other place than below the first.
  const parentId = attemptSpans === 'own' ? (trace.parentId ?? trace.spanId) : trace.spanId
  return { ...trace, spanId: digits(attemptSpan0(span0, number)) + digits(attemptSpan1(span1, number)), parentId }
}

/** The same as numbers. */
export function attemptWords(call: Positioned, number: number): TraceWords {
  const words = call.traceWords ?? toTraceWords(call.trace)
  const { attemptSpans } = call
  if (attemptSpans === undefined || (attemptSpans === 'own' && number === 1)) return words
  return { ...words, span0: attemptSpan0(words.span0, number), span1: attemptSpan1(words.span1, number) }
}
