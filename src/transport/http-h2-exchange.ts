/**
 * One stream of HTTP/2 as an exchange. Streams end alone: nothing here closes a connection, and what HTTP/1.1 says by the end
 * of one is said by a reset of the stream (RFC 9113 §8.1).
 */
import {
  constants,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
  type ServerStreamResponseOptions,
} from 'node:http2'
import type { Fields } from '../http/fields.ts'
import type { H2Request } from '../http/h2-request.ts'
import { isBodiless, LEFT, leftOf } from './answer-body.ts'
import type { AnswerFraming, ExchangeEvents, HttpExchange, Peer } from './http-exchange.ts'
import { H2Answer, toH2Fields } from './http-h2-answer.ts'

export interface H2ExchangeParts {
  readonly stream: ServerHttp2Stream
  readonly request: H2Request
  /** The request has no body. */
  readonly ended: boolean
  readonly peer: Peer
  /** Called once, before the events' `closed`. `reset`: the client has ended it before it was answered. */
  readonly gone: (exchange: H2Exchange, reset: boolean) => void
}

const CUT = new Error('cut')

/** A date is the caller's. */
type ResponseOptions = ServerStreamResponseOptions & { readonly sendDate: false }

export class H2Exchange implements HttpExchange {
  readonly version = '2.0'
  readonly upgrade: undefined
  readonly method: string
  readonly target: string
  readonly fields: Fields
  readonly peer: Peer
  readonly contentLength: number | undefined
  readonly hasBody: boolean
  events: ExchangeEvents | undefined
  headSent = false
  closed = false
  bodyComplete: boolean
  /** @internal */
  readonly answer: H2Answer
  readonly #parts: H2ExchangeParts
  readonly #stream: ServerHttp2Stream
  #asked = false
  #ended = false
  #requestEnded: boolean
  #trailers: OutgoingHttpHeaders = {}
  #left = 0

  constructor(parts: H2ExchangeParts) {
    const { stream, request, ended } = parts
    this.#parts = parts
    this.#stream = stream
    this.method = request.method
    this.target = request.target
    this.fields = request.fields
    this.peer = parts.peer
    this.contentLength = request.meaning.contentLength
    this.hasBody = !ended && this.contentLength !== 0
    this.bodyComplete = !this.hasBody
    this.answer = new H2Answer(stream, () => this.events?.drain())
    // What ends a stream is told by its close.
    stream.on('error', () => {})
    stream.once('aborted', () => this.#close(false, true))
    stream.once('close', () => this.#close(false, stream.rstCode !== constants.NGHTTP2_NO_ERROR))
    stream.once('finish', () => this.#finished())
    // A head that is larger than frames may be.
    stream.once('frameError', () => this.destroy())
    this.#requestEnded = ended
    if (ended) return
    stream.once('end', () => {
      // The end of a stream that was broken off is no end of a body: `aborted` has come before.
      if (this.closed) return
      this.#requestEnded = true
      if (this.bodyComplete) return
      this.bodyComplete = true
      this.events?.bodyEnd()
    })
    if (!this.hasBody) stream.resume()
  }

  get needsDrain(): boolean {
    return !this.closed && this.answer.needsDrain
  }

  resumeBody(): void {
    if (this.closed || this.bodyComplete) return
    if (!this.#asked) {
      this.#asked = true
      if (this.#parts.request.meaning.expectsContinue && !this.headSent) this.info(100, '')
      this.#stream.on('data', (chunk: Buffer) => {
        if (!this.closed && this.events?.data(chunk) === false) this.#stream.pause()
      })
    }
    this.#stream.resume()
  }

  afterRead(then: () => void): void {
    // What came with the head is handed over by streams of node's, from the next turn on.
    setImmediate(then)
  }

  /** The stream is the last of nothing. */
  closeAfter(): void {}

  info(status: number, fields: string): void {
    if (this.headSent || this.closed || status === 101) return
    this.#stream.additionalHeaders({ ...toH2Fields(fields), ':status': status })
  }

  head(status: number, _reason: string, fields: string, framing: AnswerFraming): void {
    if (this.headSent || this.closed) return
    if (!(status >= 200 && status <= 999)) throw new RangeError(`expected a final status, got \`${status}\``)
    const headers = toH2Fields(fields)
    // RFC 9110 §15.3.6: an answer of 205 has no content either; here that can be said.
    const bodiless = isBodiless(this.method, status) || status === 205
    if (typeof framing === 'number' && status !== 204 && status !== 304) headers['content-length'] = framing
    const endStream = bodiless || framing === 'none' || framing === 0
    const waitForTrailers = !endStream && framing === 'stream'
    if (waitForTrailers) this.#stream.once('wantTrailers', () => this.#sendTrailers())
    const options: ResponseOptions = { endStream, waitForTrailers, sendDate: false }
    this.#stream.respond({ ...headers, ':status': status }, options)
    this.headSent = true
    this.#left = leftOf(framing, bodiless, true)
  }

  write(chunk: Buffer | string): boolean {
    if (this.closed || this.#ended || chunk.length === 0) return true
    if (!this.headSent) throw new Error('the head of an answer comes before its body')
    if (this.#left === LEFT.nothing) return true
    if (this.#left >= 0) {
      // More than was announced: the client would refuse the stream.
      if (chunk.length > this.#left) {
        this.destroy()
        return true
      }
      this.#left -= chunk.length
    }
    return this.answer.write(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk)
  }

  end(trailers = ''): void {
    if (this.closed || this.#ended) return
    // Less than was announced, or no answer at all: the client shall see that it is broken.
    if (!this.headSent || this.#left > 0) {
      this.destroy()
      return
    }
    this.#ended = true
    if (trailers !== '' && this.#left === LEFT.open) this.#trailers = toH2Fields(trailers)
    // A client that ends the stream now is heard of only if nothing of it is held.
    if (!this.bodyComplete) this.#stream.resume()
    if (this.#stream.writableFinished) this.#finished()
    else this.answer.end()
  }

  destroy(): void {
    if (this.closed) return
    // Not `close`, which would end the body before it resets the stream: a short answer would look complete.
    this.#stream.destroy(CUT)
    this.#close(false, false)
  }

  takeConnection(): undefined {
    return undefined
  }

  #sendTrailers(): void {
    if (this.#stream.destroyed || this.#stream.closed) return
    this.#stream.sendTrailers(this.#trailers)
    if (!this.#requestEnded) setImmediate(() => this.#stream.close(constants.NGHTTP2_NO_ERROR))
  }

  /** Everything has left. */
  #finished(): void {
    if (!this.#ended || this.closed) return
    // RFC 9113 §8.1: the rest of the request is not needed. Trailers are on their way still.
    if (!this.#requestEnded && this.#left !== LEFT.open) this.#stream.close(constants.NGHTTP2_NO_ERROR)
    this.#close(true, false)
  }

  #close(answered: boolean, reset: boolean): void {
    if (this.closed) return
    this.closed = true
    this.answer.drop()
    this.#parts.gone(this, reset)
    this.events?.closed(answered)
  }
}
