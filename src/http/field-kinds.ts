/** The header fields that a gateway has to know, each with what it means on the way. All others pass as they are. */
import { type ByteNames, createByteNames } from './byte-names.ts'
import { INTERNAL } from './internal.ts'

/** What a field is, as bits: decisions on the way look at these instead of at names. */
export const FIELD: {
  /** Of one hop only (RFC 9110 §7.6.1), Transfer-Encoding included; `Trailer` has a bit of its own. */
  readonly hop: 1
  /** Ours: call keys and `goms-…`. Not believed from outside, and never shown there. */
  readonly internal: 2
  /** Where a request came from: `X-Forwarded-*`, `Forwarded`. */
  readonly forwarded: 4
  /** Position in a trace: read, and written anew. */
  readonly trace: 8
  /** Decides how the message is framed: Content-Length, Transfer-Encoding. */
  readonly framing: 16
  readonly host: 32
  readonly connection: 64
  readonly cookie: 128
  readonly acceptEncoding: 256
  /** A name with `_`: a service may send it to a client, no client may send it to a service. */
  readonly underscore: 512
  readonly cors: 1024
  /** `Trailer`: stays where trailers do. */
  readonly trailer: 2048
  readonly contentLength: 4096
  /** Of one hop, with what it decides about a request. */
  readonly upgrade: 8192
  readonly expect: 16384
  /** Speaks of the bytes of the body: ETag and digests. */
  readonly digest: 32768
  readonly date: 65536
  readonly contentType: 131072
  readonly contentEncoding: 262144
  /** `X-Request-Id`: a name only, written anew by a gateway that gives names. */
  readonly requestId: 524288
} = {
  hop: 1,
  internal: 2,
  forwarded: 4,
  trace: 8,
  framing: 16,
  host: 32,
  connection: 64,
  cookie: 128,
  acceptEncoding: 256,
  underscore: 512,
  cors: 1024,
  trailer: 2048,
  contentLength: 4096,
  upgrade: 8192,
  expect: 16384,
  digest: 32768,
  date: 65536,
  contentType: 131072,
  contentEncoding: 262144,
  requestId: 524288,
}

const KNOWN: readonly (readonly [name: string, kind: number])[] = [
  ['host', FIELD.host],
  ['connection', FIELD.hop | FIELD.connection],
  ['keep-alive', FIELD.hop],
  // None of its own (RFC 9112 §C.2.2), but llhttp obeys it: so that both end a connection at the same place, we do as well.
  ['proxy-connection', FIELD.hop | FIELD.connection],
  ['proxy-authenticate', FIELD.hop],
  ['proxy-authorization', FIELD.hop],
  ['te', FIELD.hop],
  ['trailer', FIELD.trailer],
  ['transfer-encoding', FIELD.hop | FIELD.framing],
  ['upgrade', FIELD.hop | FIELD.upgrade],
  ['http2-settings', FIELD.hop],
  ['expect', FIELD.hop | FIELD.expect],
  ['content-length', FIELD.framing | FIELD.contentLength],
  ['cookie', FIELD.cookie],
  ['accept-encoding', FIELD.acceptEncoding],
  ['x-forwarded-for', FIELD.forwarded],
  ['x-forwarded-proto', FIELD.forwarded],
  ['x-forwarded-host', FIELD.forwarded],
  ['x-forwarded-port', FIELD.forwarded],
  ['forwarded', FIELD.forwarded],
  ['traceparent', FIELD.trace],
  ['tracestate', FIELD.trace],
  ['b3', FIELD.trace],
  ['uber-trace-id', FIELD.trace],
  ['x-b3-traceid', FIELD.trace],
  ['x-b3-spanid', FIELD.trace],
  ['x-b3-parentspanid', FIELD.trace],
  ['x-b3-sampled', FIELD.trace],
  ['x-b3-flags', FIELD.trace],
  [INTERNAL.callServiceKey, FIELD.internal],
  [INTERNAL.callKey, FIELD.internal],
  ['access-control-allow-origin', FIELD.cors],
  ['access-control-allow-credentials', FIELD.cors],
  ['access-control-expose-headers', FIELD.cors],
  ['etag', FIELD.digest],
  ['digest', FIELD.digest],
  ['content-digest', FIELD.digest],
  ['repr-digest', FIELD.digest],
  ['content-md5', FIELD.digest],
  ['date', FIELD.date],
  ['content-type', FIELD.contentType],
  ['content-encoding', FIELD.contentEncoding],
  ['x-request-id', FIELD.requestId],
]

/** Prefixes of names that are of one kind, whatever follows. */
const FAMILIES: readonly (readonly [prefix: string, kind: number])[] = [
  ['goms-', FIELD.internal],
  // Proxies tell prefixes, servers and even users by such names: those of a stranger are as little to be believed.
  ['x-forwarded-', FIELD.forwarded],
]
const FAMILY_BYTES = FAMILIES.map(([prefix, kind]) => ({ text: Uint8Array.from(Buffer.from(prefix)), kind }))

const KINDS: ReadonlyMap<string, number> = new Map(KNOWN)
const NAMES: ByteNames = createByteNames(
  KNOWN.map(([name]) => name),
  true,
)
const KIND_AT: readonly number[] = KNOWN.map(([, kind]) => kind)

/** The bits of a field by its name in lower case; 0 for one that passes as it is. */
export function kindOfField(lowerCaseName: string): number {
  const known = KINDS.get(lowerCaseName)
  if (known !== undefined) return known
  for (const [prefix, kind] of FAMILIES) if (lowerCaseName.startsWith(prefix)) return kind
  return lowerCaseName.includes('_') ? FIELD.underscore : 0
}

/** The same by the bytes of a name in either case, a token. `underscore`: there is a `_` among them. */
export function kindOfBytes(bytes: Uint8Array, start: number, end: number, underscore: boolean): number {
  const known = NAMES.find(bytes, start, end)
  if (known >= 0) return KIND_AT[known] as number
  const first = (bytes[start] as number) | 0x20
  for (const family of FAMILY_BYTES) {
    if (first === family.text[0] && beginsWith(bytes, start, end, family.text)) return family.kind
  }
  return underscore ? FIELD.underscore : 0
}

/** Letters of either case are one; of what a prefix holds, only they have another case. */
function beginsWith(bytes: Uint8Array, start: number, end: number, prefix: Uint8Array): boolean {
  const { length } = prefix
  if (end - start < length) return false
  for (let i = 1; i < length; i++) if (((bytes[start + i] as number) | 0x20) !== prefix[i]) return false
  return true
}
