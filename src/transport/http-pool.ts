/**
 * The connections to one node: bounded, each carrying one request at a time, the last used taken first. A request has the
 * connection that is opened for it to itself, so that a refused one fails its own request only.
 */
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { type Address, toHostPort } from '../core/node.ts'
import { type ConnectionHost, type ConnectionLimits, HttpConnection } from './http-connection.ts'
import { UpstreamError } from './upstream-error.ts'
import type { ExchangePool, UpstreamExchange } from './upstream-exchange.ts'

export interface PoolLimits extends ConnectionLimits {
  /** @default 256 */
  readonly maxConnections: number
  /** Requests that wait for a connection; one more fails at once. @default 1024 */
  readonly maxWaiting: number
}

export interface PoolHost {
  readonly clock: Clock
  readonly limits: PoolLimits
  /** The time of the last look at the connections. */
  readonly nowMs: number
  /** There is a connection to look after. */
  watch(): void
  /** A pool that retires has lost its last connection. */
  emptied(pool: NodePool): void
}

export class NodePool implements ExchangePool, ConnectionHost {
  readonly address: Address
  readonly limits: PoolLimits
  readonly #host: PoolHost
  readonly #all = new Set<HttpConnection>()
  /** In the order in which they became free. */
  readonly #idle: HttpConnection[] = []
  readonly #waiting = new Set<UpstreamExchange>()
  /** Its node has left, or the engine was closed: another pool takes new requests. */
  retiring = false
  #closed = false

  constructor(address: Address, host: PoolHost) {
    this.address = address
    this.limits = host.limits
    this.#host = host
  }

  get nowMs(): number {
    return this.#host.nowMs
  }

  get connections(): number {
    return this.#all.size
  }

  get idle(): number {
    return this.#idle.length
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /** Starts the request now or later, or refuses it. */
  acquire(exchange: UpstreamExchange): void {
    const idle = this.#idle.pop()
    if (idle !== undefined) {
      idle.take(exchange)
    } else if (this.#closed) {
      exchange.refuse(closing(this.address))
    } else if (this.#all.size < this.limits.maxConnections) {
      this.#open(exchange)
    } else if (this.#waiting.size >= this.limits.maxWaiting) {
      exchange.refuse(this.#full(`${this.#waiting.size} requests are waiting already`))
    } else {
      exchange.waitingSinceMs = this.#host.clock.now()
      this.#waiting.add(exchange)
    }
  }

  /** A request waits no longer. */
  withdraw(exchange: UpstreamExchange): void {
    this.#waiting.delete(exchange)
  }

  /** A connection can take the next request. */
  free(connection: HttpConnection): void {
    const next = this.#next()
    if (next !== undefined) connection.take(next)
    else if (this.retiring) connection.destroy(LEFT)
    else this.#idle.push(connection)
  }

  /** A connection is gone: whoever waits gets a fresh one. */
  lost(connection: HttpConnection): void {
    if (!this.#all.delete(connection)) return
    const index = this.#idle.lastIndexOf(connection)
    if (index >= 0) this.#idle.splice(index, 1)
    const next = this.#next()
    if (next !== undefined) this.#open(next)
    else if (this.retiring && this.#all.size === 0) this.#host.emptied(this)
  }

  /** Lets traffic end, and is `emptied` then. */
  retire(): void {
    this.retiring = true
    for (const connection of [...this.#idle]) connection.destroy(LEFT)
    if (this.#all.size === 0) this.#host.emptied(this)
  }

  /** Closes everything now, and refuses what comes later; resolves when the system has let go of the connections. */
  async close(): Promise<void> {
    this.retiring = true
    this.#closed = true
    const waiting = [...this.#waiting]
    const all = [...this.#all]
    this.#waiting.clear()
    for (const exchange of waiting) exchange.refuse(closing(this.address))
    for (const connection of all) connection.destroy(closing(this.address))
    await Promise.all(all.map((connection) => connection.closed()))
  }

  /**
   * Closes what was idle, silent or waiting for too long.
   * @param untilNextMs until the next look
   */
  sweep(nowMs: number, untilNextMs: number): void {
    while (this.#idle[0]?.sweepIdle(nowMs, untilNextMs)) {
      // It is gone from the list.
    }
    for (const connection of this.#all) connection.sweepBusy(nowMs)
    for (const exchange of this.#waiting) {
      if (nowMs - exchange.waitingSinceMs < this.limits.connectTimeoutMs) return
      this.#waiting.delete(exchange)
      exchange.refuse(this.#full(`none became free in ${this.limits.connectTimeoutMs} ms`))
    }
  }

  #next(): UpstreamExchange | undefined {
    if (this.#waiting.size === 0) return undefined
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange)
      return exchange
    }
    return undefined
  }

  #open(exchange: UpstreamExchange): void {
    const connection = new HttpConnection(this, exchange, this.#host.clock.now())
    this.#all.add(connection)
    exchange.bind(connection)
    this.#host.watch()
  }

  /** A lack of ours, not of the node's: the code keeps it out of the node's record. */
  #full(why: string): GomsError {
    return new GomsError(
      'OVERLOADED',
      `${toHostPort(this.address)}: all ${this.limits.maxConnections} connections are in use, ${why}`,
      { retryAfterMs: RETRY_AFTER_MS },
    )
  }
}

/** What whoever finds all connections in use is told to wait: a queue of this length is over by then, or stays. */
const RETRY_AFTER_MS = 1000
const LEFT = new UpstreamError('ECANCELED', 'the node has left')

function closing(address: Address): UpstreamError {
  return new UpstreamError('ECANCELED', `${toHostPort(address)}: closing`)
}
