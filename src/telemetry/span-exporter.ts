/** Sends spans to a server that takes them as JSON over HTTP: what Zipkin and OTLP have in common. */
import type { Span, SpanSink } from '../core/span.ts'
import {
  type BatchSenderDeps,
  type BatchSenderNumbers,
  type BatchSenderOptions,
  createBatchSender,
  type SendOutcome,
} from './batch-sender.ts'
import { withoutSecrets } from './exporter-address.ts'
import { createHttpPost } from './http-post.ts'
import { encodeInSlices, type Frame } from './sliced-encoding.ts'

/** A sink that sends on what it takes, and can be ended. */
export interface SpanExporter extends SpanSink {
  /** `zipkin`, `otlp`. */
  readonly name: string
  numbers(): BatchSenderNumbers
  /** Sends what is there, within that time. @default 1000 */
  close(withinMs?: number): Promise<void>
}

/** How a batch is written. */
export interface BatchText {
  readonly spans: readonly Span[]
  readonly frame: Frame
  encode(span: Span): string
}

export interface SpanExporterOptions {
  /** For the log: `zipkin`. */
  readonly name: string
  readonly url: URL
  textOf(batch: readonly Span[]): BatchText
  /** Reads a body of 2xx. @default all were taken */
  readAnswer?(body: string): SendOutcome<Span>
  /** Bounds other than the defaults. */
  readonly bounds?: Partial<Pick<BatchSenderOptions<Span>, 'maxItems' | 'maxBytes' | 'intervalMs' | 'timeoutMs'>>
}

const MAX_SENDS = 2
/** Of ids, times and endpoints, without names and tags. */
const SPAN_BYTES = 320
/** Of the quotes and separators of a tag. */
const TAG_BYTES = 8

export function createSpanExporter(options: SpanExporterOptions, deps: BatchSenderDeps): SpanExporter {
  const { url, textOf, readAnswer } = options
  const headers = { 'content-type': 'application/json' }
  const http = createHttpPost({ url, headers, maxSockets: MAX_SENDS })
  const sender = createBatchSender<Span>(
    {
      ...options.bounds,
      name: `${options.name} (${withoutSecrets(url.href)})`,
      maxSends: MAX_SENDS,
      sizeOf,
      async send(batch, signal) {
        const { spans, encode, frame } = textOf(batch)
        const outcome = await http.post(await encodeInSlices(spans, encode, frame, signal), signal)
        if (outcome.kind !== 'taken') return outcome
        return readAnswer?.(outcome.body) ?? { kind: 'taken' }
      },
    },
    deps,
  )
  return {
    name: options.name,
    take: sender.take,
    numbers: sender.numbers,
    async close(withinMs) {
      await sender.close(withinMs)
      http.close()
    },
  }
}

function sizeOf(span: Span): number {
  let size = SPAN_BYTES + span.name.length
  for (const key in span.tags) size += key.length + (span.tags[key] as string).length + TAG_BYTES
  if (span.error !== undefined) size += span.error.message.length
  if (span.annotations !== undefined) for (const { text } of span.annotations) size += text.length
  return size
}
