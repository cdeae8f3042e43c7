/**
 * Spans for OpenTelemetry collectors: OTLP over HTTP, JSON mapping of its messages.
 * https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
 */
import type { Span, SpanKind } from '../core/span.ts'
import type { BatchSenderDeps, SendOutcome } from './batch-sender.ts'
import { exporterUrl, OTLP_ADDRESS } from './exporter-address.ts'
import { inOneLine } from './http-post.ts'
import { attribute, toOtlpAttribute } from './otlp-attributes.ts'
import { type BatchText, createSpanExporter, type SpanExporter } from './span-exporter.ts'

/** `SpanKind` of trace.proto. */
const KINDS: Readonly<Record<SpanKind, number>> = { SERVER: 2, CLIENT: 3, PRODUCER: 4, CONSUMER: 5 }
/** `Status.StatusCode` of an error. */
const STATUS_ERROR = 2
/** Trace flags of W3C: what is exported was sampled, or kept at the end. */
const FLAG_SAMPLED = 1
/**
 * Sends spans by OTLP over HTTP, in batches once a second, bounded as those to Zipkin. What a collector refuses of a batch
 * counts as failed.
 * @param otlpAddr `http://host:4318/v1/traces`, `http://host:4318` or `host:4318`
 * @throws GomsError GOMS_CONFIG_INVALID for another address
 */
export function createOtlpSink(otlpAddr: string, deps: BatchSenderDeps): SpanExporter {
  const url = exporterUrl(otlpAddr, OTLP_ADDRESS)
  return createSpanExporter({ name: 'otlp', url, textOf: toOtlpText, readAnswer: readOtlpAnswer }, deps)
}

/** A batch as `ExportTraceServiceRequest`: the spans of each service and node together, below their resource. */
export function toOtlpText(batch: readonly Span[]): BatchText {
  const spans = byResource(batch)
  const [first] = spans
  let open: Span | undefined
  return {
    spans,
    frame: { open: '{"resourceSpans":[', between: '', close: first === undefined ? ']}' : ']}]}]}' },
    encode(span) {
      const before = open
      open = span
      if (before === undefined) return `${resource(span)}${toOtlpJson(span)}`
      if (isOfOneResource(before, span)) return `,${toOtlpJson(span)}`
      return `]}]},${resource(span)}${toOtlpJson(span)}`
    },
  }
}

function isOfOneResource(a: Span, b: Span): boolean {
  return a.service === b.service && a.node === b.node
}

function byResource(batch: readonly Span[]): readonly Span[] {
  const first = batch[0]
  if (first === undefined || batch.every((span) => isOfOneResource(first, span))) return batch
  const groups = new Map<string, Span[]>()
  for (const span of batch) {
    const key = `${span.service} ${span.node}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [span])
    else group.push(span)
  }
  return [...groups.values()].flat()
}

function resource({ service, node }: Span): string {
  const attributes = [attribute('service.name', service), attribute('service.instance.id', node)]
  return `{"resource":{"attributes":[${attributes}]},"scopeSpans":[{"scope":{"name":"goms"},"spans":[`
}

/** A span as a message `Span` of trace.proto. Ids are hex, numbers of 64 bits text. */
export function toOtlpJson(span: Span): string {
  const { trace, error, annotations } = span
  const endMs = span.startedMs + span.durationMs
  let text = `{"traceId":"${trace.traceId.padStart(32, '0')}","spanId":"${trace.spanId}"`
  if (trace.parentId !== undefined) text += `,"parentSpanId":"${trace.parentId}"`
  if (trace.state) text += `,"traceState":${JSON.stringify(trace.state)}`
  text += `,"flags":${FLAG_SAMPLED},"name":${JSON.stringify(span.name)},"kind":${KINDS[span.kind]}`
  text += `,"startTimeUnixNano":"${toNano(span.startedMs)}","endTimeUnixNano":"${toNano(endMs)}"`
  text += `,"attributes":[${attributesOf(span)}]`
  if (annotations !== undefined && annotations.length > 0) {
    const events = annotations.map((it) => `{"timeUnixNano":"${toNano(it.atMs)}","name":${JSON.stringify(it.text)}}`)
    text += `,"events":[${events}]`
  }
  if (error === undefined) return `${text},"status":{}}`
  return `${text},"status":{"code":${STATUS_ERROR},"message":${JSON.stringify(error.message)}}}`
}

/** Microseconds are what there is: nanoseconds of this century have more digits than a number keeps. */
function toNano(atMs: number): string {
  return `${Math.round(atMs * 1000)}000`
}

function attributesOf(span: Span): string {
  const { remote, error, kind } = span
  let list = ''
  for (const key in span.tags) list += `,${toOtlpAttribute(key, span.tags[key] as string)}`
  if (remote !== undefined) {
    list += `,${attribute('peer.service', remote.service)}`
    const side = kind === 'SERVER' || kind === 'CONSUMER' ? 'client' : 'server'
    if (remote.host !== undefined) list += `,${attribute(`${side}.address`, remote.host)}`
    if (remote.port !== undefined) list += `,{"key":"${side}.port","value":{"intValue":"${remote.port}"}}`
  }
  if (error !== undefined) list += `,${attribute('error.type', error.code)}`
  return list.slice(1)
}

/**
 * Reads `ExportTraceServiceResponse`: what a collector refused of a batch that it took is lost.
 * https://opentelemetry.io/docs/specs/otlp/#partial-success-1
 */
export function readOtlpAnswer(body: string): SendOutcome<Span> {
  let answer: { partialSuccess?: { rejectedSpans?: unknown; errorMessage?: unknown } } | null = null
  try {
    answer = JSON.parse(body)
  } catch {
    // A status of 2xx is what counts; some answer with nothing, or with the message in protobuf.
  }
  const part = answer?.partialSuccess
  const rejected = Number(part?.rejectedSpans ?? 0)
  if (!Number.isSafeInteger(rejected) || rejected <= 0) return { kind: 'taken' }
  return {
    kind: 'taken',
    rejected,
    reason: inOneLine(String(part?.errorMessage ?? '')).slice(0, 120) || 'without saying why',
  }
}
