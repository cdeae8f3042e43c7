/** A call of a route whose limit the project shares: it waits for the word of whoever counts. No other call comes here. */
import { CANCELLED, type Call, type Carrier, type Dispatched, type Dispatcher, type Outcome } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { type Deadlines, type Due, NO_PLACE } from '../core/deadline-sweep.ts'
import { GomsError } from '../core/errors.ts'
import type { SharedRate } from '../core/options.ts'
import type { Asking, SharedLimits } from '../resilience/shared-limits.ts'
import type { AwakeClock } from './awake-clock.ts'
import type { Target } from './dispatch.ts'

export interface LimitedDeps {
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** A stall of this process is no lateness of whoever counts. */
  readonly awake: AwakeClock
  readonly sharedLimits: SharedLimits
  target(service: string): Target
  /** What follows where the call may go on. */
  readonly next: Dispatcher
}

/** What a limit that could not be asked for says to come back after: it is asked for again by then. */
const AGAIN_MS = 1000

export class LimitedCall implements Dispatched, Asking, Due {
  place: number = NO_PLACE
  readonly #call: Call
  readonly #carrier: Carrier
  readonly #limit: SharedRate
  readonly #deps: LimitedDeps
  readonly #startedMs: number
  readonly #startedAwakeMs: number
  #waitMs = 0
  /** It was told, or its caller has gone. */
  #over = false
  #under: Dispatched | undefined

  constructor(call: Call, carrier: Carrier, limit: SharedRate, deps: LimitedDeps, nowMs: number = deps.clock.now()) {
    this.#call = call
    this.#carrier = carrier
    this.#limit = limit
    this.#deps = deps
    this.#startedMs = nowMs
    this.#startedAwakeMs = deps.awake.now(nowMs)
  }

  start(): void {
    const { sharedLimits, deadlines } = this.#deps
    const { service, action, deadline } = this.#call
    this.#waitMs = sharedLimits.ask(service, action, this.#limit, this)
    if (this.#waitMs === 0) {
      this.#missed(false)
      return
    }
    const leftMs = Math.max(0, deadline.leftMs(this.#startedMs))
    deadlines.add(this, Math.min(this.#waitMs, leftMs), this.#startedMs)
  }

  answered(retryAfterMs: number): void {
    if (!this.#end()) return
    if (retryAfterMs === 0) this.#goOn()
    else this.#refuse(usedUp(this.#call, this.#limit, retryAfterMs))
  }

  failed(): void {
    if (!this.#over) this.#missed(false)
  }

  due(): void {
    const { clock, awake, deadlines } = this.#deps
    const nowMs = clock.now()
    const waitedMs = awake.now(nowMs) - this.#startedAwakeMs
    // What follows says that the time of the call is over.
    if (this.#call.deadline.leftMs(nowMs) <= 0) this.#leave()
    else if (waitedMs < this.#waitMs) deadlines.add(this, this.#waitMs - waitedMs, nowMs)
    else this.#missed(true)
  }

  cancel(): void {
    if (this.#end()) this.#tell(CANCELLED, undefined)
    else this.#under?.cancel()
  }

  #missed(late: boolean): void {
    const { service, action } = this.#call
    this.#deps.sharedLimits.missed(service, action, this.#limit, late)
    if (this.#limit.onError === 'open') this.#leave()
    else if (this.#end()) this.#refuse(unknown(this.#call))
  }

  #leave(): void {
    if (this.#end()) this.#goOn()
  }

  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#deps.deadlines.remove(this)
    return true
  }

  #goOn(): void {
    this.#under = this.#deps.next.dispatch(this.#call, this.#carrier)
  }

  #refuse(error: GomsError): void {
    this.#tell(undefined, error)
    this.#carrier.fail(error)
  }

  #tell(outcome: Outcome | undefined, error: GomsError | undefined): void {
    const { target, clock } = this.#deps
    const { observer } = target(this.#call.service).track(this.#call.action)
    observer?.call(this.#call, 0, outcome, error, this.#startedMs, clock.now())
  }
}

function usedUp({ service, action }: Call, { calls, perMs }: SharedRate, retryAfterMs: number): GomsError {
  const message = `${service}/${action}: the project's limit of ${calls} calls in ${perMs} ms is used up`
  return new GomsError('RESOURCE_EXHAUSTED', message, { retryAfterMs, data: { reason: 'limiter' } })
}

/** No fault of the caller's: it may have done nothing yet. */
function unknown({ service, action }: Call): GomsError {
  const message = `${service}/${action}: the project's limit cannot be asked for now, and the route is closed then`
  return new GomsError('UNAVAILABLE', message, { retryAfterMs: AGAIN_MS, data: { reason: 'limiter' } })
}
