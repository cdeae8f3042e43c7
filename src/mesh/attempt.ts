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
import type { PickTime } from './pick.ts'

/** What "now" is taken from: the time itself, and what "overdue" is measured by. */
export interface AttemptClocks {
  readonly clock: Clock
  readonly awake: AwakeClock
}

/** What its call says of an attempt as it begins, and later makes of it. */
export interface AttemptPlan {
  readonly number: number
  /** This attempt's share of what is left of the call. */
  shareMs(nowMs: number): number
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
  readonly #clocks: AttemptClocks
  readonly #plan: AttemptPlan
  readonly #latency: MovingAverage
  readonly #startedMs: number
  readonly #forMs: number
  readonly #healthPermit: Permit
  readonly #breakerPermit: Permit
  #slot: Slot
  #abort: ((why: 'timeout' | 'cancelled') => void) | undefined
  #timer: Timer | undefined
  #broken: 'timeout' | 'cancelled' | undefined
  #verdict: Verdict | undefined
  #session = false
  #ended = false

  /** @param time the time of its pick, which has just been made */
  constructor(call: Call, endpoint: Endpoint, clocks: AttemptClocks, plan: AttemptPlan, time: PickTime) {
    const { nowMs } = time
    this.number = plan.number
    this.#call = call
    this.#endpoint = endpoint
    this.#clocks = clocks
    this.#plan = plan
    this.#latency = plan.latency
    this.#startedMs = nowMs
    this.#forMs = plan.shareMs(nowMs)
    const { limiter, breaker } = endpoint.guard(call.action, call.policy)
    limiter?.take(nowMs)
    this.#breaker = breaker
    this.#breakerPermit = breaker?.take(nowMs) ?? NO_PERMIT
    this.#health = endpoint.health[call.transport]
    this.#healthPermit = this.#health.take(nowMs)
    this.#slot = endpoint.overdue.begin(time.awakeMs, this.#latency.valueMs)
    endpoint.inFlight++
  }

  get node(): NodeInfo {
    return this.#endpoint.node
  }

  leftMs(): number {
    const nowMs = this.#clocks.clock.now()
    return Math.min(this.#startedMs + this.#forMs - nowMs, this.#call.deadline.leftMs(nowMs))
  }

  start(carrier: Carrier): void {
    const forMs = this.#forMs
    // The call's own deadline is watched by the call; only a shorter share needs a timer of its own.
    if (forMs < this.#call.deadline.leftMs(this.#startedMs)) {
      this.#timer = this.#clocks.clock.after(Math.ceil(forMs), () => this.#timedOut())
    }
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
    this.#slot = overdue.begin(this.#clocks.awake.now(), this.#latency.valueMs)
  }

  head(outcome: Outcome): boolean {
    return this.#head(outcome, this.#clocks.clock.now())
  }

  end(ending: Ending): void {
    this.#end(ending, this.#clocks.clock.now())
  }

  whole(outcome: Outcome): boolean {
    const nowMs = this.#clocks.clock.now()
    const final = this.#head(outcome, nowMs)
    this.#end('complete', nowMs)
    return final
  }

  #head(outcome: Outcome, nowMs: number): boolean {
    if (this.#verdict !== undefined) return false
    this.#report(outcome, nowMs)
    const final = this.#plan.decide(outcome)
    if (final && !this.#session) this.#limitTotal()
    return final
  }

  #end(ending: Ending, nowMs: number): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#verdict === undefined) this.#report({ stage: 'cancelled', status: 0 }, nowMs)
    this.#timer?.cancel()
    if (this.#session) this.#endpoint.sessions--
    else this.#endpoint.inFlight--
    // A head alone proves little: the node is well when the whole answer came.
    if (ending === 'broken') this.#health.failure(nowMs, this.#healthPermit)
    else if (ending === 'complete' && this.#verdict === 'success') this.#health.success(nowMs, this.#healthPermit)
    else this.#health.release(this.#healthPermit)
  }

  /** Ends the attempt from above; what its carrier reports later counts no more. */
  breakOff(why: 'timeout' | 'cancelled'): void {
    if (this.#ended) return
    this.#broken = why
    if (this.#verdict === undefined) this.#report({ stage: why, status: 0 }, this.#clocks.clock.now())
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
    const leftMs = totalTimeoutMs - (this.#clocks.clock.now() - this.#startedMs)
    this.#timer = this.#clocks.clock.after(Math.max(0, leftMs), () => {
      if (!this.#ended) this.#abort?.('timeout')
    })
  }

  /** What the outcome says of the node, to its endpoint, its health and the route's breaker. */
  #report(outcome: Outcome, nowMs: number): void {
    const result = verdict(outcome)
    this.#verdict = result
    this.#timer?.cancel()
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
      this.#latency.add(tookMs)
    }
    if (isHardEvidence(outcome)) this.#health.hardEvidence(nowMs)
    else if (result === 'failure') this.#health.failure(nowMs, this.#healthPermit)
    if (result === 'success') this.#breaker?.success(nowMs, this.#breakerPermit)
    else if (result === 'failure') this.#breaker?.failure(nowMs, this.#breakerPermit)
    else this.#breaker?.release(this.#breakerPermit)
  }
}
