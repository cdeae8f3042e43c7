/** Positions in a trace as numbers, and back: text is made only for who reads it. */
import type { TraceContext, TraceWords } from '../core/context.ts'
import { digits } from './trace-ids.ts'

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

/** The trace id, 32 digits. */
export function traceIdOf(words: TraceWords): string {
  return digits(words.trace0) + digits(words.trace1) + digits(words.trace2) + digits(words.trace3)
}

export function spanIdOf(words: TraceWords): string {
  return digits(words.span0) + digits(words.span1)
}

/** The value of `traceparent`: version 00 of W3C Trace Context, section 3.2. */
export function wordsToTraceparent(words: TraceWords): string {
  return `00-${traceIdOf(words)}-${spanIdOf(words)}-${words.sampled ? '01' : '00'}`
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
