/** A request on the caller's side, from `send` until it is answered, failed or given up. */

import type { TraceWords } from '../core/context.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import { createFrameHead, FLAG, type FrameHead, SERIALIZE } from '../rpcx/frame.ts'
import type { RpcEvents, RpcFault, RpcRequest, RpcStage } from './rpc.ts'

/** What stays the same from call to call of a method. */
export interface MethodHead {
  readonly service: string
  readonly method: string
  readonly oneway: boolean
  readonly bytes: FrameHead
  /** The last answer was large: the next request goes where it stalls nobody. */
  large: boolean
}

/** Methods whose heads are kept; more than any project has, less than names of strangers could fill memory with. */
const MAX_HEADS = 4096

/** The heads of one upstream, by service and method. */
export class MethodHeads {
  #services = new Map<string, Map<string, MethodHead>>()
  #count = 0
  /** Found by the codecs, which a method has for itself as a rule: one look-up instead of two by text. */
  readonly #byCodecs = new WeakMap<MethodCodecs, MethodHead>()

  find(request: RpcRequest): MethodHead {
    const { service, method, oneway, codecs } = request
    const last = this.#byCodecs.get(codecs)
    if (last !== undefined && last.method === method && last.service === service && last.oneway === oneway) return last
    const head = this.#byName(service, method, oneway)
    this.#byCodecs.set(codecs, head)
    return head
  }

  #byName(service: string, method: string, oneway: boolean): MethodHead {
    let methods = this.#services.get(service)
    if (methods === undefined) {
      methods = new Map()
      this.#services.set(service, methods)
    }
    // No name has a space; the one for requests without an answer is rarely used.
    const key = oneway ? `${method} ` : method
    const known = methods.get(key)
    if (known !== undefined) return known
    const bytes = createFrameHead(oneway ? FLAG.oneway : 0, SERIALIZE.msgpack, service, method)
    const head = { service, method, oneway, bytes, large: false }
    if (++this.#count > MAX_HEADS) {
      this.#services = new Map()
      this.#count = 0
    } else {
      methods.set(key, head)
    }
    return head
  }
}

/** Where a request waits. */
export interface WaitingRoom {
  withdraw(waiting: RpcWaiting): void
}

/**
 * What is sent, and what takes the answer: the connection keeps the request itself, as thousands may wait at a time. Each is
 * sent once. It is also how its caller gives it up.
 */
export abstract class RpcWaiting implements RpcRequest, RpcEvents {
  /** Its number on the connection; the ring's. */
  seq = -1
  /** What the upstream keeps of its method, from when it is sent. */
  head: MethodHead | undefined
  room: WaitingRoom | undefined
  /** Answered, lost or given up. */
  done = false

  abstract get service(): string
  abstract get method(): string
  abstract get input(): unknown
  abstract get codecs(): MethodCodecs
  abstract get oneway(): boolean
  abstract get cancellable(): boolean
  abstract get fixedMetadata(): readonly string[] | undefined
  abstract get deadlineMs(): number | undefined
  abstract get position(): TraceWords | undefined
  abstract get metadata(): readonly string[]
  abstract reply(output: unknown, nowMs?: number): void
  abstract fault(fault: RpcFault): void
  abstract error(error: Error, stage: RpcStage): void

  abort(): void {
    if (this.done) return
    this.done = true
    this.room?.withdraw(this)
  }

  /** No answer will come. */
  lose(error: Error, stage: RpcStage): void {
    if (this.done) return
    this.done = true
    this.error(error, stage)
  }

  /** The same, once the caller has got its handle. */
  loseSoon(error: Error, stage: RpcStage): void {
    queueMicrotask(() => this.lose(error, stage))
  }
}

/** For a request that is an object of its own, which may be sent more than once. */
export class PlainWaiting extends RpcWaiting {
  readonly #request: RpcRequest
  readonly #events: RpcEvents

  constructor(request: RpcRequest, events: RpcEvents) {
    super()
    this.#request = request
    this.#events = events
  }

  get service(): string {
    return this.#request.service
  }

  get method(): string {
    return this.#request.method
  }

  get input(): unknown {
    return this.#request.input
  }

  get codecs(): MethodCodecs {
    return this.#request.codecs
  }

  get oneway(): boolean {
    return this.#request.oneway
  }

  get cancellable(): boolean {
    return this.#request.cancellable
  }

  get fixedMetadata(): readonly string[] | undefined {
    return this.#request.fixedMetadata
  }

  get deadlineMs(): number | undefined {
    return this.#request.deadlineMs
  }

  get position(): TraceWords | undefined {
    return this.#request.position
  }

  get metadata(): readonly string[] {
    return this.#request.metadata
  }

  reply(output: unknown, nowMs?: number): void {
    this.#events.reply(output, nowMs)
  }

  fault(fault: RpcFault): void {
    this.#events.fault(fault)
  }

  error(error: Error, stage: RpcStage): void {
    this.#events.error(error, stage)
  }
}
