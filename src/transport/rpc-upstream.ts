/** RPC to nodes: one multiplexed connection for each, and one beside it while large frames are about. */
import { type Clock, systemClock } from '../core/clock.ts'
import { type Address, toHostPort } from '../core/node.ts'
import { createWriter, DEFAULT_FRAME_LIMIT_BYTES } from '../rpcx/writer.ts'
import type { RpcEvents, RpcRequest } from './rpc.ts'
import { RpcConnection, type RpcConnectionHost, type RpcConnectionLimits } from './rpc-connection.ts'
import { OutboxTurn } from './rpc-outbox.ts'
import { type MethodHead, MethodHeads, PlainWaiting, type RpcWaiting } from './rpc-waiting.ts'
import { UpstreamError } from './upstream-error.ts'

export interface RpcUpstream {
  /** Sends over the one multiplexed connection to that address, made when it is first needed. Never throws. */
  post(address: Address, waiting: RpcWaiting): void
  /** The same for a request and events that are objects of their own. Returns how to give it up. */
  send(address: Address, request: RpcRequest, events: RpcEvents): { abort(): void }
  /** Calls back when a node says over its connection that it is leaving. Returns how to stop. */
  onDraining(listener: (address: Address) => void): () => void
  /** The node has left: its connection ends once nothing waits on it. */
  forget(address: Address): void
  close(): Promise<void>
}

export interface RpcUpstreamOptions extends Partial<RpcConnectionLimits> {
  readonly clock?: Clock
}

/** Opens nothing before the first request. */
export function createRpcUpstream(options: RpcUpstreamOptions = {}): RpcUpstream {
  const limits: RpcConnectionLimits = {
    connectTimeoutMs: options.connectTimeoutMs ?? 500,
    maxFrameBytes: options.maxFrameBytes ?? DEFAULT_FRAME_LIMIT_BYTES,
    maxUnsentBytes: options.maxUnsentBytes ?? 32 * 1024 * 1024,
    silenceMs: options.silenceMs ?? 10_000,
    idleMs: options.idleMs ?? 300_000,
    dial: options.dial,
  }
  const clock = options.clock ?? systemClock
  const turn = new OutboxTurn(() => createWriter(limits.maxFrameBytes))
  const heads = new MethodHeads()
  const nodes = new Map<string, NodeConnections>()
  /** A node's address is one object for as long as the node is known: found without making a key. */
  let nodeOf = new WeakMap<Address, NodeConnections>()
  const connections = new Set<RpcConnection>()
  const drainingListeners = new Set<(address: Address) => void>()
  let closed = false

  function find(address: Address): NodeConnections {
    const known = nodeOf.get(address)
    if (known !== undefined && !known.forgotten) return known
    const key = toHostPort(address)
    let node = nodes.get(key)
    if (node === undefined) {
      node = new NodeConnections({
        address,
        clock,
        turn,
        limits,
        opened: (connection) => connections.add(connection),
        ended: (connection) => connections.delete(connection),
        draining() {
          for (const listener of drainingListeners) listener(address)
        },
      })
      nodes.set(key, node)
    }
    nodeOf.set(address, node)
    return node
  }

  function post(address: Address, waiting: RpcWaiting): void {
    waiting.head = heads.find(waiting)
    if (closed) waiting.loseSoon(new UpstreamError('ECANCELED', `${toHostPort(address)}: closing`), 'unsent')
    else find(address).send(waiting, waiting.head)
  }

  return {
    post,
    send(address, request, events) {
      const waiting = new PlainWaiting(request, events)
      post(address, waiting)
      return waiting
    },
    onDraining(listener) {
      drainingListeners.add(listener)
      return () => drainingListeners.delete(listener)
    },
    forget(address) {
      const key = toHostPort(address)
      nodes.get(key)?.forget()
      nodes.delete(key)
    },
    async close() {
      closed = true
      nodes.clear()
      nodeOf = new WeakMap()
      for (const connection of connections) connection.destroy(new UpstreamError('ECANCELED', 'closing'))
    },
  }
}

interface NodeHost extends Omit<RpcConnectionHost, 'draining' | 'ended'> {
  opened(connection: RpcConnection): void
  ended(connection: RpcConnection): void
  draining(): void
}

class NodeConnections {
  forgotten = false
  readonly #host: NodeHost
  #small: RpcConnection | undefined
  #large: RpcConnection | undefined

  constructor(host: NodeHost) {
    this.#host = host
  }

  send(waiting: RpcWaiting, head: MethodHead): void {
    if (head.large) {
      this.#largeOne().send(waiting, head, false)
      return
    }
    if (this.#small === undefined || !this.#small.usable) this.#small = this.#open()
    const frame = this.#small.send(waiting, head, true)
    if (frame !== undefined) this.#largeOne().adopt(waiting, frame)
  }

  forget(): void {
    this.forgotten = true
    this.#small?.retire()
    this.#large?.retire()
  }

  #largeOne(): RpcConnection {
    if (this.#large === undefined || !this.#large.usable) this.#large = this.#open()
    return this.#large
  }

  #open(): RpcConnection {
    const connection = new RpcConnection({
      ...this.#host,
      draining: once(this.#host.draining),
      ended: (ended) => {
        if (this.#small === ended) this.#small = undefined
        if (this.#large === ended) this.#large = undefined
        this.#host.ended(ended)
      },
    })
    this.#host.opened(connection)
    return connection
  }
}

function once(fn: () => void): () => void {
  let called = false
  return () => {
    if (called) return
    called = true
    fn()
  }
}
