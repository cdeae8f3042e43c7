/** HTTP/1.1 to nodes on plain sockets: one request a connection at a time, no redirects, and an exact account of how far it got. */
import { type Clock, systemClock } from '../core/clock.ts'
import { type Address, toHostPort } from '../core/node.ts'
import { NodePool, type PoolHost, type PoolLimits } from './http-pool.ts'
import { openTunnel } from './http-tunnel.ts'
import type { Upstream } from './upstream.ts'
import { UpstreamExchange } from './upstream-exchange.ts'

export interface UpstreamOptions extends Partial<PoolLimits> {
  /** @default the system's */
  readonly clock?: Clock | undefined
}

/** Looks at the connections in one connect time-out: it is exact to a tenth. */
const LOOKS = 10
/** Between two looks, in milliseconds, whatever the time-out: idle connections are looked after as well. */
const MIN_LOOK_MS = 5
const MAX_LOOK_MS = 100

/** An engine with pools that appear with the first request to an address. */
export function createHttpUpstream(options: UpstreamOptions = {}): Upstream {
  const limits: PoolLimits = {
    connectTimeoutMs: options.connectTimeoutMs ?? 500,
    firstByteTimeoutMs: options.firstByteTimeoutMs ?? Number.POSITIVE_INFINITY,
    idleTimeoutMs: options.idleTimeoutMs ?? Number.POSITIVE_INFINITY,
    maxConnections: options.maxConnections ?? 256,
    maxWaiting: options.maxWaiting ?? 1024,
    maxHeadBytes: options.maxHeadBytes ?? 65_536,
    dial: options.dial,
  }
  const pools = new Pools(limits, options.clock ?? systemClock)
  const tunnels = new Set<{ abort(): void }>()

  return {
    send: (address, request, events) => new UpstreamExchange(pools.of(address), request, events),
    tunnel(address, request, events) {
      const tunnel = openTunnel(address, request, events, { ...limits, clock: pools.clock }, () =>
        tunnels.delete(tunnel),
      )
      tunnels.add(tunnel)
      return tunnel
    },
    forget: (address) => pools.forget(address),
    stats: () => pools.stats(),
    pools: () => pools.each(),
    async close() {
      for (const tunnel of tunnels) tunnel.abort()
      await pools.close()
    },
  }
}

/** The pools of all nodes, and the one timer that looks after their connections. */
class Pools implements PoolHost {
  readonly clock: Clock
  readonly limits: PoolLimits
  nowMs: number
  readonly #lookMs: number
  readonly #pools = new Map<string, NodePool>()
  /** The same by the address as an object: the one of a node stays the same while the node does. */
  readonly #byAddress = new WeakMap<Address, NodePool>()
  readonly #leaving = new Set<NodePool>()
  #watching = false
  #closed = false

  constructor(limits: PoolLimits, clock: Clock) {
    this.limits = limits
    this.clock = clock
    this.nowMs = clock.now()
    const shortest = Math.min(limits.connectTimeoutMs, limits.firstByteTimeoutMs, limits.idleTimeoutMs)
    this.#lookMs = Math.min(MAX_LOOK_MS, Math.max(MIN_LOOK_MS, shortest / LOOKS))
  }

  of(address: Address): NodePool {
    const known = this.#byAddress.get(address)
    if (known !== undefined && !known.retiring) return known
    const key = toHostPort(address)
    let pool = this.#pools.get(key)
    if (pool === undefined) {
      pool = new NodePool(address, this)
      if (this.#closed) pool.close()
      else this.#pools.set(key, pool)
    }
    this.#byAddress.set(address, pool)
    return pool
  }

  forget(address: Address): void {
    const key = toHostPort(address)
    const pool = this.#pools.get(key)
    if (pool === undefined) return
    this.#pools.delete(key)
    this.#leaving.add(pool)
    pool.retire()
  }

  emptied(pool: NodePool): void {
    this.#leaving.delete(pool)
  }

  stats(): { connections: number; idle: number; waiting: number } {
    const sum = { connections: 0, idle: 0, waiting: 0 }
    for (const pool of this.#all()) {
      sum.connections += pool.connections
      sum.idle += pool.idle
      sum.waiting += pool.waiting
    }
    return sum
  }

  /** Without those of nodes that have left. */
  each(): ReturnType<Upstream['pools']> {
    return [...this.#pools.values()].map(({ address, connections, idle, waiting }) => ({
      ...{ address, connections, idle, waiting },
    }))
  }

  async close(): Promise<void> {
    this.#closed = true
    const all = this.#all()
    this.#pools.clear()
    this.#leaving.clear()
    await Promise.all(all.map((pool) => pool.close()))
  }

  watch(): void {
    if (this.#watching) return
    this.#watching = true
    this.nowMs = this.clock.now()
    this.clock.after(this.#lookMs, () => this.#look())
  }

  #look(): void {
    this.#watching = false
    this.nowMs = this.clock.now()
    let connections = 0
    for (const pool of this.#all()) {
      pool.sweep(this.nowMs, this.#lookMs)
      connections += pool.connections
    }
    if (connections > 0) this.watch()
  }

  #all(): NodePool[] {
    return [...this.#pools.values(), ...this.#leaving]
  }
}
