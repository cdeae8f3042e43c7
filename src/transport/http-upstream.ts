/** HTTP/1.1 to nodes over undici: one request a connection at a time, no redirects, and an exact account of how far it got. */
import type { Dispatcher } from 'undici'
import { type Address, toHostPort } from '../core/node.ts'
import { NodePool, type PoolLimits, type Slot } from './http-pool.ts'
import { openTunnel } from './http-tunnel.ts'
import type { Upstream, UpstreamEvents, UpstreamHandle, UpstreamRequest } from './upstream.ts'
import { UpstreamError } from './upstream-error.ts'

export type UpstreamOptions = Partial<PoolLimits>

/** An engine with pools that appear with the first request to an address. */
export function createHttpUpstream(options: UpstreamOptions = {}): Upstream {
  const limits: PoolLimits = {
    connectTimeoutMs: options.connectTimeoutMs ?? 500,
    maxConnections: options.maxConnections ?? 256,
    maxWaiting: options.maxWaiting ?? 1024,
    maxHeadBytes: options.maxHeadBytes ?? 65_536,
    dial: options.dial,
  }
  const pools = new Map<string, NodePool>()
  const leaving = new Set<NodePool>()
  const tunnels = new Set<{ abort(): void }>()

  function poolOf(address: Address): NodePool {
    const key = toHostPort(address)
    let pool = pools.get(key)
    if (!pool) {
      pool = new NodePool(address, limits)
      pools.set(key, pool)
    }
    return pool
  }

  return {
    send: (address, request, events) => new Exchange(poolOf(address), request, events),
    tunnel(address, request, events) {
      const tunnel = openTunnel(address, request, events, limits, () => tunnels.delete(tunnel))
      tunnels.add(tunnel)
      return tunnel
    },
    forget(address) {
      const key = toHostPort(address)
      const pool = pools.get(key)
      if (!pool) return
      pools.delete(key)
      leaving.add(pool)
      pool.retire().then(() => leaving.delete(pool))
    },
    stats() {
      const all = [...pools.values(), ...leaving]
      return {
        connections: all.reduce((sum, pool) => sum + pool.connections, 0),
        idle: all.reduce((sum, pool) => sum + pool.idle, 0),
        waiting: all.reduce((sum, pool) => sum + pool.waiting, 0),
      }
    },
    async close() {
      for (const tunnel of tunnels) tunnel.abort()
      const all = [...pools.values(), ...leaving]
      pools.clear()
      await Promise.all(all.map((pool) => pool.destroy()))
    },
  }
}

/** Thrown into undici to drop a request that was aborted before it was written; its connection lives on. */
const ABORTED = new UpstreamError('ECANCELED', 'aborted')

function toStrings(raw: readonly (Buffer | string)[] | null): string[] {
  return raw ? raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1'))) : []
}

/**
 * One request and its answer, as undici's handler. Its older callbacks are used on purpose: they are what the engine calls
 * itself, the newer ones are wrapped around them at a cost per request.
 */
class Exchange implements UpstreamHandle, Dispatcher.DispatchHandler {
  readonly #request: UpstreamRequest
  readonly #events: UpstreamEvents
  readonly #pool: NodePool
  #slot: Slot | undefined
  #stopWaiting: (() => void) | undefined
  #abort: ((error?: Error) => void) | undefined
  #resume: (() => void) | undefined
  #starting = false
  #rejected = false
  #sent = false
  #answered = false
  #done = false

  constructor(pool: NodePool, request: UpstreamRequest, events: UpstreamEvents) {
    this.#request = request
    this.#events = events
    this.#pool = pool
    this.#stopWaiting = pool.acquire(
      (slot) => this.#start(slot),
      (error) => this.#refused(error),
    )
  }

  /** Errors may be found before the caller holds the handle: told a moment later. */
  #refused(error: Error): void {
    queueMicrotask(() => this.#fail(error, 'unsent'))
  }

  #start(slot: Slot): void {
    this.#slot = slot
    const { method, path, headers, body, contentLength } = this.#request
    const framed = contentLength === undefined || Buffer.isBuffer(body)
    this.#starting = true
    slot.client.dispatch(
      {
        method,
        path,
        headers: framed ? (headers as string[]) : [...headers, 'content-length', String(contentLength)],
        body,
        // undici would close the connection after each HEAD.
        ...(method === 'HEAD' ? { reset: false } : undefined),
      },
      this,
    )
    this.#starting = false
    // undici refused to write such a request: the connection never heard of it, and says nothing when it is free.
    if (this.#rejected) this.#pool.discard(slot)
  }

  abort(): void {
    if (this.#done) return
    this.#done = true
    this.#stopWaiting?.()
    if (!this.#abort || !this.#slot) return
    this.#abort(ABORTED)
    // undici would connect anew, for the request that it has just dropped.
    this.#pool.discard(this.#slot)
  }

  resume(): void {
    this.#resume?.()
  }

  #fail(error: Error, stage: 'unsent' | 'unanswered' | 'broken'): void {
    if (this.#done) return
    this.#done = true
    this.#events.error(error, stage)
  }

  #markSent(): void {
    if (this.#sent || this.#done) return
    this.#sent = true
    this.#events.sent()
  }

  onConnect(abort: (error?: Error) => void): void {
    if (this.#done) throw ABORTED
    this.#abort = abort
    // A streamed request is written with the first chunk of its body, any other right after this.
    if (this.#request.body === null || Buffer.isBuffer(this.#request.body)) this.#markSent()
  }

  onBodySent(): void {
    this.#markSent()
  }

  onRequestSent(): void {
    this.#markSent()
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, statusText: string): boolean {
    if (this.#done) return true
    this.#markSent()
    if (status < 200) {
      this.#events.info(status, toStrings(raw))
      return true
    }
    this.#answered = true
    this.#resume = resume
    this.#events.head(status, toStrings(raw), statusText)
    return true
  }

  onData(chunk: Buffer): boolean {
    // undici hands on an empty piece when it resumes: a receiver that pauses at each piece would never see another.
    return this.#done || chunk.length === 0 ? true : this.#events.data(chunk)
  }

  onComplete(trailers: (Buffer | string)[] | null): void {
    if (this.#done) return
    if (this.#slot?.failed) {
      this.#fail(new UpstreamError('ECONNRESET', 'reset within the answer'), 'broken')
      return
    }
    this.#done = true
    this.#events.end(toStrings(trailers))
  }

  onError(error: Error): void {
    if (this.#starting && !this.#abort && !this.#done) {
      this.#rejected = true
      this.#refused(error)
      return
    }
    this.#fail(error, this.#answered ? 'broken' : this.#sent ? 'unanswered' : 'unsent')
  }
}
