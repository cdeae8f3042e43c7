/** One request to a node and its answer: what its sender holds, and the exact account of how far it got. */
import { Readable } from 'node:stream'
import type { Fields } from '../http/fields.ts'
import type { RequestBody } from './request-body.ts'
import type { AnswerHead, UpstreamEvents, UpstreamHandle, UpstreamRequest } from './upstream.ts'
import { UpstreamError } from './upstream-error.ts'

/** RFC 9110 §5.6.2 */
const METHOD = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** What would end the request line, or become another character on its way (RFC 9112 §3.2). */
const NO_TARGET = /[^\x21-\x7e\x80-\xff]/

/** What carries it. */
export interface ExchangeConnection {
  /** Writes the request. Returns its body where that is still on its way. */
  write(exchange: UpstreamExchange): RequestBody | undefined
  /** The request is over before its answer is: closes, unless nothing was written. */
  drop(): void
  /** The answer goes on. */
  resume(): void
}

/** Where it gets a connection. */
export interface ExchangePool {
  /** Binds or starts the request now or later, or refuses it. */
  acquire(exchange: UpstreamExchange): void
  /** It does not wait any longer. */
  withdraw(exchange: UpstreamExchange): void
}

export class UpstreamExchange implements UpstreamHandle {
  readonly request: UpstreamRequest
  /** When it began to wait for a connection. */
  waitingSinceMs = 0
  readonly #pool: ExchangePool
  readonly #events: UpstreamEvents
  #connection: ExchangeConnection | undefined
  #body: RequestBody | undefined
  #sent = false
  #answered = false
  #done = false

  constructor(pool: ExchangePool, request: UpstreamRequest, events: UpstreamEvents) {
    this.#pool = pool
    this.request = request
    this.#events = events
    // It may break off while the request waits for a connection; that is found when it has one.
    if (request.body instanceof Readable) request.body.on('error', () => {})
    if (canBeWritten(request)) pool.acquire(this)
    else this.refuse(new UpstreamError('ERR_INVALID_CHAR', 'the request line cannot be written'))
  }

  /** A connection is being opened for it. */
  bind(connection: ExchangeConnection): void {
    this.#connection = connection
  }

  /** The connection is open and free. */
  start(connection: ExchangeConnection): void {
    this.#connection = connection
    this.#sent = true
    this.#body = connection.write(this)
    this.#events.sent()
  }

  /** Nothing was sent. Its sender may not hold the handle yet, so it is told a moment later. */
  refuse(error: Error): void {
    queueMicrotask(() => this.fail(error))
  }

  /** The whole request was handed to the system. */
  get written(): boolean {
    return this.#body?.complete ?? true
  }

  /** The connection takes more of the body. */
  drain(): void {
    this.#body?.resume()
  }

  /** The body broke off: half a request is on the connection. */
  bodyFailed(error: Error): void {
    this.#connection?.drop()
    this.fail(error)
  }

  get answered(): boolean {
    return this.#answered
  }

  info(head: AnswerHead): void {
    this.#events.info(head)
  }

  head(head: AnswerHead): void {
    this.#answered = true
    this.#events.head(head)
  }

  data(chunk: Buffer): boolean {
    return this.#events.data(chunk)
  }

  /** The answer is whole, and the connection may be somebody else's already. */
  complete(trailers: Fields): void {
    this.#finish()
    this.#events.end(trailers)
  }

  /** The connection is gone. */
  fail(error: Error): void {
    if (this.#done) return
    this.#finish()
    this.#events.error(error, this.#answered ? 'broken' : this.#sent ? 'unanswered' : 'unsent')
  }

  abort(): void {
    if (this.#done) return
    const connection = this.#connection
    this.#finish()
    if (connection === undefined) this.#pool.withdraw(this)
    else connection.drop()
  }

  resume(): void {
    this.#connection?.resume()
  }

  #finish(): void {
    this.#done = true
    this.#connection = undefined
    const { body } = this.request
    if (!(body instanceof Readable)) return
    this.#body?.stop()
    body.destroy()
  }
}

function canBeWritten({ method, path }: UpstreamRequest): boolean {
  return path !== '' && !NO_TARGET.test(path) && (method === 'GET' || method === 'POST' || METHOD.test(method))
}
