/** Where in a trace a call stands: made anew, carried on to a child, and written into headers. Reading is in `trace-headers.ts`. */
import type { TraceContext, TraceWords } from '../core/context.ts'
import { type GetHeader, readSampling, readTraceContext } from './trace-headers.ts'
import { createTraceIds } from './trace-ids.ts'
import { fromTraceWords } from './trace-words.ts'

export { type GetHeader, readTraceContext } from './trace-headers.ts'

const ids = createTraceIds()

/** The root of a new trace, with a 128-bit id. `sampled` undefined: not decided yet. */
export function newTrace(sampled?: boolean): TraceContext {
  return { traceId: ids.traceId(), spanId: ids.spanId(), parentId: undefined, sampled, state: undefined }
}

/** The same as numbers; {@link rootOf} has its text. */
export function newTraceWords(): TraceWords {
  return ids.words()
}

/** The position that {@link newTraceWords} made. */
export function rootOf(words: TraceWords): TraceContext {
  return { ...(fromTraceWords(words) as TraceContext), sampled: undefined }
}

/** The next position below: same trace, decision and state; a span id of its own. */
export function childOf(parent: TraceContext): TraceContext {
  return {
    traceId: parent.traceId,
    spanId: ids.spanId(),
    parentId: parent.spanId,
    sampled: parent.sampled,
    state: parent.state,
  }
}

/** The position of a call that arrives: below what its headers say, else a new trace that keeps a decision sent without ids. */
export function receiveTrace(get: GetHeader): TraceContext {
  const sent = readTraceContext(get)
  return sent ? childOf(sent) : newTrace(readSampling(get))
}

/** The same where the sender's position came as numbers. */
export function receiveTraceWords(words: TraceWords): TraceContext {
  const sent = fromTraceWords(words)
  return sent ? childOf(sent) : newTrace()
}

/**
 * The headers that carry a position on, as a flat list of lower-case names and values, W3C and B3 multi: `traceparent`
 * (a 64-bit trace id filled up with zeros on the left), `tracestate`, `x-b3-traceid` (a 64-bit id as it is),
 * `x-b3-spanid`, `x-b3-parentspanid`, `x-b3-sampled` (left out while not decided).
 * @param to the list to append to
 */
export function writeTraceContext(context: TraceContext, to: string[] = []): string[] {
  const { traceId, spanId, parentId, sampled, state } = context
  to.push('traceparent', toTraceparent(context))
  if (state !== undefined) to.push('tracestate', state)
  to.push('x-b3-traceid', traceId, 'x-b3-spanid', spanId)
  if (parentId !== undefined) to.push('x-b3-parentspanid', parentId)
  if (sampled !== undefined) to.push('x-b3-sampled', sampled ? '1' : '0')
  return to
}

/** The value of `traceparent`: version 00 of W3C Trace Context, section 3.2. */
export function toTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  const padded = traceId.length === 16 ? `0000000000000000${traceId}` : traceId
  return `00-${padded}-${spanId}-${sampled === true ? '01' : '00'}`
}
