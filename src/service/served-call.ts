/** One call at the node that serves it, whatever carried it: what is known of it, and how it ends. Signal, timer and trace cost only when used. */
import { type Clock, MAX_TIMER_MS, type Timer } from '../core/clock.ts'
import type { CallContext, TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { LogFields } from '../core/log.ts'
import { TraceLink } from '../core/trace-link.ts'
import { isRequestId, REQUEST_ID } from '../http/request-id.ts'
import { decided, type Sampler } from '../telemetry/sampler.ts'
import { receiveTrace } from '../telemetry/trace-context.ts'
import type { AmbientContext } from './context.ts'
import type { CallerHeaders } from './internal-headers.ts'

/** What all calls of one way in have in common. */
export interface Callee {
  /** Name of the service. */
  readonly service: string
  readonly clock: Clock
  /** Traces are recorded: decides about those that nobody has decided about. @default none is */
  readonly sampler?: Sampler | undefined
  /** Somebody is told of the calls: when they began is kept. @default false */
  readonly timed?: boolean
}

export abstract class ServedCall implements CallContext, AmbientContext {
  readonly #from: CallerHeaders
  readonly #callee: Callee
  /** Counted from the arrival; undefined: none. */
  #deadlineMs: number | undefined
  /** Added up only where somebody asks, as nearly no handler does: a sum would be an object of its own. */
  readonly #arrivedAtMs: number | undefined
  #trace: TraceContext | undefined
  #controller: AbortController | undefined
  #timer: Timer | undefined
  #aborted: GomsError | undefined
  #ended = false

  /**
   * @param deadlineMs what the caller gives; undefined: no deadline
   * @param arrivedAtMs by the callee's clock. @default now
   */
  constructor(from: CallerHeaders, callee: Callee, deadlineMs: number | undefined, arrivedAtMs: number | undefined) {
    this.#from = from
    this.#callee = callee
    this.#deadlineMs = deadlineMs
    const isTimed = deadlineMs !== undefined || callee.timed === true
    this.#arrivedAtMs = isTimed ? (arrivedAtMs ?? callee.clock.now()) : undefined
  }

  get caller(): string | undefined {
    return this.#from.caller
  }

  get identity(): unknown {
    return this.#from.identity
  }

  get attempt(): number {
    return this.#from.attempt
  }

  /** By the callee's clock; of calls with a deadline, and of those that somebody is told of. */
  get startedMs(): number {
    return this.#arrivedAtMs ?? 0
  }

  get service(): string {
    return this.#callee.service
  }

  /** A header or metadata of the request, by its lower-case name. */
  protected abstract sent(lowerCaseName: string): string | undefined

  /** Somebody will look at the signal: from now on `abort` must be told of what happens. */
  protected watched(): void {}

  /** Why nobody waits any more, where that was not told to `abort` because nobody had looked yet. */
  protected gone(): GomsError | undefined {
    return undefined
  }

  /** This node's own span: a child of what the caller sent, or the start of a trace. */
  get trace(): TraceContext {
    if (this.#trace === undefined) {
      const { sampler, service } = this.#callee
      const { believed } = this.#from
      this.#trace = this.tracedHere() ?? decided(this.receivedTrace(), sampler, believed, service, this.action)
    }
    return this.#trace
  }

  /** What was drawn for it. */
  get sampled(): boolean | undefined {
    const sent = this.#trace === undefined && this.#from.believed ? this.sentDecision() : undefined
    return sent ?? this.trace.sampled
  }

  /** The decision that came along, where that is known without reading the trace. */
  protected sentDecision(): boolean | undefined {
    return undefined
  }

  /** Its name for shares of what is recorded; empty: only the service has one. */
  protected get action(): string {
    return ''
  }

  /** Another tracer in this process has begun the trace, and decided about it. */
  protected tracedHere(): TraceContext | undefined {
    return undefined
  }

  protected receivedTrace(): TraceContext {
    return receiveTrace((name) => this.sent(name))
  }

  get traceId(): string {
    return this.trace.traceId
  }

  /** What the client or a proxy before us calls the request. Nothing depends on it: it is for the log. */
  get requestId(): string | undefined {
    const sent = this.sent(REQUEST_ID)
    return sent !== undefined && isRequestId(sent) ? sent : undefined
  }

  leftMs(): number {
    if (this.#deadlineMs === undefined) return Number.POSITIVE_INFINITY
    return (this.#arrivedAtMs as number) + this.#deadlineMs - this.#callee.clock.now()
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      this.#aborted ??= this.gone()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted)
      else if (!this.#ended) this.#watch()
    }
    return this.#controller.signal
  }

  #watch(): void {
    this.watched()
    const leftMs = this.leftMs()
    if (leftMs > MAX_TIMER_MS) return
    this.#timer = this.#callee.clock.after(Math.max(0, leftMs), () => {
      this.abort(new GomsError('DEADLINE_EXCEEDED', 'call: the deadline of the caller is over'))
    })
  }

  get ended(): boolean {
    return this.#ended
  }

  get call(): CallContext {
    return this
  }

  get link(): CallContext {
    return new TraceLink(this.trace)
  }

  /** Tells handlers that nobody waits any more. Does nothing once the call has ended. */
  abort(reason: GomsError): void {
    if (this.#ended || this.#aborted !== undefined) return
    this.#aborted = reason
    this.#timer?.cancel()
    this.#controller?.abort(reason)
  }

  /** The head of the answer is out: the deadline ends there, and a long body is nobody's time-out. */
  answered(): void {
    this.#timer?.cancel()
    this.#deadlineMs = undefined
  }

  /** The answer is out, or the connection gone. */
  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }
}

/** What names a call in the log. A request id that is the trace's says nothing more. */
export function callFields({ traceId, requestId }: CallContext): LogFields {
  return requestId === undefined || requestId === traceId ? { traceId } : { traceId, requestId }
}
