/** Calls to nodes of this very process: the same way in as from outside, without bytes, connection or copies. */
import { ANSWERED, type Attempt, CANCELLED, type Call, type Outcome } from '../core/call.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { CallContext, TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { LocalCall, OutboundObserver } from '../core/observe.ts'
import type { MethodRef } from '../core/rpc-client.ts'
import { REQUEST_ID } from '../http/request-id.ts'
import { attemptTrace } from '../telemetry/attempt-position.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import { childOf, newTraceWords, rootOf, toTraceparent } from '../telemetry/trace-context.ts'
import type { RpcEvents, RpcFault, RpcHandler, RpcOrigin, RpcReceived, RpcResponder } from '../transport/rpc.ts'
import { namedIn } from './request-name.ts'
import { toError, toOutcome } from './rpc-fault.ts'
import { notYet, type Settle, type Settling, settledBy } from './settlement.ts'

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
    return name === REQUEST_ID ? this.#call.requestId : traceMetadata(name, this.position)
  }

  get position(): TraceContext {
    return attemptTrace(this.#call, this.attempt)
  }

  get sampled(): boolean | undefined {
    return this.#call.trace.sampled
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

/** What a call past the mesh goes by. */
export interface DirectCallDeps {
  readonly caller: string
  readonly clock: Clock
  /** Traces are recorded: decides about those that begin here. @default none is */
  readonly sampler?: Sampler | undefined
}

/**
 * A call to a handler of this process past the mesh, where nothing of the mesh has anything to do for it: same checks,
 * deadline and errors, at a fraction of the cost. One that is answered at once has a promise that is settled already.
 */
export class DirectCall implements RpcReceived, RpcResponder, RpcOrigin, Settling, LocalCall {
  withdrawn = false
  readonly deadlineMs: number
  resolve: Settle = notYet
  reject: Settle = notYet
  /** Called once it is settled, if it was not settled at once. */
  settled: (() => void) | undefined
  readonly #deps: DirectCallDeps
  readonly #ref: MethodRef
  readonly #input: unknown
  readonly #observer: OutboundObserver | undefined
  /** Only where somebody is told of it. */
  readonly #startedMs: number | undefined
  readonly #context: CallContext | undefined
  #trace: TraceContext | undefined
  #state: 'running' | 'waiting' | 'replied' | 'failed' = 'running'
  #output: unknown
  #fault: RpcFault | undefined
  #timer: Timer | undefined
  #onAbort: (() => void) | undefined

  constructor(
    deps: DirectCallDeps,
    ref: MethodRef,
    input: unknown,
    timeoutMs: number,
    context: CallContext | undefined,
    observer: OutboundObserver | undefined,
  ) {
    this.deadlineMs = timeoutMs
    this.#deps = deps
    this.#ref = ref
    this.#input = input
    this.#context = context
    this.#observer = observer
    this.#startedMs = observer === undefined ? undefined : deps.clock.now()
  }

  /** Undefined: the node refused the call without running it, and another one may take it. */
  send(handler: RpcHandler): Promise<unknown> | undefined {
    handler(this, this)
    if (this.#state === 'replied') {
      if (this.#observer !== undefined) this.#tell(ANSWERED, undefined)
      return Promise.resolve(this.#output)
    }
    if (this.#fault !== undefined) {
      // The mesh tells of what it goes on with.
      if (this.#fault.refusal !== undefined) return undefined
      if (this.#observer !== undefined) this.#tell(toOutcome(this.#fault), undefined)
      return Promise.reject(this.#traced(toError(this.#fault)))
    }
    // Only now, after the handler has returned: one that answers at once needs no timer.
    this.#state = 'waiting'
    this.#timer = this.#deps.clock.after(this.deadlineMs, () => this.#expired())
    return settledBy(this)
  }

  get waits(): boolean {
    return this.#state === 'waiting'
  }

  get service(): string {
    return this.#ref.service
  }

  get method(): string {
    return this.#ref.method
  }

  get oneway(): boolean {
    return false
  }

  get caller(): string {
    return this.#deps.caller
  }

  get identity(): unknown {
    return this.#context?.identity
  }

  get attempt(): number {
    return 1
  }

  get origin(): RpcOrigin {
    return this
  }

  metadata(name: string): string | undefined {
    return name === REQUEST_ID ? namedIn(this.#context) : traceMetadata(name, this.position)
  }

  get position(): TraceContext {
    this.#trace ??= this.#context === undefined ? this.#root() : childOf(this.#context.trace)
    return this.#trace
  }

  #root(): TraceContext {
    const { sampler } = this.#deps
    return rootOf(newTraceWords(sampler, this.service, this.method), sampler !== undefined)
  }

  /** What was drawn, without making a position where that is not needed. */
  get sampled(): boolean | undefined {
    return this.#context === undefined ? this.position.sampled : this.#context.trace.sampled
  }

  get asked(): TraceContext | undefined {
    return this.#trace
  }

  get within(): CallContext | undefined {
    return this.#context
  }

  input(): unknown {
    return this.#input
  }

  onAbort(listener: () => void): void {
    this.#onAbort = listener
  }

  reply(output: unknown): void {
    if (this.#state === 'running') {
      this.#state = 'replied'
      this.#output = output
    } else if (this.#end('replied')) {
      if (this.#observer !== undefined) this.#tell(ANSWERED, undefined)
      this.resolve(output)
    }
  }

  fault(fault: RpcFault): void {
    if (this.#state === 'running') {
      this.#state = 'failed'
      this.#fault = fault
    } else if (this.#end('failed')) {
      if (this.#observer !== undefined) this.#tell(toOutcome(fault), undefined)
      this.reject(this.#traced(toError(fault)))
    }
  }

  /** Its caller gave up: the handler hears of it. */
  cancel(error: GomsError): void {
    if (!this.#end('failed')) return
    this.withdrawn = true
    this.#onAbort?.()
    if (this.#observer !== undefined) {
      if (error.code === 'CANCELLED') this.#tell(CANCELLED, undefined)
      else this.#tell(undefined, error)
    }
    this.reject(this.#traced(error))
  }

  #traced(error: GomsError): GomsError {
    error.traceId ??= this.position.traceId
    return error
  }

  #expired(): void {
    const message = `${this.service}/${this.method}: no answer within ${this.deadlineMs} ms`
    this.cancel(new GomsError('DEADLINE_EXCEEDED', message))
  }

  /** Apart, so that calls which nobody observes stay short. */
  #tell(outcome: Outcome | undefined, error: GomsError | undefined): void {
    this.#observer?.local(this, outcome, error, this.#startedMs as number, this.#deps.clock.now())
  }

  #end(state: 'replied' | 'failed'): boolean {
    if (this.#state !== 'waiting') return false
    this.#state = state
    this.#timer?.cancel()
    this.settled?.()
    return true
  }
}

function traceMetadata(name: string, trace: TraceContext): string | undefined {
  if (name === 'traceparent') return toTraceparent(trace)
  return name === 'tracestate' ? trace.state : undefined
}
