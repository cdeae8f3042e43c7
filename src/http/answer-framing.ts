/** How long the body of a node's answer is, by its fields and the request that it answers. Source: RFC 9112 §6.3. */
import { contentLengthOf } from './content-length.ts'
import { FIELD } from './field-kinds.ts'
import type { Fields } from './fields.ts'
import { type Refused, refused } from './head-result.ts'

/** How the body of an answer ends: there is none, after `contentLength` bytes, with the last chunk, with the connection. */
export type BodyFraming = 'none' | 'length' | 'chunked' | 'close'

const BAD_LENGTH = refused(502, 'malformed Content-Length')
const LENGTHS = refused(502, 'several Content-Length fields')
const ENCODINGS = refused(502, 'several Transfer-Encoding fields')
const OTHER_CODING = refused(502, 'a Transfer-Encoding other than chunked')
const BOTH = refused(502, 'Content-Length beside Transfer-Encoding')
const OLD_CHUNKS = refused(502, 'Transfer-Encoding in HTTP/1.0')
const FRAMED_NOTHING = refused(502, 'a body announced where there cannot be one')

/** What the fields say of the body's length: bytes, chunks, or nothing. */
export function lengthOf(fields: Fields, version: '1.0' | '1.1'): number | 'chunked' | undefined | Refused {
  if (!fields.has(FIELD.framing)) return undefined
  let length: number | undefined
  let chunked = false
  const { count } = fields
  for (let i = 0; i < count; i++) {
    const kind = fields.kind(i)
    if ((kind & FIELD.framing) === 0) continue
    const value = fields.value(i)
    if ((kind & FIELD.contentLength) !== 0) {
      // Even the same twice: RFC 9110 §8.6 allows to take them for one, and to refuse them.
      if (length !== undefined) return LENGTHS
      length = contentLengthOf(value)
      if (length < 0) return BAD_LENGTH
    } else {
      if (chunked) return ENCODINGS
      if (value.toLowerCase() !== 'chunked') return OTHER_CODING
      chunked = true
    }
  }
  if (!chunked) return length
  if (length !== undefined) return BOTH
  return version === '1.0' ? OLD_CHUNKS : 'chunked'
}

/** How the body ends. @param method of the request @param length of {@link lengthOf} */
export function framingOf(
  method: string,
  status: number,
  length: number | 'chunked' | undefined,
): BodyFraming | Refused {
  if (status < 200 || status === 204) {
    // §6.1 and RFC 9110 §8.6 forbid it, whatever was asked; some read it as a body nevertheless.
    return length === undefined || length === 0 ? 'none' : FRAMED_NOTHING
  }
  if (method === 'HEAD' || status === 304) return 'none'
  if (length === 'chunked') return 'chunked'
  return length === undefined ? 'close' : 'length'
}
