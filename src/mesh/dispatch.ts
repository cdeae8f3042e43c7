/** One call on its way: pick, attempt, outcome, and again where that is safe. The order of things is told in `stack.ts`. */
import type { Balancer } from '../balance/balancer.ts'
import type { Attempt, Call, Carrier, Dispatched, Ending, Outcome } from '../core/call.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError, isCallCode } from '../core/errors.ts'
import { mayRetry, waitBeforeMs } from '../resilience/retry.ts'
import type { RetryBudget } from '../resilience/retry-budget.ts'
import type { Endpoint, RouteLatency, RouteState, Waiting } from './endpoint.ts'
import { pick } from './pick.ts'

/** What calls to one service share. */
export interface Target {
  endpoints(): readonly Endpoint[]
  readonly balancer: Balancer
  readonly budget: RetryBudget
  latency(action: string): RouteLatency
  /** A node answered a call. */
  finished(): void
}

export interface DispatchDeps {
  readonly clock: Clock
  readonly random: () => number
}

export class CallRun implements Dispatched {
  readonly #call: Call
  readonly #carrier: Carrier
  readonly #target: Target
  readonly #deps: DispatchDeps
  readonly #tried: Endpoint[] = []
  #current: AttemptRun | undefined
  #deadline: Timer | undefined
  #wait: Timer | undefined
  #attempts = 0
  #last: Outcome | undefined
  #over = false

  constructor(call: Call, carrier: Carrier, target: Target, deps: DispatchDeps) {
    this.#call = call
    this.#carrier = carrier
    this.#target = target
    this.#deps = deps
  }

  start(): void {
    this.#watchDeadline()
    if (!this.#over) this.#next()
  }

  cancel(): void {
    this.#current?.breakOff('cancelled')
    this.#finish()
  }

  #watchDeadline(): void {
    const leftMs = this.#call.deadline.leftMs()
    if (leftMs === Number.POSITIVE_INFINITY) return
    // Looked at again when it strikes: an upload that made progress meanwhile has moved it.
    if (leftMs <= 0) return this.#expired()
    this.#deadline = this.#deps.clock.after(Math.ceil(leftMs), () => this.#watchDeadline())
  }

  #expired(): void {
    if (this.#over) return
    this.#current?.breakOff('timeout')
    const { service, action, policy } = this.#call
    const message = `${service}/${action}: no answer within ${policy.timeoutMs} ms (${this.#attempts} attempts)`
    this.#fail(new GomsError('DEADLINE_EXCEEDED', message))
  }

  #next(): void {
    let endpoint: Endpoint
    try {
      endpoint = pick(
        this.#call,
        {
          all: this.#target.endpoints(),
          balancer: this.#target.balancer,
          tried: this.#tried,
          first: this.#attempts === 0,
        },
        this.#deps.clock,
      )
    } catch (thrown) {
      // What an earlier attempt met says more than that there is nobody left to ask.
      return this.#fail(this.#last ? this.#errorOf(this.#last) : GomsError.from(thrown))
    }
    this.#attempts++
    if (this.#attempts === 1) this.#target.budget.deposit()
    this.#tried.push(endpoint)
    const run = new AttemptRun(this.#call, endpoint, this.#target.latency(this.#call.action), this.#deps.clock, {
      number: this.#attempts,
      forMs: this.#share(),
      decide: (outcome) => this.#decide(outcome),
    })
    this.#current = run
    run.start(this.#carrier)
  }

  /** Half of what is left where the call may be repeated afterwards, else all of it. */
  #share(): number {
    const leftMs = this.#call.deadline.leftMs()
    const again = this.#attempts <= this.#call.policy.retries && this.#call.idempotent && this.#carrier.repeatable()
    return again && leftMs !== Number.POSITIVE_INFINITY ? leftMs / 2 : leftMs
  }

  /** True: the carrier relays this answer. */
  #decide(outcome: Outcome): boolean {
    if (this.#over) return false
    this.#last = outcome
    if (outcome.stage === 'cancelled') {
      this.#finish()
      return false
    }
    if (outcome.stage !== 'answered' && this.#again(outcome)) return false
    if (outcome.stage === 'answered' || outcome.stage === 'busy') {
      this.#target.finished()
      this.#finish()
      return true
    }
    this.#fail(this.#errorOf(outcome))
    return false
  }

  #again(outcome: Outcome): boolean {
    const { policy } = this.#call
    const verdict = mayRetry({
      outcome,
      idempotent: this.#call.idempotent,
      policy,
      attempts: this.#attempts,
      repeatable: this.#carrier.repeatable(),
      hopAttempt: this.#call.hopAttempt,
    })
    if (!verdict.retry) return false
    const waitMs = waitBeforeMs(policy, this.#attempts, this.#deps.random)
    if (waitMs >= this.#call.deadline.leftMs()) return false
    if (verdict.paid && !this.#target.budget.withdraw()) return false
    if (waitMs <= 0) {
      // Not from within the carrier's own report: it must be done with the old attempt first.
      queueMicrotask(() => this.#over || this.#next())
    } else {
      this.#wait = this.#deps.clock.after(waitMs, () => this.#next())
    }
    return true
  }

  #errorOf(outcome: Outcome): GomsError {
    const where = `${this.#call.service}/${this.#call.action}`
    const node = this.#tried.at(-1)?.node.name ?? 'no node'
    const tries = `attempt ${this.#attempts} on ${node}`
    const options = outcome.cause === undefined ? {} : { cause: outcome.cause }
    switch (outcome.stage) {
      case 'unsent':
        return new GomsError('UNAVAILABLE', `${where}: the node cannot be reached (${tries})`, options)
      case 'refused':
        return refusedError(where, tries, outcome)
      case 'timeout':
        return new GomsError('DEADLINE_EXCEEDED', `${where}: the node did not answer in time (${tries})`, options)
      default:
        return new GomsError('BAD_GATEWAY', `${where}: the node ended the connection without an answer (${tries})`, options)
    }
  }

  #fail(error: GomsError): void {
    if (this.#over) return
    this.#finish()
    this.#carrier.fail(error)
  }

  #finish(): void {
    this.#over = true
    this.#deadline?.cancel()
    this.#wait?.cancel()
  }
}

function refusedError(where: string, tries: string, outcome: Outcome): GomsError {
  const code = outcome.refusal?.toUpperCase() ?? ''
  return new GomsError(isCallCode(code) ? code : 'UNAVAILABLE', `${where}: the node refused: ${outcome.refusal} (${tries})`, {
    status: 503,
    ...(outcome.retryAfterMs === undefined ? {} : { retryAfterMs: outcome.retryAfterMs }),
  })
}

interface AttemptPlan {
  readonly number: number
  readonly forMs: number
  decide(outcome: Outcome): boolean
}

/** One attempt: takes the permits, keeps its own time, and tells the endpoint how it went, in two steps. */
class AttemptRun implements Attempt, Waiting {
  readonly number: number
  readonly startedMs: number
  readonly latency: RouteLatency
  readonly #call: Call
  readonly #endpoint: Endpoint
  readonly #route: RouteState
  readonly #clock: Clock
  readonly #plan: AttemptPlan
  readonly #untilMs: number
  #abort: ((why: 'timeout' | 'cancelled') => void) | undefined
  #timer: Timer | undefined
  #broken: 'timeout' | 'cancelled' | undefined
  #session = false
  #headed = false
  #ended = false

  constructor(call: Call, endpoint: Endpoint, latency: RouteLatency, clock: Clock, plan: AttemptPlan) {
    this.#call = call
    this.#endpoint = endpoint
    this.#route = endpoint.route(call.action, call.policy)
    this.#clock = clock
    this.#plan = plan
    this.number = plan.number
    this.latency = latency
    this.startedMs = clock.now()
    this.#untilMs = this.startedMs + plan.forMs
  }

  get node(): Attempt['node'] {
    return this.#endpoint.node
  }

  leftMs(): number {
    return Math.min(this.#untilMs - this.#clock.now(), this.#call.deadline.leftMs())
  }

  start(carrier: Carrier): void {
    this.#route.limiter?.take(this.startedMs)
    this.#route.breaker?.take(this.startedMs)
    this.#endpoint.began(this)
    const leftMs = this.#call.deadline.leftMs()
    // The call's own deadline is watched above; only a shorter share needs a timer of its own.
    if (this.#plan.forMs < leftMs) this.#timer = this.#clock.after(Math.ceil(this.#plan.forMs), () => this.#timedOut())
    this.#abort = carrier.attempt(this)
    if (this.#broken) this.#abort(this.#broken)
  }

  head(outcome: Outcome): boolean {
    if (this.#headed) return false
    this.#report(outcome)
    const final = this.#plan.decide(outcome)
    const totalMs = this.#call.policy.totalTimeoutMs
    if (final && totalMs !== undefined && !this.#session) {
      const leftMs = totalMs - (this.#clock.now() - this.startedMs)
      this.#timer = this.#clock.after(Math.max(0, leftMs), () => this.#ended || this.#abort?.('timeout'))
    }
    return final
  }

  end(ending: Ending): void {
    if (!this.#headed) this.#report({ stage: 'cancelled', status: 0 })
    if (this.#ended) return
    this.#ended = true
    this.#timer?.cancel()
    this.#endpoint.ended(this.#session, ending)
    if (ending === 'broken') this.#endpoint.health[this.#call.transport].failure(this.#clock.now())
  }

  /** Ends the attempt from above; later reports of the carrier count no more. */
  breakOff(why: 'timeout' | 'cancelled'): void {
    if (this.#ended) return
    this.#broken = why
    if (!this.#headed) this.#report({ stage: why, status: 0 })
    this.#abort?.(why)
    this.end('cancelled')
  }

  #timedOut(): void {
    if (this.#headed) return
    const outcome: Outcome = { stage: 'timeout', status: 0 }
    this.#report(outcome)
    this.#abort?.('timeout')
    this.end('cancelled')
    this.#plan.decide(outcome)
  }

  /** What the outcome says of the node: to its endpoint, its health and the route's breaker. */
  #report(outcome: Outcome): void {
    this.#headed = true
    this.#timer?.cancel()
    this.#session = outcome.session === true
    const nowMs = this.#clock.now()
    this.#endpoint.head(this, outcome, nowMs - this.startedMs)
    const health = this.#endpoint.health[this.#call.transport]
    const breaker = this.#route.breaker
    const failed = outcome.stage === 'unsent' || outcome.stage === 'unanswered' || outcome.stage === 'timeout'
    if (outcome.stage === 'unsent' || outcome.refusal === 'draining' || outcome.refusal === 'wrong-node') {
      health.hardEvidence(nowMs)
    } else if (failed || outcome.status >= 500) health.failure(nowMs)
    else if (outcome.stage === 'answered') health.success(nowMs)
    else health.nothing(nowMs)
    if (failed || (outcome.stage !== 'refused' && outcome.status >= 500)) breaker?.failure(nowMs, this.startedMs)
    else if (outcome.stage === 'answered') breaker?.success(nowMs, this.startedMs)
    else breaker?.release(nowMs)
  }
}
