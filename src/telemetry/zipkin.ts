/**
 * Spans for Zipkin: JSON of its second version, posted to `/api/v2/spans`.
 * https://zipkin.io/zipkin-api/#/default/post_spans
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { Span } from '../core/span.ts'
import type { BatchSenderDeps } from './batch-sender.ts'
import { exporterUrl, ZIPKIN_ADDRESS } from './exporter-address.ts'
import { quoted } from './quoted-text.ts'
import { createSpanExporter, type SpanExporter } from './span-exporter.ts'

const FRAME = { open: '[', between: ',', close: ']' }

/**
 * Sends spans to Zipkin, in batches once a second. Bounded: 10 000 spans or 16 MiB wait at most, the oldest go first.
 * @param zipkinAddr `http://host:9411/api/v2/spans`, `http://host:9411` or `host:9411`
 * @throws GomsError GOMS_CONFIG_INVALID for another address
 */
export function createZipkinSink(zipkinAddr: string, deps: BatchSenderDeps): SpanExporter {
  const url = exporterUrl(zipkinAddr, ZIPKIN_ADDRESS)
  return createSpanExporter(
    { name: 'zipkin', url, textOf: (spans) => ({ spans, frame: FRAME, encode: toZipkinJson }) },
    deps,
  )
}

/** A span as the text of a JSON object. Times are whole microseconds, a duration at least one: 0 would mean none. */
export function toZipkinJson(span: Span): string {
  const { trace, remote, error, tags, annotations, node } = span
  const { parentId } = trace
  // One expression: what stands between is put together once, and ids need no quoting.
  let text = `{"traceId":"${trace.traceId}","id":"${trace.spanId}${parentId === undefined ? '' : `","parentId":"${parentId}`}","kind":"${span.kind}","name":${quoted(span.name)},"timestamp":${microseconds(span.startedMs)},"duration":${Math.max(1, Math.round(span.durationMs * 1000))},"localEndpoint":${localEndpoint(span.service, node)}${remote === undefined ? '' : remoteEndpoint(remote)},"tags":{"goms.node":${quoted(node)}`
  for (const key in tags) text += `,${quoted(key)}:${quoted(tags[key] as string)}`
  // The tag that Zipkin colours red; its value is the reason.
  if (error !== undefined) {
    text += `,"error":${JSON.stringify(error.message || error.code)}`
    if (tags['error.code'] === undefined) text += `,"error.code":${quoted(error.code)}`
  }
  if (annotations === undefined || annotations.length === 0) return `${text}}}`
  const list = annotations.map((it) => `{"timestamp":${microseconds(it.atMs)},"value":${JSON.stringify(it.text)}}`)
  return `${text}},"annotations":[${list.join(',')}]}`
}

let second = Number.NaN
let secondDigits = ''

/** Of a time since 1970. What a second of them has in common is written once: large numbers are slow to write. */
function microseconds(ms: number): string {
  const us = Math.round(ms * 1000)
  const whole = Math.floor(us / 1_000_000)
  // Of clocks that are set to nothing.
  if (whole <= 0) return String(us)
  if (whole !== second) {
    second = whole
    secondDigits = String(whole)
  }
  return secondDigits + String(us - whole * 1_000_000 + 1_000_000).slice(1)
}

/** A process has one node, or a few services of it: what was written last is what comes next. */
let last: { readonly service: string; readonly node: string; readonly text: string } | undefined

function localEndpoint(service: string, node: string): string {
  if (last?.service === service && last.node === node) return last.text
  const http = node.slice(node.indexOf('_') + 1)
  const colon = http.lastIndexOf(':')
  const text = endpoint(service, http.slice(0, colon), Number(http.slice(colon + 1)))
  last = { service, node, text }
  return text
}

/** Of nodes, whose spans all have the one object. */
const remotes = new WeakMap<object, string>()

function remoteEndpoint(remote: NonNullable<Span['remote']>): string {
  let text = remotes.get(remote)
  if (text === undefined) {
    text = `,"remoteEndpoint":${endpoint(remote.service, remote.host, remote.port)}`
    remotes.set(remote, text)
  }
  return text
}

function endpoint(service: string, host: string | undefined, port: number | undefined): string {
  const ip = host?.replace(/^\[|\]$/g, '') ?? ''
  let text = `{"serviceName":${JSON.stringify(service)}`
  if (isIPv4(ip)) text += `,"ipv4":"${ip}"`
  // A zone is of this machine only.
  else if (isIPv6(ip)) text += `,"ipv6":"${ip.replace(/%.*$/, '')}"`
  if (port !== undefined && port > 0 && port <= 65_535) text += `,"port":${port}`
  return `${text}}`
}
