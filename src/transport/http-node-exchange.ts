/** A request that node:http has read, HTTP/2 in its compatible form included, and the answer that node:http writes. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { Fields } from '../http/fields.ts'
import type { Refused } from '../http/head-result.ts'
import type { RequestMeaning } from '../http/request-check.ts'
import { isMisplaced, MISPLACED } from '../http/trailer-reader.ts'
import { isBodiless, LEFT, leftOf } from './answer-body.ts'
import type { AnswerFraming, ExchangeEvents, HttpExchange, Peer } from './http-exchange.ts'
import { READ_AWAY_BYTES } from './http-raw-exchange.ts'

export interface NodeExchangeParts {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly fields: Fields
  readonly meaning: RequestMeaning
  readonly version: '1.0' | '1.1'
  readonly peer: Peer
  /** Answers are the last of their connections. */
  readonly draining: () => boolean
  /** The connection is to be read away before it is closed: a reset would eat the answer. */
  readonly lingers: () => void
  /** Says what is wrong with its body, where no answer has begun. */
  readonly refuse: (refusal: Refused) => void
  /** Gives the connection for an upgrade. */
  readonly handOver?: () => { socket: Duplex; early: Buffer }
  /** Called once, before the events' `closed`. */
  readonly gone: (exchange: NodeExchange) => void
}

const TURN = Promise.resolve()

export class NodeExchange implements HttpExchange {
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
  bodyComplete: boolean
  readonly #parts: NodeExchangeParts
  readonly #res: ServerResponse
  #asked = false
  #ended = false
  #left = 0

  constructor(parts: NodeExchangeParts) {
    const { req, res, fields, meaning, version } = parts
    this.#parts = parts
    this.#res = res
    this.method = req.method ?? ''
    this.target = req.url ?? ''
    this.version = version
    this.fields = fields
    this.contentLength = meaning.contentLength
    this.upgrade = parts.handOver === undefined ? undefined : meaning.upgrade
    this.hasBody = meaning.chunked || (meaning.contentLength ?? 0) > 0
    this.bodyComplete = !this.hasBody
    // A date is the caller's.
    res.sendDate = false
    res.on('drain', () => this.events?.drain())
    res.once('close', () => this.#close(res.writableFinished))
    // Errors of an answer are told by its end.
    res.on('error', () => {})
    req.on('error', () => {})
  }

  get peer(): Peer {
    return this.#parts.peer
  }

  get needsDrain(): boolean {
    return this.#res.writableNeedDrain
  }

  resumeBody(): void {
    if (this.closed || this.bodyComplete) return
    const { req, meaning } = this.#parts
    if (!this.#asked) {
      this.#asked = true
      if (meaning.expectsContinue && !this.headSent) this.#res.writeContinue()
      req.on('data', (chunk: Buffer) => {
        if (!this.closed && this.events?.data(chunk) === false) req.pause()
      })
      req.once('end', () => {
        if (!this.closed && req.rawTrailers.length > 0 && isMisplaced(Fields.of(req.rawTrailers))) {
          if (!this.headSent) this.#parts.refuse(MISPLACED)
          this.abandon()
        }
        this.bodyComplete = true
        if (!this.closed) this.events?.bodyEnd()
      })
    }
    req.resume()
  }

  /** @internal Its body is none: the connection has been answered, or cut where an answer had begun. */
  abandon(): void {
    if (this.headSent) this.destroy()
    else this.#close(false)
  }

  afterRead(then: () => void): void {
    // node runs what was queued between two callbacks of its parser.
    setImmediate(then)
  }

  closeAfter(): void {
    this.#res.shouldKeepAlive = false
  }

  info(status: number, fields: string): void {
    if (this.headSent || this.closed || this.version === '1.0' || status === 101) return
    const { socket } = this.#res
    // node:http writes those it knows, in its own words only; this one stands before its first byte.
    socket?.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${fields}\r\n`, 'latin1')
  }

  head(status: number, reason: string, fields: string, framing: AnswerFraming): void {
    if (this.headSent || this.closed) return
    if (!(status >= 200 && status <= 999)) throw new RangeError(`expected a final status, got \`${status}\``)
    const bodiless = isBodiless(this.method, status)
    const list = toList(fields)
    this.#left = leftOf(framing, bodiless, this.version === '1.1')
    if (typeof framing === 'number') {
      if (status !== 204 && status !== 304) list.push('Content-Length', String(framing))
    } else if (this.#left !== LEFT.open && !bodiless) this.#res.shouldKeepAlive = false
    if (this.#parts.draining() || this.#bodyIsLeft()) this.#res.shouldKeepAlive = false
    if (!this.#res.shouldKeepAlive) this.#parts.lingers()
    this.#res.writeHead(
      status,
      reason === '' ? (STATUS_CODES[status] ?? '') : reason,
      this.#left === LEFT.open ? list : withoutTrailer(list),
    )
    this.headSent = true
    // With what else is said in this turn, and alone where nothing is.
    void TURN.then(() => {
      if (!this.closed && !this.#ended) this.#res.flushHeaders()
    })
  }

  write(chunk: Buffer | string): boolean {
    if (this.closed || this.#ended || chunk.length === 0) return true
    if (!this.headSent) throw new Error('the head of an answer comes before its body')
    if (this.#left === LEFT.nothing) return true
    if (this.#left >= 0) {
      // More than was announced would be read as another answer.
      if (chunk.length > this.#left) {
        this.destroy()
        return true
      }
      this.#left -= chunk.length
    }
    return typeof chunk === 'string' ? this.#res.write(chunk, 'latin1') : this.#res.write(Buffer.from(chunk))
  }

  end(trailers = ''): void {
    if (this.closed || this.#ended) return
    // Less than was announced, or no answer at all: the client shall see that it is broken.
    if (!this.headSent || this.#left > 0) {
      this.destroy()
      return
    }
    this.#ended = true
    if (trailers !== '' && this.#left === LEFT.open) this.#res.addTrailers(toPairs(toList(trailers)))
    this.#res.end()
  }

  destroy(): void {
    if (this.closed) return
    const { socket } = this.#parts.req
    if (this.headSent && this.#left === LEFT.untilClose && 'resetAndDestroy' in socket) socket.resetAndDestroy()
    this.#res.destroy()
    socket.destroy()
    this.#close(false)
  }

  takeConnection(): { socket: Duplex; early: Buffer } | undefined {
    const { handOver, gone } = this.#parts
    if (this.closed || this.headSent || handOver === undefined) return undefined
    this.closed = true
    gone(this)
    return handOver()
  }

  #close(answered: boolean): void {
    if (this.closed) return
    this.closed = true
    this.#parts.gone(this)
    this.events?.closed(answered)
  }

  /** What is left of the body is not wanted, and more than would be read away. */
  #bodyIsLeft(): boolean {
    if (this.bodyComplete || this.#asked) return false
    return this.#parts.meaning.expectsContinue || (this.contentLength ?? Number.POSITIVE_INFINITY) > READ_AWAY_BYTES
  }
}

/** Names and values in turn, of lines as of `Fields.text`. */
function toList(lines: string): string[] {
  const list: string[] = []
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) list.push(line.slice(0, colon), line.slice(colon + 1).trim())
  }
  return list
}

function toPairs(list: readonly string[]): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i < list.length; i += 2) pairs.push([list[i] as string, list[i + 1] as string])
  return pairs
}

/** node:http refuses `Trailer` where there are no chunks. */
function withoutTrailer(list: readonly string[]): string[] {
  const out: string[] = []
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] as string
    if (name.length !== 7 || name.toLowerCase() !== 'trailer') out.push(name, list[i + 1] as string)
  }
  return out
}
