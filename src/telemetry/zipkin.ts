/**
 * Spans for Zipkin: JSON of its second version, posted to `/api/v2/spans`.
 * https://zipkin.io/zipkin-api/#/default/post_spans
 */
import { isIPv4, isIPv6 } from 'node:net'
import type { Span } from '../core/span.ts'
import type { BatchSenderDeps } from './batch-sender.ts'
import { exporterUrl, ZIPKIN_ADDRESS } from './exporter-address.ts'
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
  const { trace, remote, error } = span
  let text = `{"traceId":"${trace.traceId}","id":"${trace.spanId}"`
  if (trace.parentId !== undefined) text += `,"parentId":"${trace.parentId}"`
  text += `,"name":${JSON.stringify(span.name)},"kind":"${span.kind}"`
  text += `,"timestamp":${Math.round(span.startedMs * 1000)}`
  text += `,"duration":${Math.max(1, Math.round(span.durationMs * 1000))}`
  text += `,"localEndpoint":${localEndpoint(span.service, span.node)}`
  if (remote !== undefined) text += `,"remoteEndpoint":${endpoint(remote.service, remote.host, remote.port)}`
  let tags = ''
  for (const key in span.tags) tags += `,${JSON.stringify(key)}:${JSON.stringify(span.tags[key])}`
  tags += `,"goms.node":${JSON.stringify(span.node)}`
  // The tag that Zipkin colours red; its value is the reason.
  if (error !== undefined) {
    tags += `,"error":${JSON.stringify(error.message || error.code)}`
    if (span.tags['error.code'] === undefined) tags += `,"error.code":${JSON.stringify(error.code)}`
  }
  text += `,"tags":{${tags.slice(1)}}`
  if (span.annotations !== undefined && span.annotations.length > 0) {
    const list = span.annotations.map((it) => {
      return `{"timestamp":${Math.round(it.atMs * 1000)},"value":${JSON.stringify(it.text)}}`
    })
    text += `,"annotations":[${list.join(',')}]`
  }
  return `${text}}`
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

function endpoint(service: string, host: string | undefined, port: number | undefined): string {
  const ip = host?.replace(/^\[|\]$/g, '') ?? ''
  let text = `{"serviceName":${JSON.stringify(service)}`
  if (isIPv4(ip)) text += `,"ipv4":"${ip}"`
  // A zone is of this machine only.
  else if (isIPv6(ip)) text += `,"ipv6":"${ip.replace(/%.*$/, '')}"`
  if (port !== undefined && port > 0 && port <= 65_535) text += `,"port":${port}`
  return `${text}}`
}
