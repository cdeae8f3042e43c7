/** A call to a node of this very process: the same way in as from outside, without bytes, connection or copies. */
import type { Attempt, Call } from '../core/call.ts'
import type { RpcEvents, RpcFault, RpcHandler, RpcReceived, RpcResponder } from '../transport/rpc.ts'
import { metadataOf } from './rpc-metadata.ts'

/** Hands a call to a handler. Metadata is made up only for what the handler reads. */
export function deliver(
  handler: RpcHandler,
  call: Call,
  attempt: Attempt,
  request: { readonly method: string; readonly input: unknown },
  callKey: string | undefined,
  events: RpcEvents,
): { abort(): void } {
  const delivery = new Delivery(call, attempt, request, callKey, events)
  handler(delivery, delivery)
  return delivery
}

class Delivery implements RpcReceived, RpcResponder {
  readonly service: string
  readonly method: string
  readonly oneway = false
  readonly #call: Call
  readonly #attempt: Attempt
  readonly #input: unknown
  readonly #callKey: string | undefined
  readonly #events: RpcEvents
  #onAbort: (() => void) | undefined
  #over = false

  constructor(
    call: Call,
    attempt: Attempt,
    request: { readonly method: string; readonly input: unknown },
    callKey: string | undefined,
    events: RpcEvents,
  ) {
    this.service = call.service
    this.method = request.method
    this.#call = call
    this.#attempt = attempt
    this.#input = request.input
    this.#callKey = callKey
    this.#events = events
  }

  metadata(name: string): string | undefined {
    return metadataOf(name, this.#call, this.#attempt, this.#callKey)
  }

  input(): unknown {
    return this.#input
  }

  onAbort(listener: () => void): void {
    this.#onAbort = listener
  }

  reply(output: unknown): void {
    if (this.#over) return
    this.#over = true
    this.#events.reply(output)
  }

  fault(fault: RpcFault): void {
    if (this.#over) return
    this.#over = true
    this.#events.fault(fault)
  }

  abort(): void {
    if (this.#over) return
    this.#over = true
    this.#onAbort?.()
  }
}
