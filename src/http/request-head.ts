/**
 * Reads the head of a request from bytes: strict, in one pass, and going on where the bytes ended. What RFC 9112 lets a
 * recipient forgive is refused, but for one empty line before the request line (§2.2).
 */
import { FieldBlock } from './field-block.ts'
import type { Fields } from './fields.ts'
import { type HeadLimits, INCOMPLETE, type Incomplete, type Refused, refused } from './head-result.ts'
import { MAX_METHOD_BYTES, methodOf } from './methods.ts'
import { CR, LF, latin1, SP, TOKEN } from './octets.ts'
import { checkRequest } from './request-check.ts'
import { isRequestTarget, MAX_TARGET_BYTES } from './target.ts'

/** The defaults of {@link HeadLimits} for requests. */
export const REQUEST_LIMITS: HeadLimits = { headBytes: 16_384, fieldCount: 128, targetBytes: MAX_TARGET_BYTES }

export interface RequestHead {
  readonly state: 'head'
  /** One of `METHODS`, never CONNECT. */
  readonly method: string
  /** As it came: origin-form, absolute-form of `http` and `https`, or `*` of OPTIONS. Its path is not normalised. */
  readonly target: string
  readonly version: '1.0' | '1.1'
  readonly fields: Fields
  /** As the field says; undefined without one. */
  readonly contentLength: number | undefined
  /** The body comes in chunks. Never together with `contentLength`; without both there is none. */
  readonly chunked: boolean
  /** The client would go on with this connection. */
  readonly keepAlive: boolean
  /** The client waits for `100 Continue` before it sends the body. */
  readonly expectsContinue: boolean
  /** The protocols that a valid request to upgrade asks for, as they came; undefined for all others. */
  readonly upgrade: string | undefined
  /** Offset behind the head in the bytes that were given. */
  readonly end: number
}

const MALFORMED = refused(400, 'malformed request line')
const NO_HTTP = refused(400, 'no version of HTTP in the request line')
const OTHER_VERSION = refused(505, 'a version other than HTTP/1.0 and HTTP/1.1')
const UNKNOWN_METHOD = refused(501, 'an unknown method')
const CONNECT = refused(501, 'CONNECT is not supported')
const BARE = refused(400, 'a line break other than CRLF')
const BAD_TARGET = refused(400, 'the request target is malformed')
const LONG_TARGET = refused(414, 'the request target is too long')
const LONG_HEAD = refused(431, 'the header fields are too large')

/**
 * Nearly all heads arrive whole: one reader serves all connections of a listener with {@link RequestHeadReader.readWhole}.
 * A connection whose head comes in pieces gets one of its own, until that head is there.
 */
export class RequestHeadReader {
  readonly #limits: HeadLimits
  readonly #block: FieldBlock
  /** Offsets from the first byte of the head; 0 until they are known. */
  #targetStart = 0
  #targetEnd = 0
  #blockStart = 0
  #method = ''
  #version: '1.0' | '1.1' = '1.1'

  constructor(limits: HeadLimits) {
    this.#limits = limits
    this.#block = new FieldBlock(limits.fieldCount)
  }

  /**
   * @param start of the head: the same bytes as in the call before, and more of them. After anything but `incomplete` the
   * next call begins another head.
   */
  read(bytes: Buffer, start: number, end: number): RequestHead | Refused | Incomplete {
    const { headBytes } = this.#limits
    const until = end - start > headBytes ? start + headBytes : end
    const problem = this.#blockStart === 0 ? this.#requestLine(bytes, start, until) : true
    if (problem === true) {
      const base = start + this.#blockStart
      const read = this.#block.read(bytes, base, until)
      if (read === true) return this.#head(bytes, start)
      if (read !== false) return this.#refuse(read)
    } else if (problem !== false) return this.#refuse(problem)
    return end - start >= headBytes ? this.#refuse(LONG_HEAD) : INCOMPLETE
  }

  /** The same for bytes that begin with a head; forgets them where it is not whole. */
  readWhole(bytes: Buffer, start: number, end: number): RequestHead | Refused | Incomplete {
    const result = this.read(bytes, start, end)
    if (result === INCOMPLETE) this.reset()
    return result
  }

  /** Forgets what was read. */
  reset(): void {
    this.#targetStart = 0
    this.#targetEnd = 0
    this.#blockStart = 0
    this.#block.reset()
  }

  #refuse(refusal: Refused): Refused {
    this.reset()
    return refusal
  }

  #head(bytes: Buffer, start: number): RequestHead | Refused {
    const base = start + this.#blockStart
    const end = base + this.#block.size
    const method = this.#method
    const version = this.#version
    // One string for the head, and parts of it: cheaper than two.
    const text = latin1(bytes, start + this.#targetStart, end - 2)
    const target = text.slice(0, this.#targetEnd - this.#targetStart)
    const fields = this.#block.take(text.slice(this.#blockStart - this.#targetStart))
    this.reset()
    if (target.charCodeAt(0) !== 0x2f && !isRequestTarget(method, target)) return BAD_TARGET
    const meaning = checkRequest(method, fields, version)
    if (meaning.state === 'refused') return meaning
    const { contentLength, chunked, keepAlive, expectsContinue, upgrade } = meaning
    return {
      state: 'head',
      method,
      target,
      version,
      fields,
      contentLength,
      chunked,
      keepAlive,
      expectsContinue,
      upgrade,
      end,
    }
  }

  /** True: it is there whole; false: more is needed. */
  #requestLine(bytes: Buffer, start: number, end: number): boolean | Refused {
    if (this.#targetStart === 0) {
      const read = this.#methodPart(bytes, start, end)
      if (read !== true) return read
    }
    // The target goes on where it ended.
    const targetStart = start + this.#targetStart
    let at = start + this.#targetEnd
    const longest = targetStart + this.#limits.targetBytes
    while (at < end) {
      const octet = bytes[at] as number
      if (octet <= SP || octet > 0x7e || octet === 0x23) break
      at++
    }
    this.#targetEnd = at - start
    if (at > longest) return LONG_TARGET
    if (at === end) return false
    if (bytes[at] === LF) return BARE
    if (bytes[at] === CR) return NO_HTTP
    if (bytes[at] !== SP || at === targetStart) return BAD_TARGET
    return this.#versionPart(bytes, start, at + 1, end)
  }

  #methodPart(bytes: Buffer, start: number, end: number): boolean | Refused {
    let at = start
    // RFC 9112 §2.2: one empty line is ignored; old clients sent it after the body.
    if (at < end && bytes[at] === CR) {
      if (at + 1 === end) return false
      if (bytes[at + 1] !== LF) return BARE
      at += 2
    }
    const methodStart = at
    while (at < end && TOKEN[bytes[at] as number] !== 0) at++
    if (at - methodStart > MAX_METHOD_BYTES) return MALFORMED
    if (at === end) return false
    if (bytes[at] !== SP || at === methodStart) return bytes[at] === LF ? BARE : MALFORMED
    const method = methodOf(bytes, methodStart, at)
    if (method === undefined) return UNKNOWN_METHOD
    if (method === 'CONNECT') return CONNECT
    this.#method = method
    this.#targetStart = at + 1 - start
    this.#targetEnd = this.#targetStart
    return true
  }

  /** `HTTP/1.1` and CRLF, ten bytes. */
  #versionPart(bytes: Buffer, start: number, at: number, end: number): boolean | Refused {
    const size = end - at
    for (let i = 0; i < 10; i++) {
      if (i === size) return false
      const octet = bytes[at + i] as number
      if (octet === HTTP_1_1[i] || ((i === 5 || i === 7) && octet >= 0x30 && octet <= 0x39)) continue
      return i > 7 && (i === 9 || octet === LF) ? BARE : NO_HTTP
    }
    const minor = bytes[at + 7] as number
    if (bytes[at + 5] !== 0x31 || minor > 0x31) return OTHER_VERSION
    this.#version = minor === 0x31 ? '1.1' : '1.0'
    this.#blockStart = at + 10 - start
    return true
  }
}

const HTTP_1_1 = Uint8Array.from(Buffer.from('HTTP/1.1\r\n'))
