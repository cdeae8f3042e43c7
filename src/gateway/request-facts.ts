/** What is known of a request from its head on: what it asks for, whom it comes from, and where in a trace it stands. */
import type { TraceContext, TraceWords } from '../core/context.ts'
import type { Settings } from '../core/options.ts'
import { type AddressMatcher, plainAddress } from '../http/cidr.ts'
import { FIELD } from '../http/field-kinds.ts'
import { forwardedFor } from '../http/forwarded-for.ts'
import type { Origin } from '../http/header-rules.ts'
import { isRequestId, REQUEST_ID } from '../http/request-id.ts'
import type { Target } from '../http/target.ts'
import { decided, type Sampler } from '../telemetry/sampler.ts'
import { newTraceWords, receiveTrace, rootOf } from '../telemetry/trace-context.ts'
import type { HttpExchange } from '../transport/http-exchange.ts'
import { idIn, newRequestIdLine, requestIdLine } from './request-id-line.ts'

const nobody: AddressMatcher = () => false
const NOWHERE: Target = { path: '', query: '', authority: undefined }

export class RequestFacts implements Origin {
  readonly exchange: HttpExchange
  readonly settings: Settings
  target: Target = NOWHERE
  trusted = false
  /** Whose word is believed; set where `trusted` is. */
  proxies: AddressMatcher = nobody
  /** Lines for the node, and for the client; empty where requests get no id. */
  requestIdLine = ''
  readonly #sampler: Sampler | undefined
  #hostName: string | undefined
  #traceWords: TraceWords | undefined
  #trace: TraceContext | undefined

  /** @param sampler decides about traces that begin here, or that nobody who is believed has decided about; undefined: none is recorded */
  constructor(exchange: HttpExchange, settings: Settings, sampler: Sampler | undefined) {
    this.exchange = exchange
    this.settings = settings
    this.#sampler = sampler
  }

  get method(): string {
    return this.exchange.method
  }

  get version(): string {
    return this.exchange.version
  }

  get path(): string {
    if (this.target !== NOWHERE) return this.target.path
    const { target } = this.exchange
    const mark = target.indexOf('?')
    return mark < 0 ? target : target.slice(0, mark)
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

  /** Traces are recorded here. */
  get traced(): boolean {
    return this.#sampler !== undefined
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
    const sampler = this.#sampler
    if (!fields.has(FIELD.trace)) this.#traceWords = newTraceWords(sampler, service, action)
    else {
      const trace = receiveTrace((name) => fields.get(name))
      this.#trace = decided(trace, sampler, this.trusted, service, action)
    }
    if (this.settings.gateway.requestId) this.#nameIt()
  }

  #nameIt(): void {
    const { fields } = this.exchange
    const words = this.#traceWords
    this.requestIdLine =
      words === undefined || fields.has(FIELD.requestId)
        ? requestIdLine(fields.get(REQUEST_ID), () => this.trace.traceId)
        : newRequestIdLine(words)
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
}
