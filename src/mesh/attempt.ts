/** One attempt: takes the permits, keeps its own time, and tells the endpoint how it went, in two steps. */
import type { Attempt, Call, Carrier, Ending, Outcome } from '../core/call.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { NodeInfo } from '../core/node.ts'
import type { Breaker } from '../resilience/breaker.ts'
import type { Health } from '../resilience/ejection.ts'
import { isHardEvidence, type Verdict, verdict } from '../resilience/outcome.ts'
import type { Slot } from '../resilience/overdue.ts'
import { NO_PERMIT, type Permit } from '../resilience/permit.ts'
import type { AwakeClock } from './awake-clock.ts'
import type { Endpoint, MovingAverage } from './endpoint.ts'

export interface AttemptPlan {
  readonly number: number
  /** This attempt's share of what is left of the call. */
  readonly forMs: number
  /** The route's time to the head, over all nodes. */
  readonly latency: MovingAverage
  /** Decides what follows; true: the carrier relays this answer. */
  decide(outcome: Outcome): boolean
}

export class AttemptRun implements Attempt {
  readonly number: number
  readonly #call: Call
  readonly #endpoint: Endpoint
  readonly #health: Health
  readonly #breaker: Breaker | undefined
  readonly #clock: Clock
  readonly #awake: AwakeClock
  readonly #plan: AttemptPlan
  readonly #startedMs: number
  readonly #healthPermit: Permit
  readonly #breakerPermit: Permit
  #slot: Slot
  #abort: ((why: 'timeout' | 'cancelled') => void) | undefined
  #timer: Timer | undefined
  #broken: 'timeout' | 'cancelled' | undefined
  #verdict: Verdict | undefined
  #session = false
  #ended = false

  constructor(call: Call, endpoint: Endpoint, clock: Clock, awake: AwakeClock, plan: AttemptPlan) {
    this.number = plan.number
    this.#call = call
    this.#endpoint = endpoint
    this.#clock = clock
    this.#awake = awake
    this.#plan = plan
    const nowMs = clock.now()
    this.#startedMs = nowMs
    const { limiter, breaker } = endpoint.guard(call.action, call.policy)
    limiter?.take(nowMs)
    this.#breaker = breaker
    this.#breakerPermit = breaker?.take(nowMs) ?? NO_PERMIT
    this.#health = endpoint.health[call.transport]
    this.#healthPermit = this.#health.take(nowMs)
    this.#slot = endpoint.overdue.begin(awake.now(), plan.latency.valueMs)
    endpoint.inFlight++
  }

  get node(): NodeInfo {
    return this.#endpoint.node
  }

  leftMs(): number {
    return Math.min(this.#startedMs + this.#plan.forMs - this.#clock.now(), this.#call.deadline.leftMs())
  }

  start(carrier: Carrier): void {
    const { forMs } = this.#plan
    // The call's own deadline is watched by the call; only a shorter share needs a timer of its own.
    if (forMs < this.#call.deadline.leftMs()) this.#timer = this.#clock.after(Math.ceil(forMs), () => this.#timedOut())
    try {
      this.#abort = carrier.attempt(this)
    } catch (error) {
      // A bug of the carrier: the permits go back, and the call ends with it.
      this.end('cancelled')
      throw error
    }
    if (this.#broken) this.#abort(this.#broken)
  }

  progress(): void {
    if (this.#verdict !== undefined) return
    const { overdue } = this.#endpoint
    overdue.end(this.#slot)
    this.#slot = overdue.begin(this.#awake.now(), this.#plan.latency.valueMs)
  }

  head(outcome: Outcome): boolean {
    if (this.#verdict !== undefined) return false
    this.#report(outcome)
    const final = this.#plan.decide(outcome)
    if (final && !this.#session) this.#limitTotal()
    return final
  }

  end(ending: Ending): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#verdict === undefined) this.#report({ stage: 'cancelled', status: 0 })
    this.#timer?.cancel()
    if (this.#session) this.#endpoint.sessions--
    else this.#endpoint.inFlight--
    // A head alone proves little: the node is well when the whole answer came.
    if (ending === 'broken') this.#health.failure(this.#clock.now(), this.#healthPermit)
    else if (ending === 'complete' && this.#verdict === 'success')
      this.#health.success(this.#clock.now(), this.#healthPermit)
    else this.#health.release(this.#healthPermit)
  }

  /** Ends the attempt from above; what its carrier reports later counts no more. */
  breakOff(why: 'timeout' | 'cancelled'): void {
    if (this.#ended) return
    this.#broken = why
    if (this.#verdict === undefined) this.#report({ stage: why, status: 0 })
    this.#abort?.(why)
    this.end('cancelled')
  }

  #timedOut(): void {
    if (this.#verdict !== undefined) return
    this.breakOff('timeout')
    this.#plan.decide({ stage: 'timeout', status: 0 })
  }

  /** From the start of the attempt, for routes that bound the whole answer. */
  #limitTotal(): void {
    const { totalTimeoutMs } = this.#call.policy
    if (totalTimeoutMs === undefined) return
    const leftMs = totalTimeoutMs - (this.#clock.now() - this.#startedMs)
    this.#timer = this.#clock.after(Math.max(0, leftMs), () => {
      if (!this.#ended) this.#abort?.('timeout')
    })
  }

  /** What the outcome says of the node, to its endpoint, its health and the route's breaker. */
  #report(outcome: Outcome): void {
    const result = verdict(outcome)
    this.#verdict = result
    this.#timer?.cancel()
    const nowMs = this.#clock.now()
    this.#endpoint.overdue.end(this.#slot)
    if (outcome.session) {
      this.#session = true
      this.#endpoint.inFlight--
      this.#endpoint.sessions++
      if (result === 'success') this.#health.success(nowMs, this.#healthPermit)
    } else if (result === 'success') {
      // Failures are left out: a node that fails fast must not look fast.
      const tookMs = nowMs - this.#startedMs
      this.#endpoint.latency.add(tookMs)
      this.#plan.latency.add(tookMs)
    }
    if (isHardEvidence(outcome)) this.#health.hardEvidence(nowMs)
    else if (result === 'failure') this.#health.failure(nowMs, this.#healthPermit)
    if (result === 'success') this.#breaker?.success(nowMs, this.#breakerPermit)
    else if (result === 'failure') this.#breaker?.failure(nowMs, this.#breakerPermit)
    else this.#breaker?.release(this.#breakerPermit)
  }
}
