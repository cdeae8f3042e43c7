/**
 * One request at the gateway, from its head to the end of its exchange: who serves it, what the gateway answers itself, and
 * who is told how it went.
 */
import { STATUS_CODES } from 'node:http'
import type { Attempt } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { GomsError } from '../core/errors.ts'
import type { GatewayRequest, RequestObserver } from '../core/observe.ts'
import type { Settings } from '../core/options.ts'
import { toFieldLines } from '../http/header-rules.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import type { ExchangeEvents, HttpExchange } from '../transport/http-exchange.ts'
import { dateLine } from './date-line.ts'
import { toFailure } from './failures.ts'
import type { IdleWatch, Watched } from './idle-watch.ts'
import { RequestFacts } from './request-facts.ts'
import type { Route } from './route.ts'

/** What the gateway says itself. */
export interface OwnAnswer {
  readonly status: number
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: string
}

/** Who takes care of a request that was let in. */
export interface Serving extends ExchangeEvents {
  /** The answer did not move for long. */
  idle(waitingForClient: boolean): void
  /** What is held of the request's body, as far as it was not streamed. */
  held?(): Buffer | undefined
}

/** What the requests of a gateway share. */
export interface InboundHost {
  readonly clock: Clock
  /** Answers that have begun and are not out. */
  readonly watch: IdleWatch
  readonly settings: Settings
  /** Somebody is told of requests. */
  readonly observing: boolean
  /** Traces are recorded: decides about those that begin here, or that nobody who is believed has decided about. */
  readonly sampler: Sampler | undefined
  /** Who is told of those without a route. */
  readonly unrouted: RequestObserver | undefined
  /** A request is in progress no more. */
  left(): void
  /** What the client is not told. */
  tell(error: GomsError, traceId: string | undefined): void
}

/** A small body is read away when it is not wanted; a larger one costs the connection. */
const READ_AWAY_BYTES = 65_536

export class InboundRequest extends RequestFacts implements ExchangeEvents, Watched, GatewayRequest {
  readonly #host: InboundHost
  #serving: Serving | undefined
  #inside = true
  /** Set once one was found. */
  route: Route | undefined
  identity: unknown
  /** Lines that the answer gets besides its own. */
  answerFields = ''
  status = 0
  sentBytes = 0
  /** When its last attempt began; only where answers tell their times. */
  sentMs = 0
  node: string | undefined
  attempts = 0
  error: GomsError | undefined
  readonly startedMs: number
  headMs: number | undefined
  answerBytes: number | undefined
  session = false
  cut: GatewayRequest['cut']
  #told: boolean
  /** The engine has answered. */
  #refused = false
  moved = false
  stillLooks = 0
  watchIndex = -1

  constructor(host: InboundHost, exchange: HttpExchange) {
    super(exchange, host.settings, host.sampler)
    this.#host = host
    this.#told = !host.observing
    this.startedMs = host.observing || host.settings.gateway.serverTiming ? host.clock.now() : 0
  }

  body(): Buffer | undefined {
    return this.#serving?.held?.()
  }

  /** For an answer whose head goes out now, if a node was asked: https://www.w3.org/TR/server-timing/. */
  timingLine(): string {
    if (!this.settings.gateway.serverTiming || this.sentMs === 0) return ''
    const nodeMs = this.#host.clock.now() - this.sentMs
    const gatewayMs = this.sentMs - this.startedMs
    return `server-timing: node;dur=${nodeMs.toFixed(2)}, gateway;dur=${gatewayMs.toFixed(2)}\r\n`
  }

  /** It is sent to a node. */
  attempted({ node, number }: Attempt): void {
    this.node = node.name
    this.attempts = number
    if (this.settings.gateway.serverTiming) this.sentMs = this.#host.clock.now()
  }

  /** From here on its events go there. */
  serveWith(serving: Serving): void {
    this.#serving = serving
  }

  /** The answer has begun: it must not stand still for long until it is out. */
  watch(): void {
    this.#host.watch.add(this)
  }

  /** The answer is a session. */
  opensSession(): void {
    this.session = true
    this.becomeSession()
  }

  /** A session is no request in progress. */
  becomeSession(): void {
    if (!this.#inside) return
    this.#inside = false
    this.#host.left()
  }

  /**
   * The head of an answer has gone out.
   * @param bytes of its body, where they are known
   */
  begun(status: number, bytes: number | undefined): void {
    this.status = status
    this.answerBytes = bytes
    if (this.#told) return
    this.headMs = this.#host.clock.now()
    if (this.session) this.#tell(true, this.headMs)
  }

  /** Once. */
  #tell(complete: boolean, nowMs: number): void {
    this.#told = true
    const observer = this.route === undefined ? this.#host.unrouted : this.route.observer
    observer?.request(this, complete, nowMs)
  }

  /** A failure of the gateway's own; where an answer has begun, its connection is cut. */
  fail(error: GomsError): void {
    this.error ??= error
    if (error.cause !== undefined || error.code === 'INTERNAL') this.#host.tell(error, this.traceId)
    this.answer(toFailure(error, this.#host.settings.gateway.compat, this.traceId))
  }

  answer({ status, headers, body }: OwnAnswer): void {
    const { exchange } = this
    if (exchange.headSent || exchange.closed) {
      exchange.destroy()
      return
    }
    if (exchange.upgrade !== undefined || this.#hasLargeBody()) exchange.closeAfter()
    let fields = toFieldLines(headers) + this.answerFields + this.requestIdLine + this.timingLine()
    fields += dateLine(this.#host.clock.wallMs())
    const length = Buffer.byteLength(body)
    const bodiless = status === 204 || exchange.method === 'HEAD'
    if (bodiless && status !== 204) fields += `content-length: ${length}\r\n`
    exchange.head(status, STATUS_CODES[status] ?? '', fields, bodiless ? 'none' : length)
    this.begun(status, bodiless ? 0 : length)
    if (!bodiless && length > 0) exchange.write(Buffer.from(body))
    exchange.end()
    // A client that does not take its answer would hold it in memory for ever.
    if (!exchange.closed) this.watch()
  }

  data(chunk: Buffer): boolean {
    return this.#serving === undefined || this.#serving.data(chunk)
  }

  bodyEnd(): void {
    this.#serving?.bodyEnd()
  }

  refused(status: number): void {
    this.status = status
    this.#refused = true
  }

  drain(): void {
    this.moved = true
    this.#serving?.drain()
  }

  closed(answered: boolean): void {
    this.#host.watch.remove(this)
    this.#serving?.closed(answered)
    if (!this.#told) this.#tell(answered || this.#refused, this.#host.clock.now())
    this.becomeSession()
  }

  idle(): void {
    if (this.#serving) this.#serving.idle(this.exchange.needsDrain)
    else this.exchange.destroy()
  }

  /** Whether reading the rest of a refused request away could take long. */
  #hasLargeBody(): boolean {
    const { exchange } = this
    if (exchange.bodyComplete) return false
    return (
      exchange.contentLength === undefined ||
      exchange.contentLength > READ_AWAY_BYTES ||
      exchange.fields.get('expect') !== undefined
    )
  }
}
