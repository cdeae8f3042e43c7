/**
 * The target of a request, decided once: routing and the node see the same path.
 * Sources: RFC 9112 §3.2 (forms), RFC 3986 §6.2.2 and §5.2.4 (normalisation).
 */
import { isHost } from './host.ts'

export interface Target {
  /** Absolute, normalised: no `.`, `..` or empty segment, unreserved characters decoded. */
  readonly path: string
  /** Byte for byte as it came, with its `?`; empty without one. */
  readonly query: string
  /** The authority of an absolute-form target, which then counts instead of the Host header. */
  readonly authority: string | undefined
}

/** Longer targets are answered 414 where nothing else is said. */
export const MAX_TARGET_BYTES = 8192

/** Paths that are normal already: by far the most. */
const PLAIN = /^(?:\/[A-Za-z0-9\-_~!$&'()*+,;=:@][A-Za-z0-9\-._~!$&'()*+,;=:@]*)+\/?$/
/** What a path may hold before it is normalised. A backslash is a slash to some parsers: refused. */
const ALLOWED_PATH = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/%]*$/
/** `{`, `|` and the like are sent by browsers; what is not ASCII, control characters and `#` no parser should take. */
const ALLOWED_QUERY = /^[\x21\x22\x24-\x7e]*$/
const ABSOLUTE = /^https?:\/\/([^/?#@\\]+)([/?].*)?$/i
const UNRESERVED = /[A-Za-z0-9\-._~]/

/**
 * Whether a target that is no origin-form may stand in a request: absolute-form of `http` and `https` with an authority that
 * could stand in `Host`, and `*` of OPTIONS alone (RFC 9112 §3.2.4).
 */
export function isRequestTarget(method: string, target: string): boolean {
  if (target === '*') return method === 'OPTIONS'
  const authority = ABSOLUTE.exec(target)?.[1]
  return authority !== undefined && isHost(authority)
}

/** The target, or the status that a bad one is answered with: 400, or 414 when it is too long. */
export function parseTarget(raw: string, maxBytes: number = MAX_TARGET_BYTES): Target | 400 | 414 {
  if (raw.length > maxBytes) return 414
  let rest = raw
  let authority: string | undefined
  if (rest[0] !== '/') {
    const absolute = ABSOLUTE.exec(rest)
    if (!absolute || !isHost(absolute[1] as string)) return 400
    authority = absolute[1]
    const behind = absolute[2] ?? '/'
    rest = behind[0] === '?' ? `/${behind}` : behind
  }
  const mark = rest.indexOf('?')
  const query = mark < 0 ? '' : rest.slice(mark)
  if (!isQuery(query)) return 400
  const path = normalisePath(mark < 0 ? rest : rest.slice(0, mark))
  return path === undefined ? 400 : { path, query, authority }
}

/** Whether a query, its `?` included, holds nothing that it must not. */
export function isQuery(query: string): boolean {
  return ALLOWED_QUERY.test(query)
}

/** The normal form of an absolute path, or undefined when it is malformed, ambiguous or climbs above the root. */
export function normalisePath(path: string): string | undefined {
  if (path === '/' || PLAIN.test(path)) return path
  if (path[0] !== '/' || !ALLOWED_PATH.test(path)) return undefined
  const decoded = path.includes('%') ? decodeUnreserved(path) : path
  return decoded === undefined ? undefined : removeDots(decoded)
}

/**
 * Decodes what needs no encoding, writes other escapes in upper case. An encoded slash, backslash or control character
 * would be one path here and another at the node: refused.
 */
function decodeUnreserved(path: string): string | undefined {
  let malformed = false
  const out = path.replace(/%(..?)?/g, (_, hex: string | undefined) => {
    if (hex === undefined || !/^[0-9A-Fa-f]{2}$/.test(hex)) {
      malformed = true
      return ''
    }
    const code = Number.parseInt(hex, 16)
    if (code === 0x2f || code === 0x5c || code < 0x20 || code === 0x7f) malformed = true
    const char = String.fromCharCode(code)
    return UNRESERVED.test(char) ? char : `%${hex.toUpperCase()}`
  })
  return malformed ? undefined : out
}

function removeDots(path: string): string | undefined {
  const out: string[] = []
  const segments = path.split('/')
  for (const segment of segments) {
    if (segment === '..') {
      if (out.pop() === undefined) return undefined
    } else if (segment !== '' && segment !== '.') out.push(segment)
  }
  const last = segments.at(-1)
  const folder = out.length > 0 && (last === '' || last === '.' || last === '..')
  return `/${out.join('/')}${folder ? '/' : ''}`
}

/** A segment as the name it stands for; undefined when its escapes are no UTF-8. */
export function decodeSegment(segment: string): string | undefined {
  if (!segment.includes('%')) return segment
  try {
    return decodeURIComponent(segment)
  } catch {
    return undefined
  }
}
