/** One call at the node that serves it: what its handlers see, and how it ends. Signal, timer and trace cost only when used. */
import type { IncomingHttpHeaders } from 'node:http'
import { type Clock, MAX_TIMER_MS, type Timer } from '../core/clock.ts'
import type { CallContext, TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import { receiveTrace } from '../telemetry/trace-context.ts'
import type { AmbientContext } from './context.ts'
import type { InternalHeaders } from './internal-headers.ts'

export class InboundCall implements CallContext, AmbientContext {
  readonly caller: string | undefined
  readonly identity: unknown
  readonly attempt: number
  /** An event stream: it is counted apart, since it ends when somebody goes and not when work is done. */
  session = false
  readonly #clock: Clock
  #deadlineAtMs: number
  readonly #headers: IncomingHttpHeaders
  #trace: TraceContext | undefined
  #controller: AbortController | undefined
  #timer: Timer | undefined
  #aborted: GomsError | undefined
  #ended = false

  constructor(headers: IncomingHttpHeaders, internal: InternalHeaders, clock: Clock) {
    this.caller = internal.caller
    this.identity = internal.identity
    this.attempt = internal.attempt
    this.#clock = clock
    this.#headers = headers
    this.#deadlineAtMs =
      internal.deadlineMs === undefined ? Number.POSITIVE_INFINITY : clock.now() + internal.deadlineMs
  }

  /** This node's own span: a child of what the caller sent, or the start of a trace. */
  get trace(): TraceContext {
    if (this.#trace === undefined) {
      this.#trace = receiveTrace((name) => {
        const value = this.#headers[name]
        return Array.isArray(value) ? value[0] : value
      })
    }
    return this.#trace
  }

  get traceId(): string {
    return this.trace.traceId
  }

  leftMs(): number {
    return this.#deadlineAtMs - this.#clock.now()
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted)
      else if (!this.#ended && this.leftMs() <= MAX_TIMER_MS) {
        this.#timer = this.#clock.after(Math.max(0, this.leftMs()), () => {
          this.abort(new GomsError('DEADLINE_EXCEEDED', 'call: the deadline of the caller is over'))
        })
      }
    }
    return this.#controller.signal
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
    this.#deadlineAtMs = Number.POSITIVE_INFINITY
  }

  /** The answer is out, or the connection gone. */
  end(): void {
    this.#ended = true
    this.#timer?.cancel()
  }
}

/** What is left of a call that has ended. */
class TraceLink implements CallContext {
  readonly trace: TraceContext
  readonly caller = undefined
  readonly identity = undefined
  readonly attempt = 1

  constructor(trace: TraceContext) {
    this.trace = trace
  }

  get traceId(): string {
    return this.trace.traceId
  }

  leftMs(): number {
    return Number.POSITIVE_INFINITY
  }

  /** Never aborted; a new one each time, so that listeners added for ever do not add up in one place. */
  get signal(): AbortSignal {
    return new AbortController().signal
  }
}
