/** The header fields that a gateway has to know, each with what it means on the way. All others pass as they are. */
import { INTERNAL } from './internal.ts'

/** What a field is, as bits: decisions on the way look at these instead of at names. */
export const FIELD: {
  /** Of one hop only (RFC 9110 §7.6.1), framing included. */
  readonly hop: 1
  /** Ours, or could be taken for ours (names with `_`): not believed from outside. */
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
  readonly trailer: 2048
  readonly contentLength: 4096
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
}

const KINDS: ReadonlyMap<string, number> = new Map([
  ['host', FIELD.host],
  ['connection', FIELD.hop | FIELD.connection],
  ['keep-alive', FIELD.hop],
  ['proxy-connection', FIELD.hop],
  ['proxy-authenticate', FIELD.hop],
  ['proxy-authorization', FIELD.hop],
  ['te', FIELD.hop],
  ['trailer', FIELD.hop | FIELD.trailer],
  ['transfer-encoding', FIELD.hop | FIELD.framing],
  ['upgrade', FIELD.hop],
  ['http2-settings', FIELD.hop],
  ['expect', FIELD.hop],
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
])

/** The bits of a field by its name in lower case; 0 for one that passes as it is. */
export function kindOfField(lowerCaseName: string): number {
  const known = KINDS.get(lowerCaseName)
  if (known !== undefined) return known
  if (lowerCaseName.startsWith('goms-')) return FIELD.internal
  return lowerCaseName.includes('_') ? FIELD.internal | FIELD.underscore : 0
}
