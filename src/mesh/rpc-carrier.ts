/** Carries the attempts of one RPC call, and turns what comes back into an outcome for the mesh and a result for the caller. */
import {
  ANSWERED,
  type Attempt,
  type AttemptHandle,
  CANCELLED,
  type Call,
  type Carrier,
  type Dispatched,
  type Dispatcher,
} from '../core/call.ts'
import type { TraceWords } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { TraceFormat } from '../core/observability-options.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import type { RpcEvents, RpcFault, RpcHandler, RpcStage } from '../transport/rpc.ts'
import type { RpcUpstream } from '../transport/rpc-upstream.ts'
import { RpcWaiting } from '../transport/rpc-waiting.ts'
import { type RpcResult, toError, toOutcome } from './rpc-fault.ts'
import { Delivery } from './rpc-local.ts'
import { isOurs, writeMetadata } from './rpc-metadata.ts'

export interface RpcCarrierDeps {
  readonly dispatcher: Dispatcher
  readonly upstream: RpcUpstream
  readonly callKey: string | undefined
  /** What traces travel as to nodes that are none of ours. @default W3C and B3 */
  readonly formats?: readonly TraceFormat[] | undefined
  /** The way into a node that runs in this process, by its id; undefined for all others. */
  readonly local?: ((nodeId: string) => RpcHandler | undefined) | undefined
}

export interface RpcPayload {
  readonly method: string
  readonly input: unknown
  readonly codecs: MethodCodecs
}

/** Sends a call the one way out: pick, attempt, and again where that is safe. */
export function dispatchRpc(
  deps: RpcCarrierDeps,
  call: Call,
  payload: RpcPayload,
  result: RpcResult,
  nowMs?: number,
): Dispatched {
  return deps.dispatcher.dispatch(call, new RpcCarrier(deps, call, payload, result), nowMs)
}

const NO_METADATA: readonly string[] = []
/** Go's server, for a method that it does not have. Source: smallnest/rpcx, server/server.go. */
const GO_HAS_NO_METHOD = "rpcx: can't find method"

/**
 * Carries the first attempt of a call: its request to nodes of ours, and what takes the answer, in one object, as thousands
 * may wait at a time. Each further attempt gets one of its own, so that no two of them are mistaken for each other.
 */
export abstract class RpcSending extends RpcWaiting implements Carrier, RpcPayload {
  metadata: readonly string[] = NO_METADATA
  fixedMetadata: readonly string[] | undefined
  deadlineMs: number | undefined
  position: TraceWords | undefined
  protected readonly deps: RpcCarrierDeps
  #attempt: Attempt | undefined

  constructor(deps: RpcCarrierDeps) {
    super()
    this.deps = deps
  }

  /** The call that it carries. */
  abstract get sent(): Call
  /** The call's answer. */
  abstract succeed(output: unknown): void
  /** @param answered a node answered with it; else nothing answered, or nothing was sent. @default false */
  abstract fail(error: GomsError, answered?: boolean): void

  /** It is about to be sent. */
  attempted(_attempt: Attempt): void {}

  get oneway(): boolean {
    return false
  }

  get cancellable(): boolean {
    return true
  }

  repeatable(): boolean {
    return true
  }

  attempt(attempt: Attempt): AttemptHandle {
    if (this.#attempt !== undefined) {
      return new FurtherSending(this.deps, this).attempt(attempt)
    }
    this.#attempt = attempt
    this.attempted(attempt)
    const { node } = attempt
    const handler = this.deps.local?.(node.id)
    if (handler !== undefined) {
      const delivery = new Delivery(this.sent, attempt, this, this)
      handler(delivery, delivery)
      return delivery
    }
    const { callKey, formats } = this.deps
    writeMetadata(this, this.sent, attempt, callKey, formats)
    if (!isOurs(node)) return this.#sendToGo(attempt)
    this.deps.upstream.post(node.rpc, this)
    return this
  }

  reply(output: unknown, nowMs?: number): void {
    if (this.#attempt?.whole(ANSWERED, nowMs)) this.succeed(output)
  }

  fault(fault: RpcFault): void {
    if (this.#attempt?.whole(toOutcome(fault))) this.fail(toError(fault), true)
  }

  error(error: Error, stage: RpcStage): void {
    // The caller's own mistake, found before anything was sent: no node is to blame, and none would do better.
    const own = stage === 'unsent' && error instanceof GomsError && isOwnMistake(error)
    this.#attempt?.head(own ? CANCELLED : { stage, status: 0, cause: error })
    this.#attempt?.end(own ? 'cancelled' : 'broken')
    if (own) this.fail(error)
  }

  /** Methods of Go begin with a capital; functions that were registered by name may not. */
  #sendToGo({ node }: Attempt): AttemptHandle {
    const { service, method, input, codecs, metadata, fixedMetadata, deadlineMs } = this
    const { upstream } = this.deps
    const request = { service, input, codecs, metadata, fixedMetadata, deadlineMs, oneway: false, cancellable: false }
    const first = capital(method)
    let handle: { abort(): void }
    const askAgain = (): boolean => {
      if (first === method) return false
      handle = upstream.send(node.rpc, { ...request, method }, new GoEvents(this, () => false))
      return true
    }
    handle = upstream.send(node.rpc, { ...request, method: first }, new GoEvents(this, askAgain))
    return { abort: () => handle.abort() }
  }
}

/** For a call that is an object of its own. */
class RpcCarrier extends RpcSending {
  readonly sent: Call
  readonly #result: RpcResult
  readonly #payload: RpcPayload

  constructor(deps: RpcCarrierDeps, call: Call, payload: RpcPayload, result: RpcResult) {
    super(deps)
    this.sent = call
    this.#result = result
    this.#payload = payload
  }

  get service(): string {
    return this.sent.service
  }

  get method(): string {
    return this.#payload.method
  }

  get input(): unknown {
    return this.#payload.input
  }

  get codecs(): MethodCodecs {
    return this.#payload.codecs
  }

  override attempted(attempt: Attempt): void {
    this.#result.attempted?.(attempt)
  }

  succeed(output: unknown): void {
    this.#result.reply(output)
  }

  fail(error: GomsError, answered?: boolean): void {
    this.#result.error(error, answered)
  }
}

/** For another attempt of a call whose first one was carried by `first`. */
class FurtherSending extends RpcSending {
  readonly #first: RpcSending

  constructor(deps: RpcCarrierDeps, first: RpcSending) {
    super(deps)
    this.#first = first
  }

  get sent(): Call {
    return this.#first.sent
  }

  get service(): string {
    return this.#first.service
  }

  get method(): string {
    return this.#first.method
  }

  get input(): unknown {
    return this.#first.input
  }

  get codecs(): MethodCodecs {
    return this.#first.codecs
  }

  override attempted(attempt: Attempt): void {
    this.#first.attempted(attempt)
  }

  succeed(output: unknown): void {
    this.#first.succeed(output)
  }

  fail(error: GomsError, answered?: boolean): void {
    this.#first.fail(error, answered)
  }
}

/** A node in Go: it says in words that it does not have a method, and may have it under its other spelling. */
class GoEvents implements RpcEvents {
  readonly #events: RpcEvents
  readonly #askAgain: () => boolean

  constructor(events: RpcEvents, askAgain: () => boolean) {
    this.#events = events
    this.#askAgain = askAgain
  }

  reply(output: unknown, nowMs?: number): void {
    this.#events.reply(output, nowMs)
  }

  fault(fault: RpcFault): void {
    const isMissing = fault.message.startsWith(GO_HAS_NO_METHOD)
    if (isMissing && this.#askAgain()) return
    this.#events.fault(isMissing ? { ...fault, code: 'UNIMPLEMENTED', status: 501 } : fault)
  }

  error(error: Error, stage: RpcStage): void {
    this.#events.error(error, stage)
  }
}

/** What cannot be written, or is too large to be. */
function isOwnMistake(error: GomsError): boolean {
  return error.code === 'INVALID_ARGUMENT' || error.code === 'RESOURCE_EXHAUSTED'
}

function capital(method: string): string {
  return method.charAt(0).toUpperCase() + method.slice(1)
}
