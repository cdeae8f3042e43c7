/**
 * Reads the head of a node's answer from bytes, as strictly as that of a request, and says how its body is framed.
 * Sources: RFC 9112 §4 (status line), §6.3 (length), §9.3 (persistence).
 */
import { type BodyFraming, framingOf, lengthOf } from './answer-framing.ts'
import { connectionOptions } from './connection-options.ts'
import { FieldBlock } from './field-block.ts'
import { FIELD } from './field-kinds.ts'
import type { Fields } from './fields.ts'
import { type HeadLimits, INCOMPLETE, type Incomplete, type Refused, refused } from './head-result.ts'
import { CR, fieldValueEnd, LF, latin1, SP } from './octets.ts'

/** The defaults of {@link HeadLimits} for answers: nodes are less of a danger than strangers, and send longer heads. */
export const ANSWER_LIMITS: HeadLimits = { headBytes: 65_536, fieldCount: 512, targetBytes: 0 }

export interface ReadAnswerHead {
  readonly state: 'head'
  /** 100 to 599. */
  readonly status: number
  /** May be empty. */
  readonly reason: string
  readonly version: '1.0' | '1.1'
  readonly fields: Fields
  /** As the field says, of answers without a body too; undefined without one. */
  readonly contentLength: number | undefined
  /** No body follows whatever the fields say: an answer to HEAD, 1xx, 204, 304. */
  readonly bodiless: boolean
  readonly framing: BodyFraming
  /** The node goes on with this connection once the body is through. */
  readonly keepAlive: boolean
  /** Offset behind the head in the bytes that were given. */
  readonly end: number
}

const MALFORMED = refused(502, 'malformed status line')
const OTHER_VERSION = refused(502, 'a version other than HTTP/1.0 and HTTP/1.1')
const BAD_STATUS = refused(502, 'a status outside of 100 to 599')
const BARE = refused(502, 'a line break other than CRLF')
const LONG_HEAD = refused(502, 'the header fields are too large')
const OLD_INTERIM = refused(502, 'an informational answer in HTTP/1.0')
const NO_PROTOCOL = refused(502, 'a switch of protocols that names none')

/** `HTTP/1.1 200` */
const STATUS_BYTES = 12

/** One reader serves all connections with `readWhole`; a connection whose head comes in pieces gets one of its own. */
export class AnswerHeadReader {
  readonly #limits: HeadLimits
  readonly #block: FieldBlock
  /** Offsets from the first byte of the head; 0 until they are known. */
  #reasonEnd = 0
  #blockStart = 0
  #status = 0
  #version: '1.0' | '1.1' = '1.1'

  constructor(limits: HeadLimits = ANSWER_LIMITS) {
    this.#limits = limits
    this.#block = new FieldBlock(limits.fieldCount)
  }

  /**
   * @param start of the head: the same bytes as in the call before, and more of them. After anything but `incomplete` the
   * next call begins another head.
   * @param method of the request that this answers
   */
  read(bytes: Buffer, start: number, end: number, method: string): ReadAnswerHead | Refused | Incomplete {
    const { headBytes } = this.#limits
    const until = end - start > headBytes ? start + headBytes : end
    const problem = this.#blockStart === 0 ? this.#statusLine(bytes, start, until) : true
    if (problem === true) {
      const base = start + this.#blockStart
      const read = this.#block.read(bytes, base, until)
      if (read === true) return this.#head(bytes, start, method)
      if (read !== false) return this.#refuse(read.status === 502 ? read : refused(502, read.reason))
    } else if (problem !== false) return this.#refuse(problem)
    return end - start >= headBytes ? this.#refuse(LONG_HEAD) : INCOMPLETE
  }

  /** The same for bytes that begin with a head; forgets them where it is not whole. */
  readWhole(bytes: Buffer, start: number, end: number, method: string): ReadAnswerHead | Refused | Incomplete {
    const result = this.read(bytes, start, end, method)
    if (result === INCOMPLETE) this.reset()
    return result
  }

  /** Forgets what was read. */
  reset(): void {
    this.#reasonEnd = 0
    this.#blockStart = 0
    this.#block.reset()
  }

  #refuse(refusal: Refused): Refused {
    this.reset()
    return refusal
  }

  #head(bytes: Buffer, start: number, method: string): ReadAnswerHead | Refused {
    const base = start + this.#blockStart
    const end = base + this.#block.size
    const status = this.#status
    const version = this.#version
    const reason = this.#reason(bytes, start)
    const fields = this.#block.take(latin1(bytes, base, end - 2))
    this.reset()
    const length = lengthOf(fields, version)
    if (typeof length === 'object') return length
    const framing = framingOf(method, status, length)
    if (typeof framing === 'object') return framing
    const { close, keepAlive, upgrade } = connectionOptions(fields)
    if (status < 200 && version === '1.0') return OLD_INTERIM
    // Without these some would go on with HTTP, others not.
    if (status === 101 && !(upgrade && fields.has(FIELD.upgrade))) return NO_PROTOCOL
    return {
      state: 'head',
      status,
      reason,
      version,
      fields,
      contentLength: length === 'chunked' ? undefined : length,
      bodiless: framing === 'none',
      framing,
      keepAlive: framing !== 'close' && !close && (keepAlive || version === '1.1'),
      end,
    }
  }

  #reason(bytes: Buffer, start: number): string {
    const from = start + STATUS_BYTES + 1
    const to = start + this.#reasonEnd
    if (from >= to) return ''
    // By far the most.
    if (to - from === 2 && bytes[from] === 0x4f && bytes[from + 1] === 0x4b) return 'OK'
    return latin1(bytes, from, to)
  }

  /** True: it is there whole; false: more is needed. */
  #statusLine(bytes: Buffer, start: number, end: number): boolean | Refused {
    let at = start + this.#reasonEnd
    if (this.#reasonEnd === 0) {
      let status = 0
      for (let i = 0; i < STATUS_BYTES; i++) {
        if (start + i === end) return false
        const octet = bytes[start + i] as number
        if (octet === STATUS_LINE[i] && i < 9) continue
        if ((i !== 5 && i !== 7 && i < 9) || octet < 0x30 || octet > 0x39) return MALFORMED
        if (i > 8) status = status * 10 + octet - 0x30
      }
      const minor = bytes[start + 7] as number
      if (bytes[start + 5] !== 0x31 || minor > 0x31) return OTHER_VERSION
      this.#version = minor === 0x31 ? '1.1' : '1.0'
      this.#status = status
      if (status < 100 || status > 599) return BAD_STATUS
      at = start + STATUS_BYTES
      if (at === end) return false
      // Without the space before an empty reason it is no status line (RFC 9112 §4), but one that all read alike.
      if (bytes[at] !== SP && bytes[at] !== CR) return bytes[at] === LF ? BARE : MALFORMED
    }
    at = fieldValueEnd(bytes, at, end)
    this.#reasonEnd = at - start
    if (at === end) return false
    if (bytes[at] !== CR) return bytes[at] === LF ? BARE : MALFORMED
    if (at + 1 === end) return false
    if (bytes[at + 1] !== LF) return BARE
    this.#blockStart = at + 2 - start
    return true
  }
}

const STATUS_LINE = Uint8Array.from(Buffer.from('HTTP/1.1 '))
