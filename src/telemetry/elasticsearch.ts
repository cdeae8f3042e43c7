/**
 * Lines of the log and spans for Elasticsearch and OpenSearch, as the original sent them: in batches by `_bulk`, an index for
 * each day.
 */
import { randomBytes } from 'node:crypto'
import { type Log, type LogFields, type LogRecord, STAYS_HERE } from '../core/log.ts'
import type { Span, SpanSink } from '../core/span.ts'
import { type BatchSenderDeps, type BatchSenderNumbers, createBatchSender, type SendOutcome } from './batch-sender.ts'
import { toElasticsearchUrls } from './elasticsearch-address.ts'
import { type BulkItem, readBulkAnswer, toActionLine } from './elasticsearch-bulk.ts'
import { createElasticsearchCluster, type ElasticsearchCluster } from './elasticsearch-cluster.ts'
import { toDay, toLogDocument, toSpanDocument } from './elasticsearch-document.ts'
import { toIndex } from './elasticsearch-index.ts'
import { encodeInSlices } from './sliced-encoding.ts'

export interface ElasticsearchSink extends SpanSink {
  /** A line, for the index `logs-<day>`. Never throws, never waits; the record is read before it returns. */
  log(record: LogRecord): void
  /** As metrics have it. */
  readonly name: string
  numbers(): BatchSenderNumbers
  /** Sends what is there, within that time. @default 1000 */
  close(withinMs?: number): Promise<void>
}

interface Item extends BulkItem {
  /** A line is written out when it comes, for who says it may change what it speaks of; a span does not change. */
  readonly document: string | Span
}

const MAX_SENDS = 2
/** Of one try, with all that belongs to it. What took longer is sent again, for its ids are the same. */
const TIMEOUT_MS = 10_000
/** The sender's own bound, which does not know of ids, stays behind. */
const BEYOND_MS = 5000
/** A restart of the server takes a minute or two; the queue is bounded whatever it takes. */
const MAX_TRIES = 30
/** The days of two kinds, today and what is left of yesterday, and some from clocks that are wrong. */
const MAX_KNOWN_INDICES = 16
/** The line before a document. */
const ACTION_BYTES = 96
/** Of a span without name, tags and texts. */
const SPAN_BYTES = 480
const TAG_BYTES = 8
const FRAME = { open: '', between: '', close: '' }

/**
 * Sends lines and spans to Elasticsearch, once a second or when a thousand wait. Bounded: 10 000 of them or 16 MiB wait at
 * most, the oldest go first. Documents have ids of ours, so that what was lost on the way is sent again and is there once.
 * @param esAddr `http://user:password@host:9200`, `https://host`, `host:9200`; several nodes with `|` between them
 * @throws GomsError GOMS_CONFIG_INVALID for another address
 */
export function createElasticsearchSink(esAddr: string, deps: BatchSenderDeps): ElasticsearchSink {
  const urls = toElasticsearchUrls(esAddr)
  const cluster = createElasticsearchCluster({ urls, maxSockets: MAX_SENDS }, deps.clock)
  const indices = createKnownIndices(cluster)
  /** Ids that begin alike are cheap for the server. */
  const process = randomBytes(12).toString('base64url')
  let count = 0

  async function send(batch: readonly Item[], ending: AbortSignal): Promise<SendOutcome<Item>> {
    const late = new AbortController()
    const timer = deps.clock.after(TIMEOUT_MS, () => late.abort())
    try {
      const outcome = await sendAll(batch, AbortSignal.any([ending, late.signal]))
      if (!late.signal.aborted) return outcome
    } catch (thrown) {
      if (!late.signal.aborted) throw thrown
    } finally {
      timer.cancel()
    }
    return { kind: 'again', reason: `no answer within ${TIMEOUT_MS} ms` }
  }

  async function sendAll(batch: readonly Item[], signal: AbortSignal): Promise<SendOutcome<Item>> {
    for (const index of new Set(batch.map((item) => item.index))) {
      const failed = await indices.ensure(index, signal)
      if (failed !== undefined) return failed
    }
    const outcome = await cluster.bulk(await encodeInSlices(batch, toLines, FRAME, signal), signal)
    return outcome.kind === 'taken' ? readBulkAnswer(batch, outcome.body) : outcome
  }

  const sender = createBatchSender<Item>(
    {
      name: `elasticsearch (${cluster.name})`,
      sizeOf,
      send,
      maxSends: MAX_SENDS,
      timeoutMs: TIMEOUT_MS + BEYOND_MS,
      maxTries: MAX_TRIES,
    },
    { ...deps, log: stayingHere(deps.log) },
  )
  const toId = (): string => `${process}${(count++).toString(36)}`
  return {
    log(record) {
      sender.take({ index: toIndex('logs', toDay(record.time)), id: toId(), document: toLogDocument(record) })
    },
    take(span) {
      sender.take({ index: toIndex('trace_logs', dayOf(span.startedMs)), id: toId(), document: span })
    },
    name: 'elasticsearch',
    numbers: sender.numbers,
    async close(withinMs) {
      await sender.close(withinMs)
      cluster.close()
    },
  }
}

/** The indices that are there, as far as this process can do something about it. */
function createKnownIndices(cluster: ElasticsearchCluster) {
  const known = new Set<string>()
  return {
    /** @returns what stands against sending now; undefined when the index is there, or the server shall see to it itself */
    async ensure(index: string, signal: AbortSignal): Promise<SendOutcome<never> | undefined> {
      if (known.has(index)) return undefined
      const outcome = await cluster.createIndex(index, signal)
      if (outcome.kind === 'again') return outcome
      // Refused: another process was first, or this user may write and not create. Whatever it is, writing will tell.
      known.add(index)
      if (known.size > MAX_KNOWN_INDICES) known.delete(known.values().next().value as string)
      return undefined
    },
  }
}

/** What is said of the sink does not go into it. */
function stayingHere(log: Log): Log {
  const here = (fields?: LogFields): LogFields => ({ ...fields, [STAYS_HERE]: true })
  return {
    debug: (message, fields) => log.debug(message, here(fields)),
    info: (message, fields) => log.info(message, here(fields)),
    warn: (message, fields) => log.warn(message, here(fields)),
    error: (message, fields) => log.error(message, here(fields)),
  }
}

function toLines(item: Item): string {
  const { document } = item
  return `${toActionLine(item)}${typeof document === 'string' ? document : toSpanDocument(document)}\n`
}

function sizeOf({ document }: Item): number {
  if (typeof document === 'string') return ACTION_BYTES + document.length
  let size = ACTION_BYTES + SPAN_BYTES + document.name.length
  for (const name in document.tags) size += name.length + (document.tags[name] as string).length + TAG_BYTES
  if (document.error !== undefined) size += document.error.message.length
  if (document.annotations !== undefined) for (const { text } of document.annotations) size += text.length
  return size
}

const DAY_MS = 86_400_000
let lastDay = Number.NaN
let lastDayText = ''

/** A day is written once, not for each span. */
function dayOf(ms: number): string {
  const day = Math.floor(ms / DAY_MS)
  if (day !== lastDay) {
    lastDay = day
    lastDayText = toDay(new Date(day * DAY_MS).toISOString())
  }
  return lastDayText
}
