/** Carries the attempts of one RPC call, and turns what comes back into an outcome for the mesh and a result for the caller. */
import type { Attempt, Call, Carrier, Dispatched, Dispatcher, Outcome } from '../core/call.ts'
import { GomsError } from '../core/errors.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import type { RpcEvents, RpcHandler, RpcStage, RpcUpstream } from '../transport/rpc.ts'
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
export function dispatchRpc(deps: RpcCarrierDeps, call: Call, payload: RpcPayload, result: RpcResult): Dispatched {
  return deps.dispatcher.dispatch(call, new RpcCarrier(deps, call, payload, result))
}

const ANSWERED: Outcome = { stage: 'answered', status: 200 }
const CANCELLED: Outcome = { stage: 'cancelled', status: 0 }
/** Go's server, for a method that it does not have. Source: smallnest/rpcx, server/server.go. */
const GO_HAS_NO_METHOD = "rpcx: can't find method"

export class RpcCarrier implements Carrier {
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
    const { upstream, callKey, local } = this.#deps
    const handler = local?.(attempt.node.id)
    if (handler !== undefined) {
      const delivery = new Delivery(this.#call, attempt, this.#payload, this.#eventsOf(attempt))
      handler(delivery, delivery)
      return () => delivery.abort()
    }
    const { service } = this.#call
    const { method, input, codecs } = this.#payload
    const cancellable = isOurs(attempt.node)
    const metadata = toMetadata(this.#call, attempt, callKey)
    // Methods of Go begin with a capital; functions that were registered by name may not.
    const first = cancellable ? method : capital(method)
    const request = { service, method: first, input, metadata, codecs, oneway: false, cancellable }
    let handle: { abort(): void }
    const events = this.#eventsOf(attempt, () => {
      if (first === method) return false
      handle = upstream.send(attempt.node.rpc, { ...request, method }, this.#eventsOf(attempt))
      return true
    })
    handle = upstream.send(attempt.node.rpc, request, events)
    return () => handle.abort()
  }

  fail(error: GomsError): void {
    this.#result.error(error)
  }

  #eventsOf(attempt: Attempt, askAgain?: () => boolean): RpcEvents {
    return {
      reply: (output) => {
        const final = attempt.head(ANSWERED)
        attempt.end('complete')
        if (final) this.#result.reply(output)
      },
      fault: (fault) => {
        const missing = !isOurs(attempt.node) && fault.message.startsWith(GO_HAS_NO_METHOD)
        if (missing && askAgain?.()) return
        const final = attempt.head(toOutcome(fault))
        attempt.end('complete')
        if (final) this.#result.error(toError(missing ? { ...fault, code: 'UNIMPLEMENTED', status: 501 } : fault))
      },
      error: (error, stage) => this.#failed(attempt, error, stage),
    }
  }

  #failed(attempt: Attempt, error: Error, stage: RpcStage): void {
    // The caller's own mistake, found before anything was sent: no node is to blame, and none would do better.
    const own = error instanceof GomsError && error.code !== 'OVERLOADED' && stage === 'unsent' && isOwnMistake(error)
    attempt.head(own ? CANCELLED : { stage, status: 0, cause: error })
    attempt.end(own ? 'cancelled' : 'broken')
    if (own) this.#result.error(error)
  }
}

/** What cannot be written, or is too large to be. */
function isOwnMistake(error: GomsError): boolean {
  return error.code === 'INVALID_ARGUMENT' || error.code === 'RESOURCE_EXHAUSTED'
}

function capital(method: string): string {
  return method.charAt(0).toUpperCase() + method.slice(1)
}
