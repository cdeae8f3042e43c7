/** A request that was read from a raw connection, and the answer to it. */
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { CHUNK_END, chunkHead, lastChunk } from '../http/chunk-writer.ts'
import type { Fields } from '../http/fields.ts'
import type { Refused } from '../http/head-result.ts'
import type { RequestHead } from '../http/request-head.ts'
import { isBodiless, LEFT, leftOf } from './answer-body.ts'
import type { AnswerFraming, ExchangeEvents, HttpExchange, Peer } from './http-exchange.ts'
import type { HttpOutbox } from './http-outbox.ts'
import type { HttpRequestBody } from './http-request-body.ts'

/** What an exchange needs of the connection that it came over. */
export interface ExchangeRoom {
  readonly outbox: HttpOutbox
  readonly peer: Peer
  /** Answers are the last of their connections. */
  readonly draining: boolean
  /** The body may go on. */
  bodyWanted(): void
  /** The answer has left. */
  answered(exchange: RawExchange): void
  /** Ends the connection at once. `reset`: its end must not look like the end of a body. */
  cut(reset: boolean): void
  handOver(exchange: RawExchange): { socket: Duplex; early: Buffer } | undefined
}

/** How much of a body that nobody wants is read away; more costs the connection. */
export const READ_AWAY_BYTES = 65_536

/** Status lines with the usual words. */
const STATUS_LINES = new Map(
  Object.entries(STATUS_CODES).map(([status, words]) => [
    Number(status),
    { words, line: `HTTP/1.1 ${status} ${words}\r\n` },
  ]),
)

export class RawExchange implements HttpExchange {
  readonly method: string
  readonly target: string
  readonly version: '1.0' | '1.1'
  readonly fields: Fields
  readonly contentLength: number | undefined
  readonly upgrade: string | undefined
  readonly hasBody: boolean
  events: ExchangeEvents | undefined
  headSent = false
  closed = false
  /** The connection goes on after this answer. */
  keepAlive: boolean
  /** @internal The body is taken: it was asked for, and is not held. */
  wanted = false
  /** @internal */
  readonly body: HttpRequestBody
  readonly #room: ExchangeRoom
  #awaitsContinue: boolean
  #asked = false
  #waitsForDrain = false
  #ended = false
  /** Bytes that the answer's body still has, or one of `LEFT`. */
  #left = 0

  /** @param early whether bytes of the body came together with the head */
  constructor(room: ExchangeRoom, head: RequestHead, body: HttpRequestBody, early: boolean) {
    this.#room = room
    this.method = head.method
    this.target = head.target
    this.version = head.version
    this.fields = head.fields
    this.contentLength = head.contentLength
    this.upgrade = head.upgrade
    // What follows a request to upgrade may be meant for the other protocol.
    this.keepAlive = head.keepAlive && head.upgrade === undefined
    this.body = body
    this.hasBody = !body.complete
    // RFC 9110 §10.1.1: a client that did not wait need not be told.
    this.#awaitsContinue = head.expectsContinue && !early && !body.complete
  }

  get peer(): Peer {
    return this.#room.peer
  }

  get bodyComplete(): boolean {
    return this.body.complete
  }

  get needsDrain(): boolean {
    return !this.closed && this.#room.outbox.needsDrain
  }

  /** @internal The answer is complete, as far as whoever gives it is concerned. */
  get ended(): boolean {
    return this.#ended
  }

  resumeBody(): void {
    if (this.closed || this.body.complete) return
    this.#asked = true
    if (this.#awaitsContinue) {
      this.#awaitsContinue = false
      if (!this.headSent) {
        this.#room.outbox.text('HTTP/1.1 100 Continue\r\n\r\n')
        this.#room.outbox.soon()
      }
    }
    this.wanted = true
    this.#room.bodyWanted()
  }

  afterRead(then: () => void): void {
    queueMicrotask(then)
  }

  closeAfter(): void {
    this.keepAlive = false
  }

  info(status: number, fields: string): void {
    if (this.headSent || this.closed || this.version === '1.0' || status === 101) return
    if (status === 100) this.#awaitsContinue = false
    this.#room.outbox.text(`${statusLine(status, '')}${fields}\r\n`)
    this.#room.outbox.soon()
  }

  head(status: number, reason: string, fields: string, framing: AnswerFraming): void {
    if (this.headSent || this.closed) return
    if (!(status >= 200 && status <= 999)) throw new RangeError(`expected a final status, got \`${status}\``)
    const bodiless = isBodiless(this.method, status)
    let text = statusLine(status, reason) + fields
    this.headSent = true
    this.#left = leftOf(framing, bodiless, this.version === '1.1')
    if (typeof framing === 'number') {
      if (status !== 204 && status !== 304) text += `Content-Length: ${framing}\r\n`
    } else if (this.#left === LEFT.open) text += 'Transfer-Encoding: chunked\r\n'
    else if (!bodiless) this.keepAlive = false
    if (this.keepAlive && (this.#room.draining || this.#bodyIsLeft())) this.keepAlive = false
    if (!this.keepAlive) text += 'Connection: close\r\n'
    else if (this.version === '1.0') text += 'Connection: keep-alive\r\n'
    this.#room.outbox.text(`${text}\r\n`)
    this.#room.outbox.soon()
  }

  write(chunk: Buffer | string): boolean {
    const { outbox } = this.#room
    if (this.closed || this.#ended || chunk.length === 0) return true
    if (!this.headSent) throw new Error('the head of an answer comes before its body')
    if (this.#left === LEFT.nothing) return true
    if (this.#left === LEFT.open) {
      outbox.text(chunkHead(chunk.length))
      outbox.body(chunk)
      outbox.text(CHUNK_END)
    } else {
      if (this.#left >= 0) {
        // More than was announced would be read as another answer.
        if (chunk.length > this.#left) {
          this.destroy()
          return true
        }
        this.#left -= chunk.length
      }
      outbox.body(chunk)
    }
    outbox.soon()
    this.#waitsForDrain = outbox.needsDrain
    return !this.#waitsForDrain
  }

  end(trailers = ''): void {
    if (this.closed || this.#ended) return
    // Less than was announced, or no answer at all: the client shall see that it is broken.
    if (!this.headSent || this.#left > 0) {
      this.destroy()
      return
    }
    this.#ended = true
    const { outbox } = this.#room
    if (this.#left === LEFT.open) outbox.text(lastChunk(trailers))
    outbox.end(this)
  }

  /** @internal The answer has been taken by the system. */
  out(): void {
    if (this.closed) return
    this.close(true)
    this.#room.answered(this)
  }

  destroy(): void {
    // An answer that is complete leaves where the system takes it.
    if (this.#ended) this.#room.outbox.settle()
    if (this.closed) return
    this.#room.cut(this.headSent && this.#left === LEFT.untilClose)
  }

  takeConnection(): { socket: Duplex; early: Buffer } | undefined {
    if (this.closed || this.upgrade === undefined || this.headSent) return undefined
    return this.#room.handOver(this)
  }

  /** @internal Gives on what the bytes hold of the body; where to go on behind it. */
  receive(bytes: Buffer, start: number, end: number): number | Refused {
    const { body, events } = this
    let at = start
    while (at < end && this.wanted && !body.complete && !this.closed) {
      const step = body.read(bytes, at, end)
      at = body.position
      if (step === 'data') {
        if (body.to > body.from && events?.data(bytes.subarray(body.from, body.to)) === false) this.wanted = false
      } else if (step !== 'more' && step !== 'done') return step
      if (body.complete && !this.closed) events?.bodyEnd()
    }
    return at
  }

  /** @internal The socket has room again. */
  drained(): void {
    if (!this.#waitsForDrain) return
    this.#waitsForDrain = false
    this.events?.drain()
  }

  /** @internal Tells that it is over, once. */
  close(answered: boolean): void {
    if (this.closed) return
    this.closed = true
    this.events?.closed(answered)
  }

  /** What is left of the body is not wanted, and more than would be read away. */
  #bodyIsLeft(): boolean {
    if (this.body.complete || this.#asked) return false
    return this.#awaitsContinue || (this.body.left ?? Number.POSITIVE_INFINITY) > READ_AWAY_BYTES
  }
}

/** RFC 9112 §4 */
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/

function statusLine(status: number, reason: string): string {
  const usual = STATUS_LINES.get(status)
  if (usual !== undefined && (reason === '' || reason === usual.words)) return usual.line
  if (!REASON.test(reason)) throw new TypeError('expected a reason of visible Latin-1')
  return `HTTP/1.1 ${status} ${reason}\r\n`
}
