/**
 * Which header fields pass through a gateway: from the fields of one message to the lines of the next hop's.
 * Sources: RFC 9110 §7.6.1 (Connection), §7.6.3 and §6.6 (what a proxy adds), RFC 9112 §6 (framing is each hop's own).
 */
import { GomsError } from '../core/errors.ts'
import { connectionOptions } from './connection-options.ts'
import { FIELD } from './field-kinds.ts'
import type { Fields } from './fields.ts'
import { isFieldValue, isToken } from './octets.ts'

/** Where a request came from. */
export interface Origin {
  /** Address of whoever opened the connection. */
  readonly address: string
  /** It is one of our proxies: what it says of where the request came from is believed and added to. */
  readonly trusted: boolean
  readonly proto: 'http' | 'https'
  /** What the request gives as its host. */
  readonly host: string
  /** The port that it came to. */
  readonly port: number
}

/** What an origin adds to its requests. */
export interface OriginLines {
  readonly host: string
  /** Of one that is not believed, but for its address. */
  readonly forwarded: string
}

export interface ToNodeOptions {
  /** The answer has to be read: it is asked for uncompressed. */
  readonly identityEncoding: boolean
  /** The caller writes an id of the request. @default what the client sent stays */
  readonly requestId?: boolean
}

/** What is never passed on to a node as it came: of one hop, not to be believed, or written anew. */
const NOT_TO_NODES =
  FIELD.hop | FIELD.trailer | FIELD.internal | FIELD.underscore | FIELD.framing | FIELD.host | FIELD.trace

/** Of one hop, and ours. `Trailer` stays, and names with `_` are the service's own affair in this direction. */
const NOT_TO_CLIENTS = FIELD.hop | FIELD.internal

const FORWARDED_FOR: ReadonlySet<string> = new Set(['x-forwarded-for'])

/**
 * The lines of a request for a node: `host` first; fields of one hop, our internal ones, those of a trace, framing and
 * `X-Forwarded-*` are gone, and the latter set anew. The caller adds our own afterwards, so that nothing from outside can
 * remove or forge them.
 * @param lines of the origin, where they are known already
 */
export function toNodeLines(
  fields: Fields,
  origin: Origin,
  options: ToNodeOptions,
  lines: OriginLines = originLines(origin),
): string {
  let drops = NOT_TO_NODES
  if (!origin.trusted) drops |= FIELD.forwarded
  if (options.identityEncoding) drops |= FIELD.acceptEncoding
  if (options.requestId) drops |= FIELD.requestId
  let listed = connectionOptions(fields).listed
  const believed = origin.trusted && fields.has(FIELD.forwarded)
  if (believed) listed = listed ? new Set([...listed, 'x-forwarded-for']) : FORWARDED_FOR
  const severalCookies = fields.has(FIELD.cookie) && countOf(fields, FIELD.cookie) > 1
  if (severalCookies) drops |= FIELD.cookie

  let all = lines.host + fields.without(drops, listed)
  if (severalCookies && !listed?.has('cookie')) all += `cookie: ${joinedCookies(fields)}\r\n`
  if (options.identityEncoding) all += 'accept-encoding: identity\r\n'
  return all + (believed ? addedTo(fields, origin) : `x-forwarded-for: ${origin.address}\r\n${lines.forwarded}`)
}

/** The lines that are the same for all requests to a host, whoever sends them. */
export function originLines({ proto, host, port }: Pick<Origin, 'proto' | 'host' | 'port'>): OriginLines {
  const forwarded = `x-forwarded-proto: ${proto}\r\nx-forwarded-host: ${host}\r\nx-forwarded-port: ${port}\r\n`
  return { host: `host: ${host}\r\n`, forwarded }
}

/** What a trusted proxy said stays; we add who that proxy is, and what it did not say. */
function addedTo(fields: Fields, origin: Origin): string {
  const before = fields.get('x-forwarded-for')
  let lines = `x-forwarded-for: ${before ? `${before}, ${origin.address}` : origin.address}\r\n`
  if (fields.get('x-forwarded-proto') === undefined) lines += `x-forwarded-proto: ${origin.proto}\r\n`
  if (fields.get('x-forwarded-host') === undefined) lines += `x-forwarded-host: ${origin.host}\r\n`
  if (fields.get('x-forwarded-port') === undefined) lines += `x-forwarded-port: ${origin.port}\r\n`
  return lines
}

/** Several are one list (RFC 6265 §5.4 wants one field); many frameworks read the last or the first only. */
function joinedCookies(fields: Fields): string {
  const all: string[] = []
  for (let i = 0; i < fields.count; i++) if (fields.kind(i) & FIELD.cookie) all.push(fields.value(i))
  return all.join('; ')
}

function countOf(fields: Fields, kind: number): number {
  let count = 0
  for (let i = 0; i < fields.count; i++) if (fields.kind(i) & kind) count++
  return count
}

/**
 * The lines of an answer, or of its trailers, for the client: without fields of one hop and without ours.
 * @param dropKinds more bits of `FIELD` that cannot stand there: framing where it is written anew, `Trailer` without
 * chunks, a service's own CORS beside the gateway's
 */
export function toClientLines(fields: Fields, dropKinds = 0): string {
  return fields.without(NOT_TO_CLIENTS | dropKinds, connectionOptions(fields).listed)
}

/**
 * Lines from names and values in turn, which may come from anywhere.
 * @throws GomsError INVALID_ARGUMENT for a name that is no token, and for a value with control characters, line breaks or
 * characters beyond Latin-1
 */
export function toFieldLines(list: readonly string[]): string {
  let lines = ''
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    const value = list[i + 1] as string
    if (!isToken(name)) {
      throw new GomsError('INVALID_ARGUMENT', `expected the name of a header field, got ${JSON.stringify(name)}`)
    }
    if (!isFieldValue(value)) {
      throw new GomsError('INVALID_ARGUMENT', `the header field \`${name}\` has characters that no field may hold`)
    }
    lines += `${name}: ${value}\r\n`
  }
  return lines
}

/** Seconds or an HTTP date of `Retry-After` in milliseconds; undefined when it is missing or malformed. */
export function retryAfterMs(value: string | undefined, nowWallMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  // Date.parse takes nearly anything; an HTTP date begins with the day of the week.
  const date = /^[A-Za-z]{3,9}[, ]/.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowWallMs)
}
