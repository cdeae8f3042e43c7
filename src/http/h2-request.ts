/**
 * Requests of HTTP/2 as everything behind the door knows them: method, target, and fields with a `Host`; and the refusal of
 * those that could not be said in HTTP/1.1 alike. Node's own parser has refused some of it before: nothing here relies on it,
 * for these fields are written into HTTP/1.1.
 * Sources: RFC 9113 §8.2.1 (characters), §8.2.2 (fields of a connection), §8.3.1 (pseudo-headers), §8.5 (CONNECT).
 */
import { FIELD } from './field-kinds.ts'
import { Fields } from './fields.ts'
import { type HeadLimits, type Refused, refused } from './head-result.ts'
import { METHODS } from './methods.ts'
import { isFieldValue, isToken } from './octets.ts'
import { checkRequest, type RequestMeaning } from './request-check.ts'

export interface H2Request {
  readonly state: 'request'
  readonly method: string
  readonly target: string
  /** `Host` first. */
  readonly fields: Fields
  readonly meaning: RequestMeaning
}

const MALFORMED = refused(400, 'a malformed pseudo-header')
const BAD_FIELD = refused(400, 'malformed header field')
const OF_CONNECTION = refused(400, 'a header field of HTTP/1.1 connections')
const TWO_HOSTS = refused(400, 'Host differs from :authority')
const BAD_SCHEME = refused(400, 'a scheme other than https')
const BAD_TARGET = refused(400, 'the request target is malformed')
const LONG_TARGET = refused(414, 'the request target is too long')
const LONG_HEAD = refused(431, 'the header fields are too large')
const MANY_FIELDS = refused(431, 'too many header fields')
const UNKNOWN_METHOD = refused(501, 'an unknown method')
const CONNECT = refused(501, 'CONNECT is not supported')
const TRACED_BODY = refused(400, 'a TRACE request with content')

const TARGET = /^[\x21\x22\x24-\x7e]+$/
const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS)
/** RFC 9113 §8.2.2. `TE` may say `trailers`. */
const CONNECTION_FIELDS = FIELD.connection | FIELD.upgrade
const CONNECTION_NAMES: ReadonlySet<string> = new Set(['keep-alive', 'transfer-encoding', 'http2-settings'])
/** What a line of HTTP/1.1 has besides name and value. */
const LINE_BYTES = 4

/**
 * @param list names and values in turn, pseudo-headers first
 * @param ended the request has no body, nor trailers
 */
export function readH2Request(list: readonly string[], ended: boolean, limits: HeadLimits): H2Request | Refused {
  const pseudo = new Map<string, string>()
  const rest: string[] = []
  let bytes = 0
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    const value = list[i + 1] as string
    bytes += name.length + value.length + LINE_BYTES
    if (name.charCodeAt(0) !== 0x3a) rest.push(name, value)
    else if (rest.length > 0 || pseudo.has(name)) return MALFORMED
    else pseudo.set(name, value)
  }
  const method = pseudo.get(':method') ?? ''
  const target = pseudo.get(':path') ?? ''
  if (method === 'CONNECT') return CONNECT
  // Those of a request, and no other: `:protocol` belongs to CONNECT (RFC 8441 §4).
  const authority = pseudo.get(':authority')
  if (authority === '' || pseudo.size !== (authority === undefined ? 3 : 4)) return MALFORMED
  if (target.length > limits.targetBytes) return LONG_TARGET
  if (bytes > limits.headBytes) return LONG_HEAD
  if (rest.length / 2 > limits.fieldCount) return MANY_FIELDS
  if (!KNOWN_METHODS.has(method)) return UNKNOWN_METHOD
  if (pseudo.get(':scheme') !== 'https') return BAD_SCHEME
  if (!TARGET.test(target) || (target[0] !== '/' && (target !== '*' || method !== 'OPTIONS'))) return BAD_TARGET

  const fields = withHost(authority, rest)
  if (!(fields instanceof Fields)) return fields
  const meaning = checkRequest(method, fields, '1.1')
  if (meaning.state === 'refused') return meaning
  if (meaning.chunked || meaning.upgrade !== undefined) return OF_CONNECTION
  if (!ended && method === 'TRACE') return TRACED_BODY
  return { state: 'request', method, target, fields, meaning }
}

/** The fields, their host that of `:authority`. */
function withHost(authority: string | undefined, rest: readonly string[]): Fields | Refused {
  const list: string[] = authority === undefined ? [] : ['host', authority]
  for (let i = 0; i < rest.length; i += 2) {
    const name = rest[i] as string
    const value = rest[i + 1] as string
    if (!isToken(name) || /[A-Z]/.test(name) || !isFieldValue(value) || value !== value.trim()) return BAD_FIELD
    if (CONNECTION_NAMES.has(name) || (name === 'te' && value.toLowerCase() !== 'trailers')) return OF_CONNECTION
    // One is enough where both say the same; what says several hosts is seen by whoever checks the request.
    if (name === 'host' && authority !== undefined) {
      if (value.toLowerCase() !== authority.toLowerCase()) return TWO_HOSTS
    } else list.push(name, value)
  }
  const fields = Fields.of(list)
  return fields.has(CONNECTION_FIELDS) ? OF_CONNECTION : fields
}
