/** The mesh: the way out of a process to every service, over the endpoints that its registry's view shows. */
import type { Balancer } from '../balance/balancer.ts'
import { createBalancer } from '../balance/create.ts'
import type { Call, Dispatcher } from '../core/call.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Deadlines, exactDeadlines } from '../core/deadline-sweep.ts'
import type { Address, NodeInfo, Transport } from '../core/node.ts'
import type { ObserveOutbound, OutboundObserver } from '../core/observe.ts'
import type { BalanceOptions, Rate, Settings } from '../core/options.ts'
import type { View } from '../registry/registry.ts'
import { createLimiter, type Limiter } from '../resilience/limiter.ts'
import { createRetryBudget, FLOOR_PER_SECOND, type RetryBudget } from '../resilience/retry-budget.ts'
import { rateShare, type Share, WHOLE } from '../resilience/share.ts'
import type { SharedLimits } from '../resilience/shared-limits.ts'
import { createLimitsHere } from '../resilience/shared-limits-here.ts'
import { createAwakeClock } from './awake-clock.ts'
import type { Target } from './dispatch.ts'
import { ActionTrack, type Endpoint, sameRate } from './endpoint.ts'
import { createFleet, type Fleet } from './fleet.ts'
import type { Middleware } from './middleware.ts'
import { createProber, type Probe } from './prober.ts'
import { createStack } from './stack.ts'

export interface MeshOptions {
  readonly view: View
  readonly balance: Settings['balance']
  /** Balancers given in code, by service; they go before what the configuration says. */
  readonly balancers?: Readonly<Record<string, Balancer>> | undefined
  readonly use?: readonly Middleware[] | undefined
  /** Tries whether a node accepts connections again. */
  readonly probe: Probe
  /** A node left: connections to it may go. */
  readonly left?: ((node: NodeInfo) => void) | undefined
  /** What this process may use of limits and of the retry budget's floor. @default all of it */
  readonly share?: Share | undefined
  /** Who counts calls of routes whose limit the project shares. @default this mesh alone */
  readonly sharedLimits?: SharedLimits | undefined
  /** This process found hard evidence against a node, for others that stand beside it; not called for what they told. */
  readonly onHardEvidence?: ((nodeId: string, transport: Transport) => void) | undefined
  /** Told of all calls. @default nobody */
  readonly observe?: ObserveOutbound | undefined
  readonly clock?: Clock | undefined
  /** What keeps the deadlines of calls. @default timers of the clock */
  readonly deadlines?: Deadlines | undefined
  readonly random?: (() => number) | undefined
}

/** What `/cluster` shows of a service. */
export interface ServiceStats {
  /** Index that round robin takes next. */
  readonly pollNext: number
  /** Calls that a node answered. */
  readonly requestFinish: number
}

export interface Mesh extends Dispatcher {
  /** Who is told of the calls to that action; undefined: nobody. */
  observer(service: string, action: string): OutboundObserver | undefined
  /** The node at that RPC address said over its connection that it is leaving: it gets calls only when nobody else may. */
  leaving(rpc: Address): void
  /** Another process found hard evidence against the node. */
  hardEvidence(nodeId: string, transport: Transport): void
  stats(service: string): ServiceStats
  /** The endpoints of a service as they are now, for those who watch. */
  endpoints(service: string): readonly Endpoint[]
  /** Retries that could be paid for now; undefined: nobody called the service yet. */
  retriesLeft(service: string): number | undefined
  /** Applies changed settings: balancers whose options changed start anew. */
  update(balance: Settings['balance']): void
  close(): void
}

export function createMesh(options: MeshOptions): Mesh {
  const clock = options.clock ?? systemClock
  const random = options.random ?? Math.random
  const share = options.share ?? WHOLE
  const targets = new Map<string, ServiceTarget>()
  let hearing = false
  const fleet = createFleet({
    view: options.view,
    clock,
    random,
    busy: (service) => targets.get(service)?.busy() ?? false,
    left: (node) => options.left?.(node),
    share,
    becameHard(nodeId, transport) {
      if (!hearing) options.onHardEvidence?.(nodeId, transport)
    },
  })
  const prober = createProber({ fleet, view: options.view, clock, probe: options.probe })
  const limits = new Map<string, { readonly rate: Rate; readonly limiter: Limiter }>()
  let balance = options.balance

  function target(service: string): ServiceTarget {
    let found = targets.get(service)
    if (!found) {
      const balancer = given(service) ?? createBalancer(balanceOf(balance, service), random)
      found = new ServiceTarget(service, fleet, balancer, clock, share, options.observe)
      targets.set(service, found)
    }
    return found
  }

  function given(service: string): Balancer | undefined {
    const { balancers } = options
    return balancers && Object.hasOwn(balancers, service) ? balancers[service] : undefined
  }

  function callLimit(call: Call): Limiter | undefined {
    const rate = call.policy.callLimit
    if (!rate) return undefined
    const name = `${call.service}/${call.action}`
    const known = limits.get(name)
    if (known && sameRate(known.rate, rate)) return known.limiter
    const limiter = createLimiter(rateShare(rate, share))
    limits.set(name, { rate, limiter })
    return limiter
  }

  const awake = createAwakeClock(clock)
  const deadlines = options.deadlines ?? exactDeadlines(clock)
  const sharedLimits = options.sharedLimits ?? createLimitsHere(clock)
  const stack = createStack({
    clock,
    deadlines,
    awake,
    random,
    target,
    callLimit,
    sharedLimits,
    use: options.use ?? [],
  })
  return {
    dispatch: stack.dispatch,
    observer: (service, action) => target(service).track(action).observer,
    leaving({ host, port }) {
      const nowMs = clock.now()
      for (const service of options.view.services()) {
        for (const { node, health } of fleet.endpoints(service)) {
          if (node.rpc.port !== port || node.rpc.host !== host) continue
          for (const one of [health.http, health.rpc]) one.hardEvidence(nowMs)
        }
      }
    },
    hardEvidence(nodeId, transport) {
      hearing = true
      for (const service of options.view.services()) {
        for (const { node, health } of fleet.endpoints(service)) {
          if (node.id === nodeId) health[transport].hardEvidence(clock.now())
        }
      }
      hearing = false
    },
    stats(service) {
      const found = targets.get(service)
      return { pollNext: found?.balancer.pollNext ?? 0, requestFinish: found?.requestFinish ?? 0 }
    },
    endpoints: (service) => fleet.endpoints(service),
    retriesLeft: (service) => targets.get(service)?.budget.balance(),
    update(changed) {
      const before = balance
      balance = changed
      for (const [service, found] of targets) {
        if (given(service)) continue
        const wanted = balanceOf(changed, service)
        if (JSON.stringify(balanceOf(before, service)) === JSON.stringify(wanted)) continue
        found.balancer = createBalancer(wanted, random)
      }
    },
    close() {
      awake.close()
      prober.close()
      fleet.close()
    },
  }
}

/** Below this a joining node cannot be overrun, and turns are kept exact. */
const BUSY_CALLS_PER_SECOND = 10

class ServiceTarget implements Target {
  readonly #service: string
  readonly #fleet: Fleet
  readonly #clock: Clock
  #second = 0
  #calls = 0
  #callsBefore = 0
  readonly #tracks = new Map<string, ActionTrack>()
  /** Asked for last: a caller is seldom in many methods at a time. */
  #lastAction: string | undefined
  #lastTrack: ActionTrack | undefined
  readonly #observe: ObserveOutbound | undefined
  readonly budget: RetryBudget
  balancer: Balancer
  requestFinish = 0

  constructor(
    service: string,
    fleet: Fleet,
    balancer: Balancer,
    clock: Clock,
    share: Share,
    observe: ObserveOutbound | undefined,
  ) {
    this.#service = service
    this.#observe = observe
    this.#fleet = fleet
    this.balancer = balancer
    this.budget = createRetryBudget(clock, { floorPerSecond: FLOOR_PER_SECOND / share.of })
    this.#clock = clock
  }

  /** Ten calls a second or more, in the second before this one or so far in this one. */
  busy(): boolean {
    this.#turn(this.#clock.now())
    return Math.max(this.#callsBefore, this.#calls) >= BUSY_CALLS_PER_SECOND
  }

  began(nowMs: number): void {
    this.#turn(nowMs)
    this.#calls++
  }

  #turn(nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    if (second === this.#second) return
    this.#callsBefore = second === this.#second + 1 ? this.#calls : 0
    this.#calls = 0
    this.#second = second
  }

  endpoints(): ReturnType<Fleet['endpoints']> {
    return this.#fleet.endpoints(this.#service)
  }

  track(action: string): ActionTrack {
    if (this.#lastTrack !== undefined && action === this.#lastAction) return this.#lastTrack
    let found = this.#tracks.get(action)
    if (found === undefined) {
      found = new ActionTrack(this.#observe?.(this.#service, action))
      this.#tracks.set(action, found)
    }
    this.#lastAction = action
    this.#lastTrack = found
    return found
  }

  finished(): void {
    this.requestFinish++
  }
}

export function balanceOf(balance: Settings['balance'], service: string): BalanceOptions {
  return Object.hasOwn(balance.services, service) ? (balance.services[service] ?? balance.default) : balance.default
}
