/** Positions in a trace as numbers, and back: text is made only for who reads it. */
import type { TraceContext, TraceWords } from '../core/context.ts'
import { writeDigits } from './trace-ids.ts'

/** The numbers of a position. Ids as {@link TraceContext} has them: 16 or 32 digits, and 16. */
export function toTraceWords({ traceId, spanId, sampled }: TraceContext): TraceWords {
  const isLong = traceId.length === 32
  const low = isLong ? 16 : 0
  return {
    trace0: isLong ? word(traceId, 0) : 0,
    trace1: isLong ? word(traceId, 8) : 0,
    trace2: word(traceId, low),
    trace3: word(traceId, low + 8),
    span0: word(spanId, 0),
    span1: word(spanId, 8),
    sampled: sampled === true,
  }
}

/** As `traceparent` has it; the digits are written over for every one. */
const TEXT = Buffer.from(`00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`)
const TRACE_AT = 3
const SPAN_AT = 36
const FLAGS_AT = 53
const SHORT_TRACE_AT = TRACE_AT + 16

/** The value of `traceparent`: version 00 of W3C Trace Context, section 3.2. In one piece: put together it costs several times as much. */
export function wordsToTraceparent(words: TraceWords): string {
  writeDigits(TEXT, TRACE_AT, words.trace0)
  writeDigits(TEXT, TRACE_AT + 8, words.trace1)
  writeDigits(TEXT, TRACE_AT + 16, words.trace2)
  writeDigits(TEXT, TRACE_AT + 24, words.trace3)
  writeDigits(TEXT, SPAN_AT, words.span0)
  writeDigits(TEXT, SPAN_AT + 8, words.span1)
  TEXT[FLAGS_AT + 1] = words.sampled ? 0x31 : 0x30
  return TEXT.toString('latin1')
}

/** The position of a sender, by the rules of `readTraceContext`: undefined for ids of zeros only. */
export function fromTraceWords(words: TraceWords): TraceContext | undefined {
  const { trace0, trace1, trace2, trace3, span0, span1, sampled } = words
  if ((trace0 | trace1 | trace2 | trace3) === 0 || (span0 | span1) === 0) return undefined
  const text = wordsToTraceparent(words)
  return {
    traceId: text.slice((trace0 | trace1) === 0 ? SHORT_TRACE_AT : TRACE_AT, SPAN_AT - 1),
    spanId: text.slice(SPAN_AT, FLAGS_AT - 1),
    parentId: undefined,
    sampled,
    state: undefined,
  }
}

/** Eight lower-case hex digits. */
function word(text: string, at: number): number {
  let value = 0
  for (let i = at; i < at + 8; i++) {
    const code = text.charCodeAt(i)
    value = (value << 4) | (code - (code > 0x39 ? 0x57 : 0x30))
  }
  return value
}
