/**
 * What the fields of a request say about its framing and its connection, and the refusal of those that two parsers could
 * read differently. All that take requests ask here: our parser, HTTP/2, and node:http in `gateway.parser: safe`, whose own
 * parser has refused much of it before, as malformed.
 * Sources: RFC 9112 §3.2 (one Host), §6.1 (Transfer-Encoding), §6.3 (length), §9.3 (persistence); RFC 9110 §7.8 (Upgrade),
 * §10.1.1 (Expect).
 */
import { connectionOptions } from './connection-options.ts'
import { contentLengthOf } from './content-length.ts'
import { FIELD } from './field-kinds.ts'
import type { Fields } from './fields.ts'
import { type Refused, refused } from './head-result.ts'
import { isHost } from './host.ts'

export interface RequestMeaning {
  readonly state: 'meaning'
  /** As the field says; undefined without one. */
  readonly contentLength: number | undefined
  /** The body comes in chunks. Never together with `contentLength`; without both there is none. */
  readonly chunked: boolean
  /** The client would go on with this connection. */
  readonly keepAlive: boolean
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean
  /** The protocols that it asks for, as they came; undefined unless `Connection` says so too. */
  readonly upgrade: string | undefined
}

const BAD_HOST = refused(400, 'malformed Host')
const BAD_LENGTH = refused(400, 'malformed Content-Length')
const OTHER_CODING = refused(501, 'a Transfer-Encoding other than chunked')
const BOTH = refused(400, 'Content-Length beside Transfer-Encoding')
const OLD_CHUNKS = refused(400, 'Transfer-Encoding in HTTP/1.0')
const OTHER_EXPECTATION = refused(417, 'an expectation other than 100-continue')
const UPGRADED_BODY = refused(501, 'a request to upgrade with content')
const OLD_UPGRADE = refused(400, 'a request to upgrade in HTTP/1.0')
const TRACED_BODY = refused(400, 'a TRACE request with content')

const LOOKED_AT = FIELD.host | FIELD.framing | FIELD.expect

export function checkRequest(method: string, fields: Fields, version: '1.0' | '1.1'): RequestMeaning | Refused {
  let hosts = 0
  let lengths = 0
  let encodings = 0
  let contentLength: number | undefined
  let expectsContinue = false
  const { count } = fields
  for (let i = 0; i < count; i++) {
    const kind = fields.kind(i) & LOOKED_AT
    if (kind === 0) continue
    const value = fields.value(i)
    if (kind === FIELD.host) {
      hosts++
      if (!isHost(value)) return BAD_HOST
    } else if (kind === FIELD.framing) {
      if ((fields.kind(i) & FIELD.contentLength) !== 0) {
        lengths++
        contentLength = contentLengthOf(value)
        if (contentLength < 0) return BAD_LENGTH
      } else {
        encodings++
        if (value.toLowerCase() !== 'chunked') return OTHER_CODING
      }
    } else {
      if (value.toLowerCase() !== '100-continue') return OTHER_EXPECTATION
      // RFC 9110 §10.1.1: one in HTTP/1.0 is ignored.
      expectsContinue = version === '1.1'
    }
  }
  if (hosts > 1 || (hosts === 0 && version !== '1.0')) return refused(400, `${hosts} Host fields`)
  if (lengths > 1) return refused(400, `${lengths} Content-Length fields`)
  if (encodings > 1) return refused(400, `${encodings} Transfer-Encoding fields`)
  if (encodings > 0 && lengths > 0) return BOTH
  if (encodings > 0 && version === '1.0') return OLD_CHUNKS
  const chunked = encodings > 0
  const hasBody = chunked || (contentLength ?? 0) > 0
  if (hasBody && method === 'TRACE') return TRACED_BODY
  const { close, keepAlive, upgrade } = connectionOptions(fields)
  const asked = upgrade ? fields.ofKind(FIELD.upgrade) : undefined
  if (asked !== undefined) {
    // RFC 9110 §7.8 lets the first be read and has the second ignored; node:http takes both for the new protocol's bytes.
    if (hasBody) return UPGRADED_BODY
    if (version === '1.0') return OLD_UPGRADE
  }
  return {
    state: 'meaning',
    contentLength,
    chunked,
    keepAlive: !close && (keepAlive || version === '1.1'),
    expectsContinue,
    upgrade: asked,
  }
}
