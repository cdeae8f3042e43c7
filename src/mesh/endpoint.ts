/** An endpoint: a node as this process sees it, with its load, latency, health, and the limiter and breaker of each route. */
import type { Candidate } from '../balance/balancer.ts'
import type { Ending, Outcome } from '../core/call.ts'
import type { NodeInfo, Transport } from '../core/node.ts'
import type { Policy, Rate } from '../core/options.ts'
import { type Breaker, createBreaker } from '../resilience/breaker.ts'
import type { Health } from '../resilience/ejection.ts'
import { createLimiter, type Limiter } from '../resilience/limiter.ts'

/** Weight of a new sample in the moving averages. */
const EWMA_SHARE = 0.2

/** Moving average of a route's time to the head, over all nodes: what "overdue" is measured by. */
export class RouteLatency {
  averageMs = 0

  add(sampleMs: number): void {
    this.averageMs = this.averageMs === 0 ? sampleMs : this.averageMs + EWMA_SHARE * (sampleMs - this.averageMs)
  }
}

/** An attempt whose head has not come, in the order of their start. */
export interface Waiting {
  readonly startedMs: number
  readonly latency: RouteLatency
}

/** Limiter and breaker of one route at one node. A change of the rate starts them anew; other changes do not. */
export class RouteState {
  #limiterRate: Rate | undefined
  #breakerRate: Rate | undefined
  limiter: Limiter | undefined
  breaker: Breaker | undefined

  apply(policy: Policy): void {
    if (!sameRate(policy.limiter, this.#limiterRate)) {
      this.#limiterRate = policy.limiter
      this.limiter = policy.limiter && createLimiter(policy.limiter)
    }
    if (!sameRate(policy.breaker, this.#breakerRate)) {
      this.#breakerRate = policy.breaker
      this.breaker = policy.breaker && createBreaker(policy.breaker)
    }
  }
}

function sameRate(a: Rate | undefined, b: Rate | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.calls === b.calls && a.perMs === b.perMs)
}

export class Endpoint implements Candidate {
  node: NodeInfo
  /** Per transport: a node whose HTTP hangs may answer RPC. */
  readonly health: Readonly<Record<Transport, Health>>
  inFlight = 0
  sessions = 0
  latencyMs = 0
  readonly #waiting = new Set<Waiting>()
  readonly #routes = new Map<string, RouteState>()

  constructor(node: NodeInfo, health: Readonly<Record<Transport, Health>>) {
    this.node = node
    this.health = health
  }

  get key(): string {
    return this.node.key
  }

  /** Registered weight, ramped up while the node starts slowly. */
  get weight(): number {
    return this.node.weight * this.health.http.share()
  }

  route(action: string, policy: Policy): RouteState {
    let state = this.#routes.get(action)
    if (!state) this.#routes.set(action, (state = new RouteState()))
    state.apply(policy)
    return state
  }

  began(waiting: Waiting): void {
    this.inFlight++
    this.#waiting.add(waiting)
  }

  /** The head came, or will not. */
  head(waiting: Waiting, outcome: Outcome, tookMs: number): void {
    this.#waiting.delete(waiting)
    if (outcome.session) {
      this.inFlight--
      this.sessions++
    } else if (outcome.stage === 'answered' && outcome.status < 500) {
      // Failures are left out: a node that fails fast must not look fast.
      this.latencyMs = this.latencyMs === 0 ? tookMs : this.latencyMs + EWMA_SHARE * (tookMs - this.latencyMs)
      waiting.latency.add(tookMs)
    }
  }

  ended(session: boolean, _ending: Ending): void {
    if (session) this.sessions--
    else this.inFlight--
  }

  /** The longest wait for a head, or undefined when nothing waits. */
  oldest(): Waiting | undefined {
    for (const waiting of this.#waiting) return waiting
    return undefined
  }
}
