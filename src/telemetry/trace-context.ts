/** Where in a trace a call stands: made anew, carried on to a child, and written into headers. Reading is in `trace-headers.ts`. */
import type { TraceContext, TraceWords } from '../core/context.ts'
import { defaultTrace, type TraceFormat } from '../core/observability-options.ts'
import type { Sampler } from './sampler.ts'
import { type GetHeader, readSampling, readTraceContext } from './trace-headers.ts'
import { createTraceIds } from './trace-ids.ts'
import { fromTraceWords } from './trace-words.ts'

export { type GetHeader, readTraceContext } from './trace-headers.ts'

const ids = createTraceIds()

/** The root of a new trace, with a 128-bit id. `sampled` undefined: not decided yet. */
export function newTrace(sampled?: boolean): TraceContext {
  return { traceId: ids.traceId(), spanId: ids.spanId(), parentId: undefined, sampled, state: undefined }
}

/**
 * The same as numbers; {@link rootOf} has its text.
 * @param sampler decides about it; undefined: it stays undecided
 */
export function newTraceWords(sampler?: Sampler, service = '', action = ''): TraceWords {
  const words = ids.words()
  if (sampler !== undefined) words.sampled = sampler.draw(words, service, action)
  return words
}

/**
 * The position that {@link newTraceWords} made.
 * @param isDecided whether a sampler has decided about it
 */
export function rootOf(words: TraceWords, isDecided = false): TraceContext {
  const root = fromTraceWords(words) as TraceContext
  return isDecided ? root : { ...root, sampled: undefined }
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
 * The headers that carry a position on, as a flat list of lower-case names and values. By default W3C and B3 multi:
 * `traceparent` (a 64-bit trace id filled up with zeros on the left), `tracestate`, `x-b3-traceid` (a 64-bit id as it is),
 * `x-b3-spanid`, `x-b3-parentspanid`, `x-b3-sampled` (left out while not decided).
 * @param to the list to append to
 * @param formats those that are written
 */
export function writeTraceContext(
  context: TraceContext,
  to: string[] = [],
  formats: readonly TraceFormat[] = defaultTrace.propagate,
): string[] {
  for (const format of formats) WRITERS[format](context, to)
  return to
}

const WRITERS: Readonly<Record<TraceFormat, (context: TraceContext, to: string[]) => void>> = {
  w3c(context, to) {
    to.push('traceparent', toTraceparent(context))
    if (context.state !== undefined) to.push('tracestate', context.state)
  },
  b3({ traceId, spanId, parentId, sampled }, to) {
    to.push('x-b3-traceid', traceId, 'x-b3-spanid', spanId)
    if (parentId !== undefined) to.push('x-b3-parentspanid', parentId)
    if (sampled !== undefined) to.push('x-b3-sampled', sampled ? '1' : '0')
  },
  'b3-single'({ traceId, spanId, parentId, sampled }, to) {
    // The parent stands behind the decision, and nowhere else.
    const parent = parentId === undefined ? '' : `-${parentId}`
    to.push('b3', `${traceId}-${spanId}${sampled === undefined ? '' : `-${sampled ? '1' : '0'}${parent}`}`)
  },
  uber({ traceId, spanId, parentId, sampled }, to) {
    to.push('uber-trace-id', `${traceId}:${spanId}:${parentId ?? '0'}:${sampled === true ? '1' : '0'}`)
  },
}

/** The value of `traceparent`: version 00 of W3C Trace Context, section 3.2. */
export function toTraceparent({ traceId, spanId, sampled }: TraceContext): string {
  const padded = traceId.length === 16 ? `0000000000000000${traceId}` : traceId
  return `00-${padded}-${spanId}-${sampled === true ? '01' : '00'}`
}
