/** An endpoint: a node as this process sees it, with its load, latency, health, and the limiter and breaker of each route. */
import type { Candidate } from '../balance/balancer.ts'
import type { NodeInfo, Transport } from '../core/node.ts'
import type { OutboundObserver } from '../core/observe.ts'
import type { Policy, Rate } from '../core/options.ts'
import { type Breaker, createBreaker } from '../resilience/breaker.ts'
import type { Health } from '../resilience/ejection.ts'
import { createLimiter, type Limiter } from '../resilience/limiter.ts'
import { createOverdue, type Overdue } from '../resilience/overdue.ts'
import { rateShare, type Share, WHOLE } from '../resilience/share.ts'

/** Weight of a new sample in a moving average. */
const SHARE_OF_NEW = 0.2

/** Exponentially weighted moving average; 0 before the first sample. */
export class MovingAverage {
  valueMs = 0

  add(sampleMs: number): void {
    this.valueMs = this.valueMs === 0 ? sampleMs : this.valueMs + SHARE_OF_NEW * (sampleMs - this.valueMs)
  }
}

/** What is kept of the calls to one action, over all nodes. */
export class ActionTrack {
  /** Time to the head. */
  readonly latency: MovingAverage = new MovingAverage()
  readonly observer: OutboundObserver | undefined

  constructor(observer: OutboundObserver | undefined) {
    this.observer = observer
  }
}

/** Limiter and breaker of one route at one node. A changed rate starts its own anew and leaves the other alone. */
export class RouteGuard {
  #limiterRate: Rate | undefined
  #breakerRate: Rate | undefined
  readonly #share: Share
  limiter: Limiter | undefined
  breaker: Breaker | undefined

  constructor(share: Share) {
    this.#share = share
  }

  apply(policy: Policy): void {
    if (!sameRate(policy.limiter, this.#limiterRate)) {
      this.#limiterRate = policy.limiter
      this.limiter = policy.limiter && createLimiter(rateShare(policy.limiter, this.#share))
    }
    if (!sameRate(policy.breaker, this.#breakerRate)) {
      this.#breakerRate = policy.breaker
      this.breaker = policy.breaker && createBreaker(policy.breaker)
    }
  }
}

/** Of routes with neither, at a node that has none to change. */
const NO_GUARD = new RouteGuard(WHOLE)

export function sameRate(a: Rate | undefined, b: Rate | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.calls === b.calls && a.perMs === b.perMs)
}

export class Endpoint implements Candidate {
  /** The transports that the node speaks: every pick asks. */
  readonly speaks: Record<Transport, boolean> = { http: false, rpc: false }
  /** Per transport: a node whose HTTP hangs may answer RPC. */
  readonly health: Readonly<Record<Transport, Health>>
  readonly latency: MovingAverage = new MovingAverage()
  readonly overdue: Overdue = createOverdue()
  inFlight = 0
  /** Upgrades and event streams. */
  sessions = 0
  readonly #guards = new Map<string, RouteGuard>()
  #node: NodeInfo
  readonly #share: Share

  /** @param share what this process may use of each route's limit at the node */
  constructor(node: NodeInfo, health: Readonly<Record<Transport, Health>>, share: Share = WHOLE) {
    this.#node = node
    this.health = health
    this.#share = share
    this.#learn(node)
  }

  get node(): NodeInfo {
    return this.#node
  }

  /** Replaced when the node's state changes; its id stays. */
  set node(node: NodeInfo) {
    this.#node = node
    this.#learn(node)
  }

  #learn({ protocols }: NodeInfo): void {
    this.speaks.http = protocols.includes('http')
    this.speaks.rpc = protocols.includes('rpc')
  }

  get key(): string {
    return this.#node.key
  }

  get latencyMs(): number {
    return this.latency.valueMs
  }

  /** What was registered, less while the node starts slowly. */
  get weight(): number {
    return this.#node.weight * Math.min(this.health.http.share(), this.health.rpc.share())
  }

  /** Those of routes that have or had one. */
  guards(): Iterable<readonly [action: string, guard: RouteGuard]> {
    return this.#guards
  }

  guard(action: string, policy: Policy): RouteGuard {
    if (this.#guards.size === 0 && !policy.limiter && !policy.breaker) return NO_GUARD
    let guard = this.#guards.get(action)
    if (guard === undefined) {
      guard = new RouteGuard(this.#share)
      this.#guards.set(action, guard)
    }
    guard.apply(policy)
    return guard
  }
}
