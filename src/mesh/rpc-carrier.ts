/** Carries the attempts of one RPC call, and turns what comes back into an outcome for the mesh and a result for the caller. */
import type { Attempt, Call, Carrier, Dispatched, Dispatcher, Outcome } from '../core/call.ts'
import { GomsError } from '../core/errors.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import type { RpcEvents, RpcFault, RpcHandler, RpcStage, RpcUpstream } from '../transport/rpc.ts'
import { type RpcResult, toError, toOutcome } from './rpc-fault.ts'
import { Delivery } from './rpc-local.ts'
import { isOurs, toMetadata } from './rpc-metadata.ts'

export interface RpcCarrierDeps {
  readonly dispatcher: Dispatcher
  readonly upstream: RpcUpstream
  readonly callKey: string | undefined
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

const ANSWERED: Outcome = { stage: 'answered', status: 200 }
const CANCELLED: Outcome = { stage: 'cancelled', status: 0 }
/** Go's server, for a method that it does not have. Source: smallnest/rpcx, server/server.go. */
const GO_HAS_NO_METHOD = "rpcx: can't find method"

class RpcCarrier implements Carrier {
  readonly #deps: RpcCarrierDeps
  readonly #call: Call
  readonly #payload: RpcPayload
  readonly #result: RpcResult

  constructor(deps: RpcCarrierDeps, call: Call, payload: RpcPayload, result: RpcResult) {
    this.#deps = deps
    this.#call = call
    this.#payload = payload
    this.#result = result
  }

  repeatable(): boolean {
    return true
  }

  attempt(attempt: Attempt): (why: 'timeout' | 'cancelled') => void {
    const handler = this.#deps.local?.(attempt.node.id)
    if (handler !== undefined) {
      const delivery = new Delivery(this.#call, attempt, this.#payload, new AttemptEvents(attempt, this.#result))
      handler(delivery, delivery)
      return () => delivery.abort()
    }
    if (!isOurs(attempt.node)) return this.#attemptGo(attempt)
    const events = new AttemptEvents(attempt, this.#result)
    const handle = this.#send(attempt, this.#payload.method, true, events)
    return () => handle.abort()
  }

  fail(error: GomsError): void {
    this.#result.error(error)
  }

  #send(attempt: Attempt, method: string, cancellable: boolean, events: RpcEvents): { abort(): void } {
    const { upstream, callKey } = this.#deps
    const { input, codecs } = this.#payload
    const { fixedMetadata, deadlineMs, trace, metadata } = toMetadata(this.#call, attempt, callKey)
    const { service } = this.#call
    return upstream.send(
      attempt.node.rpc,
      { service, method, input, fixedMetadata, deadlineMs, trace, metadata, codecs, oneway: false, cancellable },
      events,
    )
  }

  /** Methods of Go begin with a capital; functions that were registered by name may not. */
  #attemptGo(attempt: Attempt): () => void {
    const { method } = this.#payload
    const first = capital(method)
    let handle: { abort(): void }
    const askAgain = (): boolean => {
      if (first === method) return false
      handle = this.#send(attempt, method, false, new GoAttemptEvents(attempt, this.#result, () => false))
      return true
    }
    handle = this.#send(attempt, first, false, new GoAttemptEvents(attempt, this.#result, askAgain))
    return () => handle.abort()
  }
}

/** Turns what comes back of one attempt into its two reports, and into the result when it is the call's. */
class AttemptEvents implements RpcEvents {
  readonly #attempt: Attempt
  readonly #result: RpcResult

  constructor(attempt: Attempt, result: RpcResult) {
    this.#attempt = attempt
    this.#result = result
  }

  reply(output: unknown): void {
    if (this.#attempt.whole(ANSWERED)) this.#result.reply(output)
  }

  fault(fault: RpcFault): void {
    if (this.#attempt.whole(toOutcome(fault))) this.#result.error(toError(fault), true)
  }

  error(error: Error, stage: RpcStage): void {
    // The caller's own mistake, found before anything was sent: no node is to blame, and none would do better.
    const own = stage === 'unsent' && error instanceof GomsError && isOwnMistake(error)
    this.#attempt.head(own ? CANCELLED : { stage, status: 0, cause: error })
    this.#attempt.end(own ? 'cancelled' : 'broken')
    if (own) this.#result.error(error)
  }
}

/** A node in Go: it says in words that it does not have a method, and may have it under its other spelling. */
class GoAttemptEvents extends AttemptEvents {
  readonly #askAgain: () => boolean

  constructor(attempt: Attempt, result: RpcResult, askAgain: () => boolean) {
    super(attempt, result)
    this.#askAgain = askAgain
  }

  override fault(fault: RpcFault): void {
    const isMissing = fault.message.startsWith(GO_HAS_NO_METHOD)
    if (isMissing && this.#askAgain()) return
    super.fault(isMissing ? { ...fault, code: 'UNIMPLEMENTED', status: 501 } : fault)
  }
}

/** What cannot be written, or is too large to be. */
function isOwnMistake(error: GomsError): boolean {
  return error.code === 'INVALID_ARGUMENT' || error.code === 'RESOURCE_EXHAUSTED'
}

function capital(method: string): string {
  return method.charAt(0).toUpperCase() + method.slice(1)
}
