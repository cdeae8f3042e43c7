/**
 * The port of the engines that take HTTP requests: one request, its body, and its answer. Implemented on raw sockets, on
 * node:http (`gateway.parser: safe`, and HTTP/2), so that what stands behind the door knows neither.
 */
import type { Duplex } from 'node:stream'
import type { Fields } from '../http/fields.ts'

/** Who sent a request, and over what. */
export interface Peer {
  /** Address of whoever opened the connection. */
  readonly address: string
  /** The port that it came to. */
  readonly localPort: number
  readonly encrypted: boolean
}

/** What an exchange tells whoever serves it. */
export interface ExchangeEvents {
  /** Bytes of the request's body. Valid during the call only: keep a copy. False holds the body until `resumeBody`. */
  data(chunk: Buffer): boolean
  /** The body has come whole. Where its length is known this follows its last bytes at once, even if they were held. */
  bodyEnd(): void
  /** The client takes more of the answer. */
  drain(): void
  /** The body is none: the engine has answered with that status itself, and `closed` follows. */
  refused?(status: number): void
  /**
   * The answer is out to its last byte, or the connection ended before: always the last, exactly once, within `end` or
   * `destroy` where that is when it happens. Not told of one whose connection was taken.
   */
  closed(answered: boolean): void
}

/** How the body of an answer is framed. */
export type AnswerFraming =
  /** Its length; 0 for none. */
  | number
  /** In chunks; for clients of HTTP/1.0 until the connection ends. */
  | 'stream'
  /**
   * There is no body whatever the fields say: answers to HEAD, 204, 304. Fields are written as they are given. Other answers
   * may have a length too where there is none: those to HEAD get the field without the bytes.
   */
  | 'none'

export interface HttpExchange {
  readonly method: string
  /** As it stood in the request. */
  readonly target: string
  readonly version: '1.0' | '1.1' | '2.0'
  readonly fields: Fields
  readonly peer: Peer
  /** The length that the request gives for its body; undefined: in chunks, or none. */
  readonly contentLength: number | undefined
  /** Whether a body is announced that has more than 0 bytes. */
  readonly hasBody: boolean
  /** The protocol that a valid request to upgrade asks for, as it came; undefined for all others. */
  readonly upgrade: string | undefined

  /** Set once, before anything else is done with the exchange. */
  events: ExchangeEvents | undefined

  /** The body may come: says `100 Continue` where that is waited for. Called again, it lets a held body go on. */
  resumeBody(): void
  /** The body has come whole, or there is none. */
  readonly bodyComplete: boolean

  /**
   * Calls back when all that was read together with the head has been dealt with: what came of the body and was asked for,
   * or the end of the exchange where that is no body.
   */
  afterRead(then: () => void): void

  /** The connection closes after this answer. Only before its head. */
  closeAfter(): void
  /** An informational answer; left out where the client speaks HTTP/1.0. Lines of fields as `Fields.text`. */
  info(status: number, fields: string): void
  /**
   * The head of the answer. `fields` are lines as of `Fields.text`, without framing and without `Connection`, `Date`
   * included where it is wanted; the engine adds framing and what the connection needs.
   * @throws RangeError, TypeError for a status that is not final, and for a reason or fields that cannot be written; the
   * exchange is as it was
   */
  head(status: number, reason: string, fields: string, framing: AnswerFraming): void
  /**
   * Body bytes, or a text of Latin-1 that stands for them. Valid during the call only for the engine as well: it copies what
   * it cannot send at once. False: wait for `drain`.
   */
  write(chunk: Buffer | string): boolean
  /** Trailer lines are sent only where the answer is chunked. Everything that waits leaves. */
  end(trailers?: string): void
  readonly headSent: boolean
  /** The answer is out to its last byte, or its connection is gone. */
  readonly closed: boolean
  /** Bytes wait for the client. */
  readonly needsDrain: boolean
  /** Closes the connection at once; where the end of the connection would look like the end of a body, with a reset. */
  destroy(): void

  /**
   * For requests with `upgrade`: hands the connection over, with the bytes that came behind the request. The exchange is
   * over; nothing else of it may be called, and nothing is told. The socket is paused: `resume` it once it is listened to.
   * Undefined where the connection is gone or an answer has begun.
   */
  takeConnection(): { socket: Duplex; early: Buffer } | undefined
}

/** What a door does with a request. Called synchronously from the read. */
export type ExchangeHandler = (exchange: HttpExchange) => void
