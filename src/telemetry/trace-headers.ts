/**
 * Reads where in a trace a call comes from, in the four formats in use: W3C, B3 in one header or several, and Jaeger's.
 * Sources: https://www.w3.org/TR/trace-context-1/, https://github.com/openzipkin/b3-propagation,
 * https://www.jaegertracing.io/docs/1.76/client-libraries/#propagation-format
 */
import type { TraceContext } from '../core/context.ts'

/** The value of a header by its lower-case name; several of one name joined by a comma. */
export type GetHeader = (lowerCaseName: string) => string | undefined

/** Longer ones are dropped whole. W3C asks for at least 512 (§3.3.1.5). */
const MAX_STATE_CHARS = 1024

/**
 * The sender's position: `traceparent` before `b3`, before `x-b3-*`, before `uber-trace-id`. A malformed header is as good
 * as none, and the next format is asked. Ids come out as 32 or 16 lower-case digits, never all zero; a 128-bit trace id
 * whose upper half is zero is a 64-bit one, as Zipkin takes it, so that both forms of an id are one trace.
 */
export function readTraceContext(get: GetHeader): TraceContext | undefined {
  const traceparent = get('traceparent')
  const w3c = traceparent === undefined ? undefined : readW3c(traceparent, get)
  if (w3c) return w3c
  const b3 = get('b3')
  const single = b3 === undefined ? undefined : readB3Single(b3)
  if (single) return single
  const traceId = get('x-b3-traceid')
  const multi = traceId === undefined ? undefined : readB3Multi(traceId, get)
  if (multi) return multi
  const uber = get('uber-trace-id')
  return uber === undefined ? undefined : readUber(uber)
}

/** The sampling decision of a sender that has no ids yet: `b3: 0`, or `x-b3-sampled` alone. */
export function readSampling(get: GetHeader): boolean | undefined {
  const b3 = get('b3')?.trim()
  if (b3 !== undefined && b3.length === 1) return samplingOf(b3)
  return b3MultiSampling(get)
}

/** `00-<32 hex>-<16 hex>-<2 hex>`; later versions may go on after another `-` (§4.3). */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

function readW3c(traceparent: string, get: GetHeader): TraceContext | undefined {
  const match = TRACEPARENT.exec(traceparent.trim())
  if (!match) return undefined
  const [, version, traceId = '', spanId = '', flags = '', rest] = match
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined
  return toContext(traceId, spanId, undefined, (Number.parseInt(flags, 16) & 1) === 1, stateOf(get('tracestate')))
}

/** Opaque to us, passed on as it came; only what could not stand in a header is dropped. */
function stateOf(state: string | undefined): string | undefined {
  if (state === undefined || state === '' || state.length > MAX_STATE_CHARS) return undefined
  for (let i = 0; i < state.length; i++) {
    const unit = state.charCodeAt(i)
    if ((unit < 0x20 && unit !== 0x09) || unit > 0x7e) return undefined
  }
  return state
}

/** `<trace id>-<span id>[-<0|1|d>[-<parent span id>]]` */
const B3 = /^([0-9a-f]{16}|[0-9a-f]{32})-([0-9a-f]{16})(?:-([01d])(?:-([0-9a-f]{16}))?)?$/

function readB3Single(b3: string): TraceContext | undefined {
  const match = B3.exec(b3.trim())
  if (!match) return undefined
  const [, traceId = '', spanId = '', sampling, parentId] = match
  return toContext(traceId, spanId, parentId, samplingOf(sampling), undefined)
}

const TRACE_ID = /^(?:[0-9a-f]{16}|[0-9a-f]{32})$/
const SPAN_ID = /^[0-9a-f]{16}$/

function readB3Multi(traceId: string, get: GetHeader): TraceContext | undefined {
  const spanId = get('x-b3-spanid')
  const parentId = get('x-b3-parentspanid')
  if (spanId === undefined || !TRACE_ID.test(traceId) || !SPAN_ID.test(spanId)) return undefined
  if (parentId !== undefined && !SPAN_ID.test(parentId)) return undefined
  return toContext(traceId, spanId, parentId, b3MultiSampling(get), undefined)
}

function b3MultiSampling(get: GetHeader): boolean | undefined {
  // The debug flag implies the decision to sample.
  return get('x-b3-flags') === '1' ? true : samplingOf(get('x-b3-sampled'))
}

/** Early tracers wrote words. */
function samplingOf(text: string | undefined): boolean | undefined {
  if (text === '1' || text === 'd' || text === 'true') return true
  return text === '0' || text === 'false' ? false : undefined
}

/** `<trace id>:<span id>:<parent span id, 0 for none>:<flags>`, leading zeros left out, the colons perhaps as `%3A`. */
const UBER = /^([0-9a-f]{1,32}):([0-9a-f]{1,16}):([0-9a-f]{0,16}):([0-9a-f]{1,2})$/

function readUber(uber: string): TraceContext | undefined {
  if (uber.length > 100) return undefined
  const match = UBER.exec(uber.trim().replaceAll(/%3a/gi, ':').toLowerCase())
  if (!match) return undefined
  const [, traceId = '', spanId = '', parent = '', flags = ''] = match
  const parentId = isZero(parent) ? undefined : parent.padStart(16, '0')
  // 1: sampled; 2: debug, which implies it.
  const sampled = (Number.parseInt(flags, 16) & 3) !== 0
  return toContext(
    traceId.padStart(traceId.length > 16 ? 32 : 16, '0'),
    spanId.padStart(16, '0'),
    parentId,
    sampled,
    undefined,
  )
}

const ZEROS_64 = '0000000000000000'

function toContext(
  traceId: string,
  spanId: string,
  parentId: string | undefined,
  sampled: boolean | undefined,
  state: string | undefined,
): TraceContext | undefined {
  if (isZero(traceId) || isZero(spanId)) return undefined
  const short = traceId.length === 32 && traceId.startsWith(ZEROS_64) ? traceId.slice(16) : traceId
  return { traceId: short, spanId, parentId, sampled, state }
}

function isZero(digits: string): boolean {
  for (let i = 0; i < digits.length; i++) if (digits.charCodeAt(i) !== 0x30) return false
  return true
}
