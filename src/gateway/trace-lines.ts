/** Positions in a trace as the lines of a request's head. What nearly every request has is written in one piece. */
import type { TraceContext, TraceWords } from '../core/context.ts'
import { defaultTrace, type TraceFormat } from '../core/observability-options.ts'
import { toFieldLines } from '../http/header-rules.ts'
import { latin1 } from '../http/octets.ts'
import { attemptSpan0, attemptSpan1, attemptTrace } from '../telemetry/attempt-position.ts'
import { writeTraceContext } from '../telemetry/trace-context.ts'
import { writeDigits } from '../telemetry/trace-ids.ts'

/** What is known of a request's place in its trace. */
interface Placed {
  readonly trace: TraceContext
  /** Where the trace begins here. */
  readonly traceWords: TraceWords | undefined
}

export interface TraceLines {
  /** The request's own position, where no traces are recorded. */
  ofRequest(request: Placed): string
  /** The position of one attempt below it. */
  ofAttempt(request: Placed, number: number): string
}

/** @param formats those that are written */
export function traceLinesOf(formats: readonly TraceFormat[]): TraceLines {
  const isUsual = formats.length === 2 && formats.includes('w3c') && formats.includes('b3')
  return isUsual ? defaultTraceLines : linesIn(formats)
}

function linesIn(formats: readonly TraceFormat[]): TraceLines {
  const linesOf = (trace: TraceContext): string => toFieldLines(writeTraceContext(trace, [], formats))
  return {
    ofRequest: ({ trace }) => linesOf(trace),
    ofAttempt: ({ trace }, number) => linesOf(attemptTrace({ trace, attemptSpans: 'below' }, number)),
  }
}

const inGeneral = linesIn(defaultTrace.propagate)

/** W3C and B3 in several headers. */
export const defaultTraceLines: TraceLines = {
  ofRequest(request) {
    const { traceWords } = request
    return traceWords === undefined ? inGeneral.ofRequest(request) : newTraceLines(traceWords)
  },
  ofAttempt(request, number) {
    const { traceWords } = request
    return traceWords === undefined ? inGeneral.ofAttempt(request, number) : attemptLines(traceWords, number)
  },
}

const ZEROS = '0'.repeat(16)
const ID_ZEROS = '0'.repeat(32)
const TRACEPARENT = 'traceparent: 00-'
const TRACE_ID = '\r\nx-b3-traceid: '
const SPAN_ID = '\r\nx-b3-spanid: '
const PARENT_ID = '\r\nx-b3-parentspanid: '
const SAMPLED = '\r\nx-b3-sampled: '
/** The digits are written over for every request. */
const LINES = Buffer.from(`${TRACEPARENT}${ID_ZEROS}-${ZEROS}-00${TRACE_ID}${ID_ZEROS}${SPAN_ID}${ZEROS}\r\n`)
const ATTEMPT = Buffer.from(
  `${TRACEPARENT}${ID_ZEROS}-${ZEROS}-00${TRACE_ID}${ID_ZEROS}${SPAN_ID}${ZEROS}${PARENT_ID}${ZEROS}${SAMPLED}0\r\n`,
)
const W3C_TRACE_AT = TRACEPARENT.length
const W3C_SPAN_AT = W3C_TRACE_AT + 33
const W3C_FLAG_AT = W3C_SPAN_AT + 18
const TRACE_AT = W3C_FLAG_AT + 1 + TRACE_ID.length
const SPAN_AT = TRACE_AT + 32 + SPAN_ID.length
const PARENT_AT = SPAN_AT + 16 + PARENT_ID.length
const SAMPLED_AT = PARENT_AT + 16 + SAMPLED.length

/**
 * `traceparent` (W3C Trace Context, version 00) and the ids of B3, a line each. A trace that begins here has no state, and
 * nothing is decided.
 */
export function newTraceLines(words: TraceWords): string {
  writeIds(LINES, words, words.span0, words.span1)
  return latin1(LINES, 0, LINES.length)
}

/** The same of an attempt, with the parent and what was decided. */
function attemptLines(words: TraceWords, number: number): string {
  const { span0, span1, sampled } = words
  writeIds(ATTEMPT, words, attemptSpan0(span0, number), attemptSpan1(span1, number))
  writeDigits(ATTEMPT, PARENT_AT, span0)
  writeDigits(ATTEMPT, PARENT_AT + 8, span1)
  ATTEMPT[W3C_FLAG_AT] = sampled ? 0x31 : 0x30
  ATTEMPT[SAMPLED_AT] = sampled ? 0x31 : 0x30
  return latin1(ATTEMPT, 0, ATTEMPT.length)
}

function writeIds(lines: Buffer, { trace0, trace1, trace2, trace3 }: TraceWords, span0: number, span1: number): void {
  writeTwice(lines, W3C_TRACE_AT, TRACE_AT, trace0)
  writeTwice(lines, W3C_TRACE_AT + 8, TRACE_AT + 8, trace1)
  writeTwice(lines, W3C_TRACE_AT + 16, TRACE_AT + 16, trace2)
  writeTwice(lines, W3C_TRACE_AT + 24, TRACE_AT + 24, trace3)
  writeTwice(lines, W3C_SPAN_AT, SPAN_AT, span0)
  writeTwice(lines, W3C_SPAN_AT + 8, SPAN_AT + 8, span1)
}

/** Eight digits at two places. */
function writeTwice(lines: Buffer, at: number, alsoAt: number, word: number): void {
  writeDigits(lines, at, word)
  for (let i = 0; i < 8; i++) lines[alsoAt + i] = lines[at + i] as number
}
