/**
 * Which header fields pass through a gateway: flat lists of names and values, as node:http gives them.
 * Sources: RFC 9110 §7.6.1 (Connection), §6.6 (what a proxy adds), RFC 9112 §6 (framing is each hop's own).
 */
import { isInternalHeader } from './internal.ts'

/** Fields of one hop only. `Proxy-Auth…` are meant for a forward proxy; `Expect` is answered by whoever reads the body. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'expect',
])

const FORWARDED = new Set(['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-forwarded-port', 'forwarded'])

/** What `Connection` may list in vain: without these the message would mean something else. */
const UNLISTABLE = new Set(['host', 'content-length', 'content-type', 'content-encoding', 'cookie', 'authorization'])

/** Whether a field, its name in lower case, belongs to one connection and not to the message. */
export function isHopByHop(lowerCaseName: string): boolean {
  return HOP_BY_HOP.has(lowerCaseName)
}

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

/** The value of a field that may be repeated, joined with commas; undefined without one. The name is in lower case. */
export function fieldOf(raw: readonly string[], lowerCaseName: string): string | undefined {
  let value: string | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) {
      value = value === undefined ? (raw[i + 1] as string) : `${value}, ${raw[i + 1]}`
    }
  }
  return value
}

/** Names that `Connection` lists, in lower case; undefined when there are none besides the usual. */
export function listedInConnection(raw: readonly string[]): ReadonlySet<string> | undefined {
  let listed: Set<string> | undefined
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (name.length !== 10 || name.toLowerCase() !== 'connection') continue
    for (const token of (raw[i + 1] as string).toLowerCase().split(',')) {
      const option = token.trim()
      if (option === '' || option === 'keep-alive' || option === 'close' || option === 'upgrade') continue
      if (UNLISTABLE.has(option)) continue
      listed ??= new Set()
      listed.add(option)
    }
  }
  return listed
}

/**
 * The fields of a request for a node: those of one hop, our internal ones, framing and `X-Forwarded-*` are gone, and the
 * latter set anew. The caller adds our own afterwards, so that nothing from outside can remove or forge them.
 */
export function toNodeHeaders(raw: readonly string[], origin: Origin, identityEncoding: boolean): string[] {
  const listed = listedInConnection(raw)
  const out: string[] = ['host', origin.host]
  let cookie = -1
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const lower = name.toLowerCase()
    if (lower === 'host' || lower === 'content-length' || HOP_BY_HOP.has(lower) || isInternalHeader(lower)) continue
    if (FORWARDED.has(lower) && (!origin.trusted || lower === 'x-forwarded-for')) continue
    if (listed?.has(lower)) continue
    if (identityEncoding && lower === 'accept-encoding') continue
    if (lower === 'cookie') {
      // Several are one list (RFC 6265 §5.4 wants one); many frameworks read the last or the first only.
      if (cookie >= 0) {
        out[cookie] = `${out[cookie]}; ${raw[i + 1]}`
        continue
      }
      cookie = out.length + 1
    }
    out.push(name, raw[i + 1] as string)
  }
  if (identityEncoding) out.push('accept-encoding', 'identity')
  addForwarded(out, raw, origin)
  return out
}

function addForwarded(out: string[], raw: readonly string[], origin: Origin): void {
  const before = origin.trusted ? fieldOf(raw, 'x-forwarded-for') : undefined
  out.push('x-forwarded-for', before ? `${before}, ${origin.address}` : origin.address)
  if (!origin.trusted || fieldOf(raw, 'x-forwarded-proto') === undefined) out.push('x-forwarded-proto', origin.proto)
  if (!origin.trusted || fieldOf(raw, 'x-forwarded-host') === undefined) out.push('x-forwarded-host', origin.host)
  if (!origin.trusted || fieldOf(raw, 'x-forwarded-port') === undefined) {
    out.push('x-forwarded-port', String(origin.port))
  }
}

/** The fields of an answer for the client: without those of one hop and without ours. `Trailer` stays. */
export function toClientHeaders(raw: readonly string[], drop?: ReadonlySet<string>): string[] {
  const listed = listedInConnection(raw)
  const out: string[] = []
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const lower = name.toLowerCase()
    if (lower !== 'trailer' && HOP_BY_HOP.has(lower)) continue
    // Names with `_` are the service's own affair in this direction; the call key and `goms-…` never leave.
    if (isInternalHeader(lower) && !(lower.includes('_') && !lower.startsWith('goms-'))) continue
    if (listed?.has(lower) || drop?.has(lower)) continue
    out.push(name, raw[i + 1] as string)
  }
  return out
}

/** Seconds or an HTTP date of `Retry-After` in milliseconds; undefined when it is missing or malformed. */
export function retryAfterMs(value: string | undefined, nowWallMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  // Date.parse takes nearly anything; an HTTP date begins with the day of the week.
  const date = /^[A-Za-z]{3,9}[, ]/.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowWallMs)
}
