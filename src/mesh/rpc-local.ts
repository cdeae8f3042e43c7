/** Calls to nodes of this very process: the same way in as from outside, without bytes, connection or copies. */
import type { Attempt, Call, Dispatched } from '../core/call.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import { toTraceparent } from '../telemetry/trace-context.ts'
import type { RpcEvents, RpcFault, RpcHandler, RpcOrigin, RpcReceived, RpcResponder } from '../transport/rpc.ts'
import { type RpcResult, toError } from './rpc-fault.ts'

/** An attempt of the mesh that met a node of this process. */
export class Delivery implements RpcReceived, RpcResponder, RpcOrigin {
  readonly service: string
  readonly method: string
  readonly oneway = false
  withdrawn = false
  readonly caller: string
  readonly identity: unknown
  readonly deadlineMs: number | undefined
  readonly attempt: number
  readonly #call: Call
  readonly #input: unknown
  readonly #events: RpcEvents
  #onAbort: (() => void) | undefined
  #over = false

  constructor(
    call: Call,
    attempt: Attempt,
    request: { readonly method: string; readonly input: unknown },
    events: RpcEvents,
  ) {
    this.service = call.service
    this.method = request.method
    this.caller = call.caller
    this.identity = call.identity
    const leftMs = attempt.leftMs()
    this.deadlineMs = leftMs === Number.POSITIVE_INFINITY ? undefined : leftMs
    this.attempt = attempt.number
    this.#call = call
    this.#input = request.input
    this.#events = events
  }

  get origin(): RpcOrigin {
    return this
  }

  metadata(name: string): string | undefined {
    return traceMetadata(name, this.#call.trace)
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
    this.withdrawn = true
    this.#onAbort?.()
  }
}

/**
 * Calls a handler of this process past the mesh, where nothing of the mesh has anything to do for it: same checks, deadline
 * and errors, at a fraction of the cost.
 * @param elsewhere the node refused the call without running it: another one may take it
 */
export function callDirectly(
  handler: RpcHandler,
  call: Call,
  input: unknown,
  clock: Clock,
  result: RpcResult,
  elsewhere: () => Dispatched,
): Dispatched {
  const direct = new DirectCall(call, input, result, elsewhere)
  handler(direct, direct)
  direct.watch(clock)
  return direct
}

class DirectCall implements RpcReceived, RpcResponder, RpcOrigin, Dispatched {
  readonly service: string
  readonly method: string
  readonly oneway = false
  withdrawn = false
  readonly caller: string
  readonly identity: unknown
  readonly deadlineMs: number
  readonly attempt = 1
  readonly #call: Call
  readonly #input: unknown
  readonly #result: RpcResult
  readonly #elsewhere: () => Dispatched
  #gone: Dispatched | undefined
  #timer: Timer | undefined
  #onAbort: (() => void) | undefined
  #over = false

  constructor(call: Call, input: unknown, result: RpcResult, elsewhere: () => Dispatched) {
    this.service = call.service
    this.method = call.action
    this.caller = call.caller
    this.identity = call.identity
    this.deadlineMs = call.policy.timeoutMs
    this.#call = call
    this.#input = input
    this.#result = result
    this.#elsewhere = elsewhere
  }

  get origin(): RpcOrigin {
    return this
  }

  metadata(name: string): string | undefined {
    return traceMetadata(name, this.#call.trace)
  }

  input(): unknown {
    return this.#input
  }

  onAbort(listener: () => void): void {
    this.#onAbort = listener
  }

  /** Only now, after the handler has returned: one that answers at once needs no timer. */
  watch(clock: Clock): void {
    if (!this.#over) this.#timer = clock.after(this.deadlineMs, () => this.#expired())
  }

  reply(output: unknown): void {
    if (this.#end()) this.#result.reply(output)
  }

  fault(fault: RpcFault): void {
    if (!this.#end()) return
    if (fault.refusal === undefined) this.#result.error(toError(fault))
    else this.#gone = this.#elsewhere()
  }

  cancel(): void {
    this.#gone?.cancel()
    if (!this.#end()) return
    this.withdrawn = true
    this.#onAbort?.()
  }

  #expired(): void {
    this.cancel()
    const message = `${this.service}/${this.method}: no answer within ${this.deadlineMs} ms`
    this.#result.error(new GomsError('DEADLINE_EXCEEDED', message))
  }

  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#timer?.cancel()
    return true
  }
}

function traceMetadata(name: string, trace: TraceContext): string | undefined {
  if (name === 'traceparent') return toTraceparent(trace)
  return name === 'tracestate' ? trace.state : undefined
}
