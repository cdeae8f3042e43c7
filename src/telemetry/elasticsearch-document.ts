/**
 * Lines of the log and spans as documents of Elasticsearch. What programs name as they like, tags and further fields, goes
 * into one list of `name=value`: each of them is one exact term, and no name of anybody's becomes a field of the index, of
 * which a cluster bears a thousand. `flattened` would do the same, and is spelt otherwise or missing in its relatives.
 */
import type { LogRecord } from '../core/log.ts'
import type { Span } from '../core/span.ts'

/** Fields of a line that are fields of the document too, where they are of that type. */
export const LOG_FIELDS: Readonly<Record<string, 'keyword' | 'number'>> = {
  traceId: 'keyword',
  requestId: 'keyword',
  caller: 'keyword',
  method: 'keyword',
  path: 'keyword',
  status: 'number',
  bytes: 'number',
  durationMs: 'number',
  attempts: 'number',
  cut: 'keyword',
  to: 'keyword',
  toNode: 'keyword',
  client: 'keyword',
}

const OWN: ReadonlySet<string> = new Set(['time', 'level', 'service', 'node', 'msg', 'err'])
const MAX_TEXT_CHARS = 32_768
const MAX_VALUE_CHARS = 8192
/** Of a list; and of an error's parts. */
const MAX_ENTRIES = 128

/** `2026.11.25`, in UTC. */
export function toDay(isoTime: string): string {
  return `${isoTime.slice(0, 4)}.${isoTime.slice(5, 7)}.${isoTime.slice(8, 10)}`
}

/** The text of a JSON object. */
export function toLogDocument(record: LogRecord): string {
  const time = quoted(record.time)
  let text = `{"@timestamp":${time},"time":${time},"level":${quoted(record.level)},"service":${quoted(record.service)}`
  if (record.node !== undefined) text += `,"node":${quoted(record.node)}`
  text += `,"msg":${quoted(record.msg, MAX_TEXT_CHARS)}`
  let fields = ''
  let entries = 0
  for (const name in record) {
    const value = record[name]
    if (value === undefined || OWN.has(name)) continue
    const type = Object.hasOwn(LOG_FIELDS, name) ? LOG_FIELDS[name] : undefined
    if (type === 'keyword' && typeof value === 'string') text += `,"${name}":${quoted(value)}`
    else if (type === 'number' && Number.isFinite(value)) text += `,"${name}":${value}`
    else if (++entries <= MAX_ENTRIES) fields += `,${pair(name, value)}`
  }
  if (record.err !== undefined) text += `,"error":${errorOf(record.err)}`
  return fields === '' ? `${text}}` : `${text},"fields":[${fields.slice(1)}]}`
}

/** The text of a JSON object; `@timestamp` is the start, with microseconds. */
export function toSpanDocument(span: Span): string {
  const { trace, remote, error, annotations } = span
  let text = `{"@timestamp":"${isoMicros(span.startedMs)}","traceId":"${trace.traceId}","spanId":"${trace.spanId}"`
  if (trace.parentId !== undefined) text += `,"parentId":"${trace.parentId}"`
  text += `,"name":${quoted(span.name)},"kind":"${span.kind}","service":${quoted(span.service)},"node":${quoted(span.node)}`
  if (remote !== undefined) {
    text += `,"remote":{"service":${quoted(remote.service)}`
    if (remote.host !== undefined) text += `,"host":${quoted(remote.host)}`
    text += remote.port === undefined ? '}' : `,"port":${remote.port}}`
  }
  text += `,"durationMs":${Math.round(span.durationMs * 1000) / 1000}`
  let tags = ''
  let entries = 0
  for (const name in span.tags) {
    if (++entries > MAX_ENTRIES) break
    tags += `,${pair(name, span.tags[name])}`
  }
  if (tags !== '') text += `,"tags":[${tags.slice(1)}]`
  if (annotations !== undefined && annotations.length > 0) {
    const list = annotations
      .slice(0, MAX_ENTRIES)
      .map((it) => `{"time":"${isoMicros(it.atMs)}","text":${quoted(it.text)}}`)
    text += `,"annotations":[${list.join(',')}]`
  }
  if (error !== undefined) text += `,"error":{"code":${quoted(error.code)},"message":${quoted(error.message)}}`
  return `${text}}`
}

/** A document's text is what an interface makes of it, so a list is one, whatever its length. */
function pair(name: string, value: unknown): string {
  return quoted(`${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
}

function errorOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return `{"message":${quoted(String(value))}}`
  const parts = ['name', 'code', 'message', 'stack'].flatMap((name) => {
    const part = (value as Record<string, unknown>)[name]
    return typeof part === 'string' ? [`"${name}":${quoted(part)}`] : []
  })
  return `{${parts.join(',')}}`
}

/** Cut at a bound. Halves of characters, of a cut or of somebody's text, are none for the server. */
function quoted(value: unknown, maxChars = MAX_VALUE_CHARS): string {
  const text = typeof value === 'string' ? value : String(value)
  const kept = text.length <= maxChars ? text : `${text.slice(0, maxChars)}…`
  const json = JSON.stringify(kept)
  return json.includes('\\ud') ? JSON.stringify(kept.replace(/\p{Surrogate}/gu, '\ufffd')) : json
}

/** `2026-11-25T08:15:30.123456Z`. */
function isoMicros(ms: number): string {
  const wholeMs = Math.floor(ms)
  const micros = Math.min(999, Math.round((ms - wholeMs) * 1000))
  return `${new Date(wholeMs).toISOString().slice(0, -1)}${String(micros).padStart(3, '0')}Z`
}
