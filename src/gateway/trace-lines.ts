/** A new position in a trace as the lines of a request's head: with digits only, written in one piece. */
import type { TraceWords } from '../core/context.ts'
import { latin1 } from '../http/octets.ts'
import { writeDigits } from '../telemetry/trace-ids.ts'

const TRACEPARENT = 'traceparent: 00-'
const TRACE_ID = '-00\r\nx-b3-traceid: '
const SPAN_ID = '\r\nx-b3-spanid: '
/** The digits are written over for every request. */
const LINES = Buffer.from(
  `${TRACEPARENT}${'0'.repeat(32)}-${'0'.repeat(16)}${TRACE_ID}${'0'.repeat(32)}${SPAN_ID}${'0'.repeat(16)}\r\n`,
)
const PARENT_TRACE_AT = TRACEPARENT.length
const PARENT_SPAN_AT = PARENT_TRACE_AT + 33
const TRACE_AT = PARENT_SPAN_AT + 16 + TRACE_ID.length
const SPAN_AT = TRACE_AT + 32 + SPAN_ID.length

/**
 * `traceparent` (W3C Trace Context, version 00) and the ids of B3, a line each. A trace that begins here has no state, and
 * nothing is decided.
 */
export function newTraceLines({ trace0, trace1, trace2, trace3, span0, span1 }: TraceWords): string {
  writeTwice(PARENT_TRACE_AT, TRACE_AT, trace0)
  writeTwice(PARENT_TRACE_AT + 8, TRACE_AT + 8, trace1)
  writeTwice(PARENT_TRACE_AT + 16, TRACE_AT + 16, trace2)
  writeTwice(PARENT_TRACE_AT + 24, TRACE_AT + 24, trace3)
  writeTwice(PARENT_SPAN_AT, SPAN_AT, span0)
  writeTwice(PARENT_SPAN_AT + 8, SPAN_AT + 8, span1)
  return latin1(LINES, 0, LINES.length)
}

/** Eight digits at two places. */
function writeTwice(at: number, alsoAt: number, word: number): void {
  writeDigits(LINES, at, word)
  for (let i = 0; i < 8; i++) LINES[alsoAt + i] = LINES[at + i] as number
}
