/** One raw connection of a client: bytes to requests, served strictly one after the other. */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { HeadLimits } from '../http/head-result.ts'
import type { RequestHead, RequestHeadReader } from '../http/request-head.ts'
import { AnswerProgress } from './answer-progress.ts'
import type { ExchangeHandler, Peer } from './http-exchange.ts'
import { HalfOpenWatch } from './http-half-open.ts'
import { HttpOutbox } from './http-outbox.ts'
import { type ExchangeRoom, RawExchange, READ_AWAY_BYTES } from './http-raw-exchange.ts'
import { refusalText } from './http-refusal.ts'
import { HttpRequestBody } from './http-request-body.ts'

/** What a connection needs of its listener. Times are counted in looks: whoever was blocked has not waited. */
export interface RawConnectionHost {
  readonly handler: ExchangeHandler
  readonly limits: HeadLimits
  readonly draining: boolean
  /** Connections that have nothing to do are ended. */
  readonly closing: boolean
  /** Looks at all connections until now. */
  readonly looks: number
  readonly headLooks: number
  readonly idleLooks: number
  readonly answerLooks: number
  readonly lingerLooks: number
  /** For heads that are whole when they come; a connection takes it along with a head that is not. */
  reader: RequestHeadReader | undefined
  createReader(): RequestHeadReader
  after(delayMs: number, fn: () => void): void
  refused(status: number, address: string): void
  /** Called once. */
  gone(connection: RawConnection): void
}

/** Bytes behind a request in progress that are read still; the socket is paused from here on. */
const KEPT_BYTES = 16_384

const IDLE = 0
const HEAD = 1
const BUSY = 2
/** The rest of a body that nobody wants is read away. */
const AWAY = 3
/** Everything is said: what still comes is read away for a while, for a reset would eat the answer. */
const LINGER = 4
/** Handed over. */
const TAKEN = 5
const GONE = 6

export class RawConnection implements ExchangeRoom {
  readonly outbox: HttpOutbox
  readonly #host: RawConnectionHost
  readonly #socket: Socket
  readonly #port: number
  #phase = IDLE
  /** When the phase began, or the client last took something. */
  #since: number
  #progress: AnswerProgress | undefined
  #exchange: RawExchange | undefined
  #body: HttpRequestBody | undefined
  #reader: RequestHeadReader | undefined
  /** What was read and is not for now. */
  #kept: Buffer | undefined
  #processing = false
  #paused = false
  /** The client has said everything. */
  #ended = false
  #watched: RawExchange | undefined
  #readAway = 0
  #peer: Peer | undefined

  /** @param port that the connection came to */
  constructor(host: RawConnectionHost, socket: Socket, port: number) {
    this.#host = host
    this.#socket = socket
    this.#port = port
    this.#since = host.looks
    this.outbox = new HttpOutbox(socket)
  }

  get draining(): boolean {
    return this.#host.draining
  }

  get peer(): Peer {
    this.#peer ??= {
      address: this.#socket.remoteAddress ?? '',
      localPort: this.#port,
      encrypted: 'encrypted' in this.#socket,
    }
    return this.#peer
  }

  /** No request is in progress, nor a part of one. */
  get idle(): boolean {
    return this.#phase === IDLE
  }

  /** Takes what was read, valid during the call only. False: the socket is to be paused. */
  read(bytes: Buffer, length: number): boolean {
    if (this.#phase === TAKEN) return this.#socket.push(Buffer.from(bytes.subarray(0, length)))
    if (this.#phase >= LINGER) return true
    const kept = this.#kept
    if (kept === undefined) this.#process(bytes, length, false)
    else {
      this.#kept = undefined
      const all = Buffer.concat([kept, bytes.subarray(0, length)], kept.length + length)
      this.#process(all, all.length, true)
    }
    return !this.#paused
  }

  /** The client has ended its side. */
  end(): void {
    this.#ended = true
    this.#endIfDry()
  }

  /** The connection has gone, for whatever reason. Idempotent. */
  close(): void {
    if (this.#phase === GONE) return
    this.#phase = GONE
    this.#kept = undefined
    this.outbox.drop()
    this.#host.gone(this)
    this.#exchange?.close(false)
  }

  drained(): void {
    this.#exchange?.drained()
  }

  /** Ends an idle connection politely. */
  retire(): void {
    if (this.#phase === IDLE) this.#linger()
  }

  destroy(): void {
    this.cut(false)
  }

  cut(reset: boolean): void {
    if (reset && 'resetAndDestroy' in this.#socket) this.#socket.resetAndDestroy()
    else this.#socket.destroy()
    this.close()
  }

  /** Cuts what takes too long. */
  look(): void {
    const { looks, headLooks, idleLooks, answerLooks, lingerLooks } = this.#host
    const waited = looks - this.#since
    if (this.#phase === BUSY) {
      this.#progress ??= new AnswerProgress()
      if (this.#progress.moves(this.#socket)) this.#since = looks
      else if (waited > answerLooks) this.#exchange?.destroy()
    } else if (this.#phase === IDLE) {
      if (waited > idleLooks) this.#linger()
    } else if (this.#phase === HEAD) {
      if (waited > headLooks) this.#refuse(408, 'the request took too long to arrive')
    } else if (this.#phase === AWAY) {
      if (waited > headLooks) this.#linger()
    } else if (this.#phase === LINGER && waited > lingerLooks) this.destroy()
  }

  bodyWanted(): void {
    if (!this.#processing) this.#goOn()
  }

  answered(exchange: RawExchange): void {
    this.#exchange = undefined
    if (!exchange.keepAlive || this.#host.closing) this.#linger()
    else {
      const body = exchange.body
      this.#body = body.complete ? undefined : body
      this.#enter(body.complete ? IDLE : AWAY)
      this.#readAway = 0
      if (this.#processing) return
      this.#goOn()
      this.#endIfDry()
    }
  }

  handOver(exchange: RawExchange): { socket: Duplex; early: Buffer } | undefined {
    const early = this.#kept ?? Buffer.alloc(0)
    this.#kept = undefined
    this.#exchange = undefined
    exchange.closed = true
    this.outbox.flush()
    this.#phase = TAKEN
    const socket = this.#socket
    socket.removeAllListeners('data')
    socket.removeAllListeners('end')
    socket.removeAllListeners('drain')
    socket.pause()
    if (this.#ended) socket.push(null)
    return { socket, early }
  }

  /** Once nothing more is coming: what is half there will never be whole, and who asked may have gone. */
  #endIfDry(): void {
    if (!this.#ended) return
    const exchange = this.#exchange
    if (this.#phase === BUSY && exchange?.bodyComplete) {
      if (this.#watched !== exchange) {
        new HalfOpenWatch(exchange, this.#socket, (delayMs, fn) => this.#host.after(delayMs, fn))
      }
      this.#watched = exchange
    } else if (this.#phase === HEAD || this.#phase === AWAY) this.destroy()
    else if (this.#kept !== undefined) return
    else if (this.#phase === IDLE) this.#linger()
    else if (this.#phase === BUSY) exchange?.destroy()
  }

  #enter(phase: number): void {
    this.#phase = phase
    this.#since = this.#host.looks
  }

  /** Deals with what was kept, and reads again. Not within the call of whoever wants it. */
  #goOn(): void {
    if (this.#kept === undefined) {
      if (this.#paused) this.#resume()
    } else {
      queueMicrotask(() => {
        const kept = this.#kept
        if (kept === undefined || this.#processing || this.#phase >= LINGER) return
        this.#kept = undefined
        const wasPaused = this.#paused
        this.#process(kept, kept.length, true)
        if (wasPaused && !this.#paused) this.#resume()
      })
    }
  }

  #resume(): void {
    this.#paused = false
    if (!this.#socket.destroyed) this.#socket.resume()
  }

  /** @param owned the bytes stay as they are after the call */
  #process(bytes: Buffer, end: number, owned: boolean): void {
    this.#processing = true
    const at = this.#advance(bytes, end)
    this.#processing = false
    if (at < end && this.#phase < LINGER) {
      const rest = bytes.subarray(at, end)
      this.#kept = owned ? rest : Buffer.from(rest)
    }
    const held = this.#phase === BUSY && this.#kept !== undefined
    this.#paused = held && (this.#exchange?.bodyComplete === false || (this.#kept?.length ?? 0) >= KEPT_BYTES)
    this.#endIfDry()
  }

  /** Where to go on: what is behind is not for now. */
  #advance(bytes: Buffer, end: number): number {
    let at = 0
    while (at < end) {
      if (this.#phase <= HEAD) {
        const next = this.#head(bytes, at, end)
        if (next === at) return at
        at = next
      } else if (this.#phase === BUSY) {
        const exchange = this.#exchange as RawExchange
        const next = exchange.receive(bytes, at, end)
        if (typeof next !== 'number') this.#refuse(next.status, next.reason)
        else if (next === at && this.#phase === BUSY) return at
        else at = next
      } else if (this.#phase === AWAY) at = this.#away(bytes, at, end)
      else return end
    }
    return at
  }

  #head(bytes: Buffer, start: number, end: number): number {
    const reader = this.#reader ?? this.#host.reader ?? this.#host.createReader()
    if (this.#phase === IDLE) this.#enter(HEAD)
    const head = reader.read(bytes, start, end)
    if (head.state === 'incomplete') {
      this.#reader = reader
      if (this.#host.reader === reader) this.#host.reader = undefined
      return start
    }
    this.#host.reader = reader
    this.#reader = undefined
    if (head.state === 'refused') {
      this.#refuse(head.status, head.reason)
      return end
    }
    return this.#begin(head, bytes, end)
  }

  #begin(head: RequestHead, bytes: Buffer, end: number): number {
    this.#enter(BUSY)
    this.#progress = undefined
    const exchange = new RawExchange(this, head, new HttpRequestBody(head, this.#host.limits), head.end < end)
    this.#exchange = exchange
    let at = head.end
    if (exchange.upgrade !== undefined && at < end) {
      this.#kept = Buffer.from(bytes.subarray(at, end))
      at = end
    }
    try {
      this.#host.handler(exchange)
    } catch (error) {
      this.#processing = false
      exchange.destroy()
      throw error
    }
    return at
  }

  /** Reads over what nobody wants of a body, up to a bound. */
  #away(bytes: Buffer, start: number, end: number): number {
    const body = this.#body as HttpRequestBody
    let at = start
    while (at < end && !body.complete) {
      const step = body.read(bytes, at, end)
      at = body.position
      if (step !== 'data' && step !== 'more' && step !== 'done') {
        this.#linger()
        return end
      }
    }
    this.#readAway += at - start
    if (body.complete) {
      this.#body = undefined
      this.#enter(IDLE)
    } else if (this.#readAway > READ_AWAY_BYTES) this.#linger()
    return at
  }

  /** Answers itself, where no answer has begun. Whoever serves the request learns that it is over. */
  #refuse(status: number, reason: string): void {
    const exchange = this.#exchange
    if (exchange?.headSent) {
      exchange.destroy()
      return
    }
    this.outbox.text(refusalText(status, reason))
    if (exchange === undefined) this.#host.refused(status, this.#socket.remoteAddress ?? '')
    else exchange.events?.refused?.(status)
    this.#linger()
    this.#exchange = undefined
    exchange?.close(false)
  }

  #linger(): void {
    this.#enter(LINGER)
    this.#kept = undefined
    this.outbox.flush()
    this.#socket.end()
    this.#resume()
  }
}
