/** A request on the caller's side, from `send` until it is answered, failed or given up. */
import { createFrameHead, FLAG, type FrameHead, SERIALIZE } from '../rpcx/frame.ts'
import type { RpcEvents, RpcRequest, RpcStage } from './rpc.ts'

/** What stays the same from call to call of a method. */
export interface MethodHead {
  readonly bytes: FrameHead
  /** The last answer was large: the next request goes where it stalls nobody. */
  large: boolean
}

/** Methods whose heads are kept; more than any project has, less than names of strangers could fill memory with. */
const MAX_HEADS = 4096

/** The heads of one upstream, by service and method. */
export function createMethodHeads(): (request: RpcRequest) => MethodHead {
  let services = new Map<string, Map<string, MethodHead>>()
  let count = 0
  return ({ service, method, oneway }) => {
    let methods = services.get(service)
    if (methods === undefined) {
      methods = new Map()
      services.set(service, methods)
    }
    // No name has a space; the one for requests without an answer is rarely used.
    const key = oneway ? `${method} ` : method
    const known = methods.get(key)
    if (known !== undefined) return known
    const head = {
      bytes: createFrameHead(oneway ? FLAG.oneway : 0, SERIALIZE.msgpack, service, method),
      large: false,
    }
    if (++count > MAX_HEADS) {
      services = new Map()
      count = 0
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

/** Also what its caller holds. */
export class RpcWaiting {
  seq = -1
  readonly request: RpcRequest
  readonly events: RpcEvents
  readonly head: MethodHead
  room: WaitingRoom | undefined
  done = false

  constructor(request: RpcRequest, events: RpcEvents, head: MethodHead) {
    this.request = request
    this.events = events
    this.head = head
  }

  abort(): void {
    if (this.done) return
    this.done = true
    this.room?.withdraw(this)
  }

  fail(error: Error, stage: RpcStage): void {
    if (this.done) return
    this.done = true
    this.events.error(error, stage)
  }

  /** The same, once the caller has got its handle. */
  failSoon(error: Error, stage: RpcStage): void {
    queueMicrotask(() => this.fail(error, stage))
  }
}
