/** One call on its way: pick, attempt, outcome, and again where that is safe. The order of things is told in `stack.ts`. */
import type { Balancer } from '../balance/balancer.ts'
import { CANCELLED, type Call, type Carrier, type Dispatched, type Outcome } from '../core/call.ts'
import { type Clock, MAX_TIMER_MS, type Timer } from '../core/clock.ts'
import { type Deadlines, type Due, NO_PLACE } from '../core/deadline-sweep.ts'
import { GomsError, isCallCode } from '../core/errors.ts'
import { isOwnLimit } from '../resilience/outcome.ts'
import { mayRetry, waitBeforeMs } from '../resilience/retry.ts'
import type { RetryBudget } from '../resilience/retry-budget.ts'
import { AttemptRun } from './attempt.ts'
import type { AwakeClock } from './awake-clock.ts'
import type { ActionTrack, Endpoint } from './endpoint.ts'
import { passedOver, pick } from './pick.ts'

/** What the calls to one service share. */
export interface Target {
  endpoints(): readonly Endpoint[]
  readonly balancer: Balancer
  readonly budget: RetryBudget
  track(action: string): ActionTrack
  /** A call goes to its first node. */
  began(nowMs: number): void
  /** A node answered a call. */
  finished(): void
}

export interface DispatchDeps {
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** What "overdue" is measured by. */
  readonly awake: AwakeClock
  readonly random: () => number
}

const NONE: readonly Endpoint[] = []

/** A call is its own first attempt: nearly every call has no other, and thousands may wait at a time. */
export class CallRun extends AttemptRun implements Dispatched, Due {
  place: number = NO_PLACE
  readonly #carrier: Carrier
  readonly #target: Target
  declare protected readonly deps: DispatchDeps
  #current: AttemptRun | undefined
  /** Endpoints of all attempts, from the second on. */
  #tried: Endpoint[] | undefined
  #wait: Timer | undefined
  #last: Outcome | undefined
  #refused = 0
  #over = false

  constructor(call: Call, carrier: Carrier, target: Target, deps: DispatchDeps) {
    super(call, deps)
    this.#carrier = carrier
    this.#target = target
  }

  start(nowMs: number = this.deps.clock.now()): void {
    this.#watchDeadline(nowMs)
    this.#next(nowMs)
  }

  cancel(): void {
    const nowMs = this.deps.clock.now()
    const wasOver = this.#over
    this.#finish()
    this.#current?.breakOff('cancelled', nowMs)
    if (!wasOver) this.#tell(CANCELLED, undefined, nowMs)
  }

  /** Looked at again when it strikes: an upload that made progress meanwhile has moved it. */
  due(): void {
    this.#watchDeadline(this.deps.clock.now())
  }

  #watchDeadline(nowMs: number): void {
    const leftMs = this.call.deadline.leftMs(nowMs)
    if (leftMs <= 0) {
      this.#expired(nowMs)
      return
    }
    if (leftMs === Number.POSITIVE_INFINITY) return
    this.deps.deadlines.add(this, Math.min(Math.ceil(leftMs), MAX_TIMER_MS), nowMs)
  }

  #expired(nowMs: number): void {
    if (this.#over) return
    const { service, action, policy } = this.call
    const message = `${service}/${action}: no answer within ${policy.timeoutMs} ms (attempts: ${this.#attempts})`
    this.#finish()
    this.#current?.breakOff('timeout', nowMs)
    this.#failWith(new GomsError('DEADLINE_EXCEEDED', message), nowMs)
  }

  /** Attempts so far. */
  get #attempts(): number {
    return this.#current?.number ?? 0
  }

  #next(nowMs: number): void {
    if (this.#over) return
    const awakeMs = this.deps.awake.now(nowMs)
    const target = this.#target
    const track = target.track(this.call.action)
    const isFirst = this.#current === undefined
    let endpoint: Endpoint
    try {
      if (!isFirst) this.#tried ??= [this.endpoint]
      endpoint = pick(this.call, target.endpoints(), target.balancer, this.#tried ?? NONE, nowMs, awakeMs)
    } catch (thrown) {
      // What an earlier attempt met says more than that there is nobody left to ask.
      if (isFirst) this.#refusedAt(track, nowMs)
      this.#fail(this.#last ? this.#errorOf(this.#last) : GomsError.from(thrown), nowMs)
      return
    }
    const number = this.#attempts + 1
    if (isFirst) {
      target.began(nowMs)
      target.budget.deposit(nowMs)
      this.#current = this
    } else {
      this.#tried?.push(endpoint)
      this.#current = new FurtherAttempt(this, this.call, this.deps)
    }
    const current = this.#current
    if (track.observer !== undefined) current.passedOver = passedOver(this.call, target.endpoints(), nowMs)
    try {
      current.begin(this.#carrier, endpoint, track, number, this.#shareMs(number, nowMs), nowMs, awakeMs)
    } catch (thrown) {
      this.#fail(GomsError.from(thrown), nowMs)
    }
  }

  /** Half of what is left where the call may be repeated afterwards; undefined: all of it. */
  #shareMs(number: number, nowMs: number): number | undefined {
    const { policy, idempotent, hopAttempt, deadline } = this.call
    if (number > policy.retries || hopAttempt > 1) return undefined
    if (!idempotent && policy.retryRule !== 'loose') return undefined
    const leftMs = deadline.leftMs(nowMs)
    return leftMs !== Number.POSITIVE_INFINITY && this.#carrier.repeatable() ? leftMs / 2 : undefined
  }

  decide(outcome: Outcome, nowMs: number): boolean {
    if (this.#over) return false
    if (outcome.stage === 'cancelled') {
      this.#finish()
      this.#tell(outcome, undefined, nowMs)
      return false
    }
    // Nearly every answer is one: nothing is weighed for it.
    const isFinal = outcome.stage === 'answered' && outcome.status < 500
    if (!isFinal && this.#again(outcome)) return false
    if (outcome.stage === 'answered' || outcome.stage === 'busy') {
      this.#finish()
      this.#target.finished()
      this.#tell(outcome, undefined, nowMs)
      return true
    }
    this.#fail(this.#errorOf(outcome), nowMs)
    return false
  }

  /** Whether another attempt follows; it is under way then. */
  #again(outcome: Outcome): boolean {
    const leftMs = this.call.deadline.leftMs()
    const { policy, idempotent, hopAttempt } = this.call
    const answer = mayRetry({
      outcome,
      policy,
      idempotent,
      repeatable: this.#carrier.repeatable(),
      attempts: this.#attempts,
      refusedBefore: this.#refused,
      hopAttempt,
      leftMs,
    })
    if (outcome.stage === 'refused') this.#refused++
    if (!answer.retry) return false
    // A refusal's Retry-After is about that node; the next attempt goes to another one.
    const retryAfterMs = outcome.stage === 'busy' ? outcome.retryAfterMs : undefined
    const waitMs = waitBeforeMs(policy, this.#attempts, this.deps.random, retryAfterMs)
    if (waitMs >= leftMs) return false
    if (answer.paid && !this.#target.budget.withdraw()) return false
    this.#last = outcome
    // Never from within the report itself: the carrier must be done with this attempt first.
    if (waitMs <= 0) queueMicrotask(() => this.#next(this.deps.clock.now()))
    else this.#wait = this.deps.clock.after(waitMs, () => this.#next(this.deps.clock.now()))
    return true
  }

  #errorOf(outcome: Outcome): GomsError {
    const where = `${this.call.service}/${this.call.action}`
    const attempt = `attempt ${this.#attempts} on ${this.#current?.node.name}`
    const options = outcome.cause === undefined ? {} : { cause: outcome.cause }
    switch (outcome.stage) {
      case 'unsent':
        return isOwnLimit(outcome.cause)
          ? overloaded(`${where}: ${outcome.cause.message} (${attempt})`, outcome.cause)
          : new GomsError('UNAVAILABLE', `${where}: the node cannot be reached (${attempt})`, options)
      case 'refused':
        return refused(`${where}: the node refused the call as ${outcome.refusal} (${attempt})`, outcome)
      case 'timeout':
        return new GomsError('DEADLINE_EXCEEDED', `${where}: the node did not answer in time (${attempt})`, options)
      case 'busy':
      case 'answered':
        return new GomsError(
          'UNAVAILABLE',
          `${where}: the node answered ${outcome.status} (${attempt}), and no other is left`,
          options,
        )
      default:
        return new GomsError('BAD_GATEWAY', `${where}: the node broke off before its answer (${attempt})`, options)
    }
  }

  #fail(error: GomsError, nowMs: number): void {
    if (this.#over) return
    this.#finish()
    this.#failWith(error, nowMs)
  }

  #failWith(error: GomsError, nowMs: number): void {
    this.#tell(undefined, error, nowMs)
    this.#carrier.fail(error)
  }

  /** No node may have it: it began and ended now. */
  #refusedAt(track: ActionTrack, nowMs: number): void {
    this.track = track
    this.startedMs = nowMs
  }

  #tell(outcome: Outcome | undefined, error: GomsError | undefined, nowMs: number): void {
    this.track?.observer?.call(this.call, this.#attempts, outcome, error, this.startedMs, nowMs)
  }

  #finish(): void {
    this.#over = true
    this.deps.deadlines.remove(this)
    this.#wait?.cancel()
  }
}

class FurtherAttempt extends AttemptRun {
  readonly #run: CallRun

  constructor(run: CallRun, call: Call, deps: DispatchDeps) {
    super(call, deps)
    this.#run = run
  }

  decide(outcome: Outcome, nowMs: number): boolean {
    return this.#run.decide(outcome, nowMs)
  }
}

/** Whoever asks is to come back, not to look for another cluster. */
function overloaded(message: string, cause: GomsError): GomsError {
  const { retryAfterMs } = cause
  return new GomsError('OVERLOADED', message, retryAfterMs === undefined ? { cause } : { cause, retryAfterMs })
}

function refused(message: string, outcome: Outcome): GomsError {
  const code = outcome.refusal?.toUpperCase() ?? ''
  const { retryAfterMs } = outcome
  const options = retryAfterMs === undefined ? { status: 503 } : { status: 503, retryAfterMs }
  return new GomsError(isCallCode(code) ? code : 'UNAVAILABLE', message, options)
}
