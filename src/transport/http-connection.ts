/** One connection to a node: carries one request at a time, reads its answer strictly, and says when it is free again. */
import type { Socket } from 'node:net'
import { type Address, toHostPort } from '../core/node.ts'
import type { Fields } from '../http/fields.ts'
import { AnswerReader, type AnswerSink } from './answer-reader.ts'
import { type Dial, dialReading } from './dial.ts'
import { IDLE_MS, keptMs } from './keep-alive.ts'
import type { RequestBody } from './request-body.ts'
import { writeRequest } from './request-writer.ts'
import { type AtTurnEnd, atTurnEnd } from './turn-end.ts'
import type { AnswerHead } from './upstream.ts'
import { UpstreamError } from './upstream-error.ts'
import type { ExchangeConnection, UpstreamExchange } from './upstream-exchange.ts'

export interface ConnectionLimits {
  /** Until a connection is established, and until a waiting request gets one. @default 500 */
  readonly connectTimeoutMs: number
  /** From a request's last byte to the head of its answer. @default Infinity, as whoever sends has a deadline */
  readonly firstByteTimeoutMs: number
  /** Silence within an answer that is not held. @default Infinity, as an event stream may be silent for long */
  readonly idleTimeoutMs: number
  /** Head of an answer, in bytes. @default 65536 */
  readonly maxHeadBytes: number
  /** How connections are opened. @default over TCP */
  readonly dial?: Dial | undefined
}

/** Whose connection it is. */
export interface ConnectionHost {
  readonly address: Address
  readonly limits: ConnectionLimits
  /** The time of the last look at the connections: exact enough for their idleness, and free. */
  readonly nowMs: number
  /** It can take the next request. */
  free(connection: HttpConnection): void
  /** It is closed. Called once, before its request is told. */
  lost(connection: HttpConnection): void
}

export class HttpConnection implements ExchangeConnection, AnswerSink, AtTurnEnd {
  /** When something last happened on it: it was opened, became free, was read from or written to. As exact as the sweep. */
  movedMs: number
  /** How long it may be idle; undefined before its first answer. */
  #keptMs: number | undefined
  readonly #host: ConnectionHost
  readonly #socket: Socket
  readonly #reader: AnswerReader
  #exchange: UpstreamExchange | undefined
  #state: 'connecting' | 'open' | 'closed' = 'connecting'
  #unreferenced = false
  /** Its request waits for the end of the turn. */
  #pending = false

  /** Opens it for a request, which is told of its end. */
  constructor(host: ConnectionHost, exchange: UpstreamExchange, nowMs: number) {
    const { address, limits } = host
    this.#host = host
    this.#exchange = exchange
    this.movedMs = nowMs
    this.#reader = new AnswerReader(this, limits.maxHeadBytes)
    this.#socket = dialReading(address, limits.dial, (bytes, length) => this.#read(bytes, length))
    this.#socket.once('connect', () => this.#opened())
    this.#socket.on('drain', () => this.#drained())
    this.#socket.once('end', () => this.#ended())
    this.#socket.on('error', (error) => this.destroy(error))
    this.#socket.once('close', () => this.#gone())
  }

  /** Resolves when the system has let go of it. */
  closed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#socket.closed) resolve()
      else this.#socket.once('close', () => resolve())
    })
  }

  /**
   * Its next request, which is written with all others of this turn. Also where they are few: that the node has closed the
   * connection, or speaks unasked, may be among what came in this turn, and nothing was sent then.
   */
  take(exchange: UpstreamExchange): void {
    this.#exchange = exchange
    this.movedMs = this.#host.nowMs
    this.#pending = true
    exchange.bind(this)
    atTurnEnd(this)
  }

  turnEnded(): void {
    this.#pending = false
    if (this.#state === 'closed') return
    if (this.#exchange === undefined) this.#host.free(this)
    else this.#exchange.start(this)
  }

  /** Begins a request. Returns its body where that is still on its way. */
  write(exchange: UpstreamExchange): RequestBody | undefined {
    if (this.#unreferenced) {
      this.#unreferenced = false
      this.#socket.ref()
    }
    this.#reader.begin(exchange.request.method)
    return writeRequest(this.#socket, exchange.request, (error) => exchange.bodyFailed(error))
  }

  /** Its request was broken off. Where nothing of it was sent, the connection can serve another. */
  drop(): void {
    this.#exchange = undefined
    if (this.#state === 'open' && !this.#pending) this.destroy(ABORTED)
  }

  /** The answer goes on. */
  resume(): void {
    if (this.#reader.resume()) this.#socket.resume()
  }

  destroy(error: Error): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#reader.stop()
    this.#socket.destroy()
    const exchange = this.#exchange
    this.#exchange = undefined
    this.#host.lost(this)
    exchange?.fail(error)
  }

  /** Looked at by the sweep while it is idle. Never later than the node's own limit, so the next look counts. */
  sweepIdle(nowMs: number, untilNextMs: number): boolean {
    if (nowMs + untilNextMs - this.movedMs <= (this.#keptMs ?? IDLE_MS)) {
      // A process whose only business is an idle connection has none.
      if (!this.#unreferenced) this.#socket.unref()
      this.#unreferenced = true
      return false
    }
    this.destroy(IDLE)
    return true
  }

  /** Looked at by the sweep while it is in use or being opened. */
  sweepBusy(nowMs: number): void {
    const { connectTimeoutMs, firstByteTimeoutMs, idleTimeoutMs } = this.#host.limits
    const silentMs = nowMs - this.movedMs
    if (this.#state === 'connecting') {
      if (silentMs >= connectTimeoutMs) this.destroy(this.#tooLate('connect', connectTimeoutMs))
      return
    }
    const exchange = this.#exchange
    if (exchange === undefined) return
    if (this.#reader.held || !(exchange.written || this.#socket.writableNeedDrain)) {
      // It is not the node that is waited for.
      this.movedMs = nowMs
      return
    }
    const limitMs = exchange.answered ? idleTimeoutMs : firstByteTimeoutMs
    if (silentMs >= limitMs) this.destroy(this.#tooLate(exchange.answered ? 'read' : 'first byte', limitMs))
  }

  info(head: AnswerHead): void {
    this.#exchange?.info(head)
  }

  head(head: AnswerHead): void {
    this.#keptMs ??= keptMs(head.fields)
    this.#exchange?.head(head)
  }

  data(chunk: Buffer): boolean {
    return this.#exchange?.data(chunk) ?? true
  }

  /** Free before its request is told, so that the next one may use it. */
  end(trailers: Fields, persistent: boolean): void {
    const exchange = this.#exchange
    this.#exchange = undefined
    const whole = exchange?.written === true && this.#socket.writableLength === 0
    if (persistent && whole && (this.#keptMs ?? 0) > 0) {
      this.movedMs = this.#host.nowMs
      this.#host.free(this)
    } else this.destroy(IDLE)
    exchange?.complete(trailers)
  }

  malformed(error: UpstreamError): void {
    this.destroy(error)
  }

  #opened(): void {
    if (this.#state !== 'connecting') return
    this.#state = 'open'
    this.movedMs = this.#host.nowMs
    this.turnEnded()
  }

  #read(bytes: Buffer, length: number): void {
    this.movedMs = this.#host.nowMs
    const exchange = this.#exchange
    if (exchange === undefined || this.#pending) {
      // Nobody asked, or not yet: whatever it is, it must not become the answer to the next request.
      this.destroy(UNSOLICITED)
      return
    }
    try {
      if (!this.#reader.read(bytes, length)) this.#socket.pause()
    } catch (error) {
      // Of whoever receives the answer: it stopped halfway through it.
      if (this.#exchange !== exchange) throw error
      this.destroy(error as Error)
    }
  }

  #drained(): void {
    this.movedMs = this.#host.nowMs
    this.#exchange?.drain()
  }

  #ended(): void {
    if (this.#exchange === undefined || !this.#reader.close()) this.#gone()
  }

  #gone(): void {
    if (this.#state === 'closed') return
    this.destroy(new UpstreamError('ECONNRESET', `${toHostPort(this.#host.address)}: connection closed`))
  }

  #tooLate(what: string, limitMs: number): UpstreamError {
    return new UpstreamError('ETIMEDOUT', `${what} ${toHostPort(this.#host.address)}: no answer in ${limitMs} ms`)
  }
}

const ABORTED = new UpstreamError('ECANCELED', 'aborted')
const IDLE = new UpstreamError('ECANCELED', 'not needed any more')
const UNSOLICITED = new UpstreamError('EPROTO', 'bytes that nobody asked for')
