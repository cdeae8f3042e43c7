/** One attempt: takes the permits, keeps its own time, and tells the endpoint how it went, in two steps. */
import type { Attempt, AttemptHandle, Call, Carrier, Ending, Outcome, PassedOver } from '../core/call.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { NodeInfo } from '../core/node.ts'
import type { Breaker } from '../resilience/breaker.ts'
import type { Health } from '../resilience/ejection.ts'
import { isHardEvidence, type Verdict, verdict } from '../resilience/outcome.ts'
import type { Slot } from '../resilience/overdue.ts'
import { NO_PERMIT, type Permit } from '../resilience/permit.ts'
import type { AwakeClock } from './awake-clock.ts'
import type { ActionTrack, Endpoint } from './endpoint.ts'

/** What "now" is taken from: the time itself, and what "overdue" is measured by. */
export interface AttemptClocks {
  readonly clock: Clock
  readonly awake: AwakeClock
}

/** Nothing of it holds before `begin`. */
export abstract class AttemptRun implements Attempt {
  number: number = 0
  protected readonly call: Call
  protected readonly deps: AttemptClocks
  #endpoint: Endpoint | undefined
  #breaker: Breaker | undefined
  /** What is kept of the route, over all nodes. */
  protected track: ActionTrack | undefined
  passedOver: PassedOver | undefined
  protected startedMs = 0
  /** Its time where that is less than what is left of the call. */
  #shareMs: number | undefined
  #healthPermit: Permit = NO_PERMIT
  #breakerPermit: Permit = NO_PERMIT
  #slot: Slot = 0
  #handle: AttemptHandle | undefined
  #timer: Timer | undefined
  #broken: 'timeout' | 'cancelled' | undefined
  #verdict: Verdict | undefined
  #session = false
  #ended = false

  constructor(call: Call, deps: AttemptClocks) {
    this.call = call
    this.deps = deps
  }

  /**
   * Decides what follows; true: the carrier relays this answer.
   * @param nowMs what the clock has just said
   */
  abstract decide(outcome: Outcome, nowMs: number): boolean

  get endpoint(): Endpoint {
    return this.#endpoint as Endpoint
  }

  get node(): NodeInfo {
    return this.endpoint.node
  }

  get #health(): Health {
    return this.endpoint.health[this.call.transport]
  }

  /** While the attempt begins, when nearly every carrier asks, no time has passed. */
  leftMs(): number {
    const nowMs = this.#handle === undefined ? this.startedMs : this.deps.clock.now()
    const leftMs = this.call.deadline.leftMs(nowMs)
    return this.#shareMs === undefined ? leftMs : Math.min(this.startedMs + this.#shareMs - nowMs, leftMs)
  }

  /**
   * @param number from 1
   * @param shareMs its time where that is less than what is left of the call
   * @param nowMs the time of its pick, which has just been made
   * @param awakeMs the same without the stalls of this process
   */
  begin(
    carrier: Carrier,
    endpoint: Endpoint,
    track: ActionTrack,
    number: number,
    shareMs: number | undefined,
    nowMs: number,
    awakeMs: number,
  ): void {
    this.number = number
    this.#endpoint = endpoint
    this.track = track
    this.startedMs = nowMs
    this.#takePermits(endpoint, nowMs)
    this.#healthPermit = this.#health.take(nowMs)
    this.#slot = endpoint.overdue.begin(awakeMs, track.latency.valueMs)
    endpoint.inFlight++
    if (shareMs !== undefined) {
      this.#shareMs = shareMs
      this.#timer = this.deps.clock.after(Math.ceil(shareMs), () => this.#timedOut(), nowMs)
    }
    try {
      this.#handle = carrier.attempt(this)
    } catch (error) {
      // A bug of the carrier: the permits go back, and the call ends with it.
      this.end('cancelled')
      throw error
    }
    if (this.#broken !== undefined) this.#handle.abort(this.#broken)
  }

  #takePermits(endpoint: Endpoint, nowMs: number): void {
    const { limiter, breaker } = endpoint.guard(this.call.action, this.call.policy)
    limiter?.take(nowMs)
    if (breaker === undefined) return
    this.#breaker = breaker
    this.#breakerPermit = breaker.take(nowMs)
  }

  progress(): void {
    if (this.#verdict !== undefined) return
    const { overdue } = this.endpoint
    overdue.end(this.#slot)
    this.#slot = overdue.begin(this.deps.awake.now(), (this.track as ActionTrack).latency.valueMs)
  }

  head(outcome: Outcome): boolean {
    return this.#head(outcome, this.deps.clock.now())
  }

  end(ending: Ending): void {
    this.#end(ending, this.deps.clock.now())
  }

  whole(outcome: Outcome, nowMs: number = this.deps.clock.now()): boolean {
    const final = this.#head(outcome, nowMs)
    this.#end('complete', nowMs)
    return final
  }

  #head(outcome: Outcome, nowMs: number): boolean {
    if (this.#verdict !== undefined) return false
    this.#report(outcome, nowMs)
    const final = this.decide(outcome, nowMs)
    if (final && !this.#session) this.#limitTotal()
    return final
  }

  #end(ending: Ending, nowMs: number): void {
    if (this.#ended) return
    this.#ended = true
    if (this.#verdict === undefined) this.#report({ stage: 'cancelled', status: 0 }, nowMs)
    this.#timer?.cancel()
    const health = this.#health
    if (this.#session) this.endpoint.sessions--
    else this.endpoint.inFlight--
    // A head alone proves little: the node is well when the whole answer came.
    if (ending === 'broken') health.failure(nowMs, this.#healthPermit)
    else if (ending === 'complete' && this.#verdict === 'success') health.success(nowMs, this.#healthPermit)
    else health.release(this.#healthPermit)
  }

  /** Ends the attempt from above; what its carrier reports later counts no more. */
  breakOff(why: 'timeout' | 'cancelled', nowMs: number): void {
    if (this.#ended) return
    this.#broken = why
    if (this.#verdict === undefined) this.#report({ stage: why, status: 0 }, nowMs)
    this.#handle?.abort(why)
    this.#end('cancelled', nowMs)
  }

  #timedOut(): void {
    if (this.#verdict !== undefined) return
    const nowMs = this.deps.clock.now()
    this.breakOff('timeout', nowMs)
    this.decide({ stage: 'timeout', status: 0 }, nowMs)
  }

  /** From the start of the attempt, for routes that bound the whole answer. */
  #limitTotal(): void {
    const { totalTimeoutMs } = this.call.policy
    if (totalTimeoutMs === undefined) return
    const leftMs = totalTimeoutMs - (this.deps.clock.now() - this.startedMs)
    this.#timer = this.deps.clock.after(Math.max(0, leftMs), () => {
      if (!this.#ended) this.#handle?.abort('timeout')
    })
  }

  /** What the outcome says of the node, to its endpoint, its health and the route's breaker. */
  #report(outcome: Outcome, nowMs: number): void {
    const endpoint = this.endpoint
    const health = this.#health
    const result = verdict(outcome)
    this.#verdict = result
    this.#timer?.cancel()
    endpoint.overdue.end(this.#slot)
    if (outcome.session) {
      this.#session = true
      endpoint.inFlight--
      endpoint.sessions++
      if (result === 'success') health.success(nowMs, this.#healthPermit)
    } else if (result === 'success') {
      // Failures are left out: a node that fails fast must not look fast.
      const tookMs = nowMs - this.startedMs
      endpoint.latency.add(tookMs)
      this.track?.latency.add(tookMs)
    }
    if (isHardEvidence(outcome)) health.hardEvidence(nowMs)
    else if (result === 'failure') health.failure(nowMs, this.#healthPermit)
    this.track?.observer?.attempt(this.call, this, outcome, this.startedMs, nowMs)
    const breaker = this.#breaker
    if (breaker === undefined) return
    if (result === 'success') breaker.success(nowMs, this.#breakerPermit)
    else if (result === 'failure') breaker.failure(nowMs, this.#breakerPermit)
    else breaker.release(this.#breakerPermit)
  }
}
