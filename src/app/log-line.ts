/** Lines of the log: the original's for people, JSON for programs. Neither can be forged by what they tell of. */
import type { AccessEntry, LogFields, LogLevel, LogRecord } from '../core/log.ts'
import type { IsSecret } from '../telemetry/secret-names.ts'
import { cut, MAX_TEXT_CHARS, toPlainFields } from './log-fields.ts'

/** Of one field in a human line. */
const MAX_FIELD_CHARS = 1024

/** Said in the line already, or of use to programs only. */
const NOT_SHOWN: ReadonlySet<string> = new Set(['service', 'node', 'nodeId', 'errorId', 'err', 'traceId'])

/** What a line has of its own: fields of a user with these names get another one. */
const TAKEN: ReadonlySet<string> = new Set(['time', 'level', 'msg'])

/**
 * `2021/08/10 11:08:01 [gateway] Http Listen on port: 8080`, in local time; levels above info are named. Fields follow as
 * `name=value`, and the trace of a call in progress last.
 */
export function toHumanLine(
  atMs: number,
  level: LogLevel,
  service: string,
  message: string,
  fields?: Readonly<Record<string, unknown>>,
): string {
  let line = `${localTime(atMs)} [${oneLine(service)}] ${level === 'info' ? '' : `${level}: `}${oneLine(cut(message, MAX_TEXT_CHARS))}`
  if (fields !== undefined) {
    for (const [name, value] of Object.entries(fields))
      if (!NOT_SHOWN.has(name)) line += ` ${oneLine(name)}=${shown(value)}`
    const { err, traceId } = fields
    if (err !== undefined) line += ` err=${shown((err as { message?: unknown } | null)?.message ?? err)}`
    if (traceId !== undefined) line += ` trace=${shown(traceId)}`
  }
  return `${line}\n`
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  const kept = oneLine(cut(text, MAX_FIELD_CHARS))
  return typeof value === 'string' && (text === '' || /[\s"=]/.test(text)) ? JSON.stringify(kept) : kept
}

export function toRecord(
  atMs: number,
  level: LogLevel,
  service: string,
  node: string | undefined,
  message: string,
  fields: LogFields | undefined,
  isSecret?: IsSecret,
): LogRecord {
  const record: Record<string, unknown> = {
    time: isoTime(atMs),
    level,
    service,
    node,
    msg: cut(message, MAX_TEXT_CHARS),
  }
  if (fields === undefined) return record as LogRecord
  const plain = toPlainFields(fields, isSecret)
  for (const name of Object.keys(plain)) {
    const key = TAKEN.has(name) ? `${name}_` : name
    Object.defineProperty(record, key, { value: plain[name], enumerable: true, configurable: true, writable: true })
  }
  return record as LogRecord
}

export function toJsonLine(record: LogRecord): string {
  return `${JSON.stringify(record)}\n`
}

/** `GET /api/user/login 200 123B 4.2ms user/login node=… client=… trace=…`: by hand, for there is one for each request. */
export function toHumanAccess(atMs: number, service: string, entry: AccessEntry): string {
  const { action, node, attempts, client, requestId, traceId } = entry
  let line = `${localTime(atMs)} [${service}] ${oneLine(entry.method)} ${oneLine(entry.path)} ${entry.status} ${entry.bytes}B ${rounded(entry.durationMs)}ms`
  if (action !== undefined) line += ` ${entry.service}/${action}`
  if (node !== undefined) line += ` node=${node}`
  if (attempts > 1) line += ` attempts=${attempts}`
  if (entry.cut !== undefined) line += ` cut=${entry.cut}`
  line += ` client=${client}`
  if (requestId !== undefined && requestId !== traceId) line += ` request=${requestId}`
  return `${traceId === undefined ? line : `${line} trace=${traceId}`}\n`
}

/** The same with the fields of a record, `msg` among them; the gateway is `service`, the route `to`. */
export function toJsonAccess(atMs: number, service: string, node: string | undefined, entry: AccessEntry): string {
  const { action, requestId, traceId } = entry
  let line = `{"time":"${isoTime(atMs)}","level":"info","service":"${service}"`
  if (node !== undefined) line += `,"node":"${node}"`
  line += `,"msg":"access","method":${JSON.stringify(entry.method)},"path":${JSON.stringify(entry.path)},"status":${entry.status},"bytes":${entry.bytes},"durationMs":${rounded(entry.durationMs)}`
  if (action !== undefined) line += `,"to":"${entry.service}/${action}"`
  if (entry.node !== undefined) line += `,"toNode":"${entry.node}"`
  if (entry.cut !== undefined) line += `,"cut":"${entry.cut}"`
  line += `,"attempts":${entry.attempts},"client":"${entry.client}"`
  if (requestId !== undefined) line += `,"requestId":${JSON.stringify(requestId)}`
  return traceId === undefined ? `${line}}\n` : `${line},"traceId":"${traceId}"}\n`
}

/** As data, for those who want no text. */
export function toAccessRecord(atMs: number, service: string, node: string | undefined, entry: AccessEntry): LogRecord {
  return JSON.parse(toJsonAccess(atMs, service, node, entry)) as LogRecord
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100
}

let humanSecond = Number.NaN
let humanTime = ''

/** Made once a second: many lines have it in common. */
function localTime(atMs: number): string {
  const second = Math.floor(atMs / 1000)
  if (second === humanSecond) return humanTime
  const at = new Date(atMs)
  const two = (n: number): string => String(n).padStart(2, '0')
  humanSecond = second
  humanTime = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return humanTime
}

let isoMs = Number.NaN
let isoText = ''

function isoTime(atMs: number): string {
  if (atMs !== isoMs) {
    isoMs = atMs
    isoText = new Date(atMs).toISOString()
  }
  return isoText
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/
const CONTROLS = new RegExp(CONTROL, 'g')

/** Control characters written out, so that what a client sends cannot forge a line of the log. */
function oneLine(text: string): string {
  // Nearly all have none: looking is cheaper than replacing nothing.
  if (!CONTROL.test(text)) return text
  return text.replace(CONTROLS, (c) => {
    return c === '\t' ? ' ' : `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}
