/**
 * One request at the gateway, from its head to the end of its exchange: what admission finds out of it, who serves it, and
 * what the gateway answers itself.
 */
import { STATUS_CODES } from 'node:http'
import type { Attempt } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { TraceContext, TraceWords } from '../core/context.ts'
import type { GomsError } from '../core/errors.ts'
import type { GatewayRequest, RequestObserver } from '../core/observe.ts'
import type { Settings } from '../core/options.ts'
import { type AddressMatcher, plainAddress } from '../http/cidr.ts'
import { FIELD } from '../http/field-kinds.ts'
import { forwardedFor } from '../http/forwarded-for.ts'
import { type Origin, toFieldLines } from '../http/header-rules.ts'
import { isRequestId, REQUEST_ID } from '../http/request-id.ts'
import type { Target } from '../http/target.ts'
import { decided, type Sampler } from '../telemetry/sampler.ts'
import { newTraceWords, receiveTrace, rootOf } from '../telemetry/trace-context.ts'
import type { ExchangeEvents, HttpExchange } from '../transport/http-exchange.ts'
import { dateLine } from './date-line.ts'
import { toFailure } from './failures.ts'
import type { IdleWatch, Watched } from './idle-watch.ts'
import { idIn, newRequestIdLine, requestIdLine } from './request-id-line.ts'
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
const nobody: AddressMatcher = () => false
const NOWHERE: Target = { path: '', query: '', authority: undefined }

export class InboundRequest implements ExchangeEvents, Origin, Watched, GatewayRequest {
  readonly exchange: HttpExchange
  readonly settings: Settings
  readonly #host: InboundHost
  #serving: Serving | undefined
  #inside = true
  target: Target = NOWHERE
  /** Set once one was found. */
  route: Route | undefined
  identity: unknown
  /** Lines that the answer gets besides its own. */
  answerFields = ''
  trusted = false
  /** Whose word is believed; set where `trusted` is. */
  proxies: AddressMatcher = nobody
  status = 0
  sentBytes = 0
  /** When its last attempt began; only where answers tell their times. */
  sentMs = 0
  node: string | undefined
  attempts = 0
  /** Lines for the node, and for the client; empty where requests get no id. */
  requestIdLine = ''
  error: GomsError | undefined
  readonly startedMs: number
  headMs: number | undefined
  answerBytes: number | undefined
  session = false
  broken = false
  #told: boolean
  #hostName: string | undefined
  #traceWords: TraceWords | undefined
  #trace: TraceContext | undefined
  moved = false
  stillLooks = 0
  watchIndex = -1

  constructor(host: InboundHost, exchange: HttpExchange) {
    this.#host = host
    this.settings = host.settings
    this.exchange = exchange
    this.#told = !host.observing
    this.startedMs = host.observing || host.settings.gateway.serverTiming ? host.clock.now() : 0
  }

  get method(): string {
    return this.exchange.method
  }

  get version(): string {
    return this.exchange.version
  }

  get path(): string {
    const { target } = this.exchange
    const mark = target.indexOf('?')
    return this.target === NOWHERE ? (mark < 0 ? target : target.slice(0, mark)) : this.target.path
  }

  get query(): string {
    return this.target.query
  }

  get bodyBytes(): number | undefined {
    return this.exchange.contentLength
  }

  header(lowerCaseName: string): string | undefined {
    return this.exchange.fields.get(lowerCaseName)
  }

  *headers(): Iterable<readonly [string, string]> {
    const { fields } = this.exchange
    for (let i = 0; i < fields.count; i++) yield [fields.name(i), fields.value(i)]
  }

  body(): Buffer | undefined {
    return this.#serving?.held?.()
  }

  /** Traces are recorded here. */
  get traced(): boolean {
    return this.#host.sampler !== undefined
  }

  get sampled(): boolean | undefined {
    if (this.#traceWords !== undefined) return this.traced ? this.#traceWords.sampled : undefined
    return this.#trace?.sampled
  }

  get address(): string {
    return plainAddress(this.exchange.peer.address)
  }

  get proto(): 'http' | 'https' {
    return this.exchange.peer.encrypted ? 'https' : 'http'
  }

  get host(): string {
    this.#hostName ??= this.target.authority ?? this.exchange.fields.get('host') ?? ''
    return this.#hostName
  }

  /** Whether that is what `host` gives; without making a text of it. */
  isHost(name: string): boolean {
    return this.target.authority === undefined
      ? this.exchange.fields.isOfKind(FIELD.host, name)
      : this.target.authority === name
  }

  get port(): number {
    return this.exchange.peer.localPort
  }

  /** Reads where in a trace the client is, or begins a new one. What it wants to be recorded is its proxy's word only. */
  receiveTrace(service: string, action: string): void {
    const { fields } = this.exchange
    const { sampler } = this.#host
    if (!fields.has(FIELD.trace)) this.#traceWords = newTraceWords(sampler, service, action)
    else {
      const trace = receiveTrace((name) => fields.get(name))
      this.#trace = decided(trace, sampler, this.trusted, service, action)
    }
    if (this.settings.gateway.requestId) this.#nameIt()
  }

  /** For an answer whose head goes out now, if a node was asked: https://www.w3.org/TR/server-timing/. */
  timingLine(): string {
    if (!this.settings.gateway.serverTiming || this.sentMs === 0) return ''
    const nodeMs = this.#host.clock.now() - this.sentMs
    const gatewayMs = this.sentMs - this.startedMs
    return `server-timing: node;dur=${nodeMs.toFixed(2)}, gateway;dur=${gatewayMs.toFixed(2)}\r\n`
  }

  #nameIt(): void {
    const { fields } = this.exchange
    const words = this.#traceWords
    this.requestIdLine =
      words === undefined || fields.has(FIELD.requestId)
        ? requestIdLine(fields.get(REQUEST_ID), () => this.trace.traceId)
        : newRequestIdLine(words)
  }

  /** It is sent to a node. */
  attempted({ node, number }: Attempt): void {
    this.node = node.name
    this.attempts = number
    if (this.settings.gateway.serverTiming) this.sentMs = this.#host.clock.now()
  }

  get requestId(): string | undefined {
    return this.requestIdLine === '' ? undefined : idIn(this.requestIdLine)
  }

  /** What the client calls it. */
  get givenId(): string | undefined {
    const { fields } = this.exchange
    if (!this.settings.gateway.requestId || !fields.has(FIELD.requestId)) return undefined
    const given = fields.get(REQUEST_ID)
    return given !== undefined && isRequestId(given) ? given : undefined
  }

  get client(): string {
    if (!this.trusted) return this.address
    return forwardedFor(this.exchange.fields.get('x-forwarded-for'), this.address, this.proxies)
  }

  /** The trace as numbers, where it begins here. */
  get traceWords(): TraceWords | undefined {
    return this.#traceWords
  }

  get trace(): TraceContext {
    this.#trace ??= rootOf(this.#traceWords ?? newTraceWords(), this.traced)
    return this.#trace
  }

  /** Undefined before it was received. */
  get traceId(): string | undefined {
    return this.#trace || this.#traceWords ? this.trace.traceId : undefined
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

  drain(): void {
    this.moved = true
    this.#serving?.drain()
  }

  closed(answered: boolean): void {
    this.#host.watch.remove(this)
    this.#serving?.closed(answered)
    if (!this.#told) this.#tell(answered, this.#host.clock.now())
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
