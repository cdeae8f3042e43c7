/**
 * The indices: one a day for lines and one for spans, created by whoever writes there first, for the server's guesses are no
 * good: a first line that begins with a date would make `msg` a date, and refuse all others.
 * https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-indices-create
 */
import { LOG_FIELDS } from './elasticsearch-document.ts'

export type IndexKind = 'logs' | 'trace_logs'

type Mapping = Readonly<Record<string, unknown>>

/** Longer values are kept and not searchable. The bound of Lucene is 32766 bytes. */
const keyword: Mapping = { type: 'keyword', ignore_above: 1024 }
const date: Mapping = { type: 'date' }
/** For words in it; the whole where it is short. */
const text: Mapping = { type: 'text', fields: { keyword: { type: 'keyword', ignore_above: 256 } } }

const logFields: Mapping = Object.fromEntries(
  Object.entries(LOG_FIELDS).map(([name, type]) => [name, type === 'keyword' ? keyword : { type: 'double' }]),
)

const PROPERTIES: Readonly<Record<IndexKind, Mapping>> = {
  logs: {
    '@timestamp': date,
    time: date,
    level: keyword,
    service: keyword,
    node: keyword,
    msg: text,
    ...logFields,
    fields: keyword,
    error: { properties: { name: keyword, code: keyword, message: text, stack: { type: 'text' } } },
  },
  trace_logs: {
    '@timestamp': date,
    traceId: keyword,
    spanId: keyword,
    parentId: keyword,
    name: keyword,
    kind: keyword,
    service: keyword,
    node: keyword,
    remote: { properties: { service: keyword, host: keyword, port: { type: 'integer' } } },
    durationMs: { type: 'double' },
    tags: keyword,
    annotations: { properties: { time: date, text } },
    error: { properties: { code: keyword, message: text } },
  },
}

/** `logs-2026.11.25`: as the originals named them, with the day. */
export function toIndex(kind: IndexKind, day: string): string {
  return `${kind}-${day}`
}

/**
 * The body that creates an index. Numbers of shards and replicas, retention and the rest are those of the cluster and its
 * templates. What no field is known for is kept and not searchable, so that no index grows fields.
 */
export function toIndexBody(index: string): string {
  const kind: IndexKind = index.startsWith('trace_') ? 'trace_logs' : 'logs'
  return JSON.stringify({ mappings: { dynamic: false, properties: PROPERTIES[kind] } })
}
