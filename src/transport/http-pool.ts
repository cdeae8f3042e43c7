/**
 * The connections to one node: bounded, each carrying one request at a time, the last used taken first. Each is an undici
 * `Client` of its own rather than a share of an undici `Pool`, so that a waiting request can leave the queue, a refused
 * connection fails its own request only, and a reset after the head is not mistaken for the end of an unframed body.
 */
import type { Socket } from 'node:net'
import { Client } from 'undici'
import { GomsError } from '../core/errors.ts'
import { type Address, toHostPort } from '../core/node.ts'
import { type Dial, dialTcp } from './dial.ts'
import { UpstreamError } from './upstream-error.ts'

export interface PoolLimits {
  /** Until a connection is established, and until a waiting request gets one. @default 500 */
  readonly connectTimeoutMs: number
  /** @default 256 */
  readonly maxConnections: number
  /** Requests that wait for a connection; one more fails at once. @default 1024 */
  readonly maxWaiting: number
  /** Head of an answer, in bytes. @default 65536 */
  readonly maxHeadBytes: number
  /** How connections are opened. @default over TCP */
  readonly dial?: Dial | undefined
}

/** Keep-alive when the node does not say how long it keeps idle connections. */
const IDLE_MS = 4000
/** Never longer than our own services keep them (75 s) less 5 s, so that we close first. */
const MAX_IDLE_MS = 70_000
/** What is taken off a node's announced keep-alive; at its 5 s default node:http would be left with 3. */
const IDLE_MARGIN_MS = 2000

/** One connection. */
export class Slot {
  readonly client: Client
  readonly #pool: NodePool
  readonly #limits: PoolLimits
  #socket: Socket | undefined
  /** The present connection ended with an error: an unframed body may have been cut. */
  failed = false
  busy = false

  constructor(pool: NodePool, address: Address, limits: PoolLimits) {
    this.#pool = pool
    this.#limits = limits
    this.client = new Client(`http://${toHostPort(address)}`, {
      pipelining: 1,
      // The dispatcher's deadline rules until the head; after it the client's own socket is watched by the gateway.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: MAX_IDLE_MS,
      keepAliveTimeoutThreshold: IDLE_MARGIN_MS,
      maxHeaderSize: limits.maxHeadBytes,
      connect: (_options, callback) => this.#connect(address, callback),
    })
    this.client.on('drain', () => this.#pool.free(this))
    this.client.on('disconnect', () => {
      this.#socket = undefined
      this.#pool.lost(this)
    })
  }

  get connected(): boolean {
    return this.#socket !== undefined && !this.#socket.destroyed
  }

  #connect(address: Address, callback: (...args: [Error, null] | [null, Socket]) => void): void {
    this.failed = false
    const socket = (this.#limits.dial ?? dialTcp)(address)
    let settled = false
    const timer = setTimeout(() => {
      socket.destroy(
        new UpstreamError(
          'ETIMEDOUT',
          `connect ${toHostPort(address)}: no answer in ${this.#limits.connectTimeoutMs} ms`,
        ),
      )
    }, this.#limits.connectTimeoutMs)
    socket.once('connect', () => {
      settled = true
      clearTimeout(timer)
      this.#socket = socket
      callback(null, socket)
    })
    // Before undici's own listener, so that the mark is set when it takes a reset for the end of an unframed body.
    socket.on('error', (error) => {
      this.failed = true
      clearTimeout(timer)
      if (settled) return
      settled = true
      callback(error, null)
    })
  }
}

interface Waiter {
  take(slot: Slot): void
  refuse(error: Error): void
  timer: ReturnType<typeof setTimeout>
}

export class NodePool {
  readonly #address: Address
  readonly #limits: PoolLimits
  readonly #slots = new Set<Slot>()
  readonly #idle: Slot[] = []
  readonly #waiters = new Set<Waiter>()
  #closing = false
  #whenEmpty: (() => void) | undefined

  constructor(address: Address, limits: PoolLimits) {
    this.#address = address
    this.#limits = limits
  }

  get connections(): number {
    return this.#slots.size
  }

  get idle(): number {
    return this.#idle.length
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /** Gives a connection now or later, or refuses. Returns how to stop waiting. */
  acquire(take: (slot: Slot) => void, refuse: (error: Error) => void): (() => void) | undefined {
    const slot = this.#idle.pop() ?? this.#open()
    if (slot) {
      slot.busy = true
      take(slot)
      return undefined
    }
    if (this.#waiters.size >= this.#limits.maxWaiting) {
      refuse(this.#full(`${this.#waiters.size} requests are waiting already`))
      return undefined
    }
    const waiter: Waiter = {
      take,
      refuse,
      timer: setTimeout(() => {
        this.#waiters.delete(waiter)
        refuse(this.#full(`none became free in ${this.#limits.connectTimeoutMs} ms`))
      }, this.#limits.connectTimeoutMs),
    }
    this.#waiters.add(waiter)
    return () => {
      clearTimeout(waiter.timer)
      this.#waiters.delete(waiter)
    }
  }

  /** A slot can take the next request. */
  free(slot: Slot): void {
    if (!this.#slots.has(slot)) return
    slot.busy = false
    for (const waiter of this.#waiters) {
      clearTimeout(waiter.timer)
      this.#waiters.delete(waiter)
      slot.busy = true
      waiter.take(slot)
      return
    }
    if (slot.connected && !this.#closing) this.#idle.push(slot)
    else this.#retire(slot)
  }

  /** A slot in an unknown state, or one whose request was broken off: whoever waits gets a fresh one. */
  discard(slot: Slot): void {
    this.#retire(slot)
    for (const waiter of this.#waiters) {
      const fresh = this.#open()
      if (!fresh) return
      clearTimeout(waiter.timer)
      this.#waiters.delete(waiter)
      fresh.busy = true
      waiter.take(fresh)
    }
  }

  /** A slot's connection is gone. A busy one is settled when it becomes free. */
  lost(slot: Slot): void {
    if (slot.busy) return
    const index = this.#idle.indexOf(slot)
    if (index >= 0) this.#idle.splice(index, 1)
    this.#retire(slot)
  }

  /** Lets traffic end; resolves when the last connection is closed. */
  retire(): Promise<void> {
    this.#closing = true
    for (const slot of this.#idle.splice(0)) this.#retire(slot)
    if (this.#slots.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenEmpty = resolve
    })
  }

  /** Closes everything now. */
  async destroy(): Promise<void> {
    this.#closing = true
    for (const waiter of this.#waiters) {
      clearTimeout(waiter.timer)
      waiter.refuse(new UpstreamError('ECANCELED', `${toHostPort(this.#address)}: closing`))
    }
    this.#waiters.clear()
    this.#idle.length = 0
    const slots = [...this.#slots]
    this.#slots.clear()
    this.#whenEmpty?.()
    await Promise.all(slots.map((slot) => slot.client.destroy()))
  }

  #open(): Slot | undefined {
    if (this.#slots.size >= this.#limits.maxConnections) return undefined
    const slot = new Slot(this, this.#address, this.#limits)
    this.#slots.add(slot)
    return slot
  }

  #retire(slot: Slot): void {
    if (!this.#slots.delete(slot)) return
    slot.client.destroy().catch(() => {})
    if (this.#slots.size === 0) this.#whenEmpty?.()
  }

  /** A lack of ours, not of the node's: the code keeps it out of the node's record. */
  #full(why: string): GomsError {
    return new GomsError(
      'OVERLOADED',
      `${toHostPort(this.#address)}: all ${this.#limits.maxConnections} connections are in use, ${why}`,
    )
  }
}
