/**
 * What the ways of a call tell of it, for metrics, traces and the access log. An observer is asked for once for each route
 * or method and told of all its calls, so that whatever is bound to that route is looked up once. Observers never throw, and
 * keep nothing that they are handed beyond the call of the method.
 */
import type { Attempt, Call, Outcome } from './call.ts'
import type { GomsError } from './errors.ts'

/** The way out: calls that this process makes, through the gateway or by clients. Times are the clock's `now()`. */
export interface OutboundObserver {
  /** An attempt came to its head, or to nothing. Its end is not told. */
  attempt(call: Call, attempt: Attempt, outcome: Outcome, startedMs: number, nowMs: number): void
  /**
   * The call is over: answered (`status`, and whatever the carrier makes of it), or failed with `error`.
   * @param attempts how many there were; 0: refused before any
   */
  call(
    call: Call,
    attempts: number,
    status: number,
    error: GomsError | undefined,
    startedMs: number,
    nowMs: number,
  ): void
}

export type ObserveOutbound = (service: string, action: string) => OutboundObserver | undefined

/** A call as the node that serves it sees it. */
export interface Served {
  readonly transport: 'http' | 'rpc'
  /** Name of the method, or `<METHOD> <path>` of a request. */
  readonly name: string
  readonly caller: string | undefined
  readonly attempt: number
  /** HTTP status of the answer, or that of the code. */
  readonly status: number
  /** What it failed with; undefined for answers of the application, whatever their status. */
  readonly error: GomsError | undefined
  readonly startedMs: number
  readonly endedMs: number
}
