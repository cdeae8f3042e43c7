/** A call of a typed client: what the mesh sees, what carries it and what takes its answer, in one object. */
import type { Call, Dispatched } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { CallContext, TraceContext, TraceWords } from '../core/context.ts'
import type { Deadline } from '../core/deadline.ts'
import type { GomsError } from '../core/errors.ts'
import type { NodeInfo, Transport } from '../core/node.ts'
import type { Policy } from '../core/options.ts'
import type { MethodRef } from '../core/rpc-client.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import { childOf, newTraceWords, rootOf } from '../telemetry/trace-context.ts'
import { namedIn } from './request-name.ts'
import { type RpcCarrierDeps, RpcSending } from './rpc-carrier.ts'
import type { MethodPolicy } from './rpc-policy.ts'
import { notYet, type Settle, type Settling } from './settlement.ts'

export interface TypedCallDeps extends RpcCarrierDeps {
  readonly caller: string
  readonly clock: Clock
  /** Traces are recorded: decides about those that begin here. @default none is */
  readonly sampler?: Sampler | undefined
}

/** What is known of the called method. */
export interface CalledMethod extends MethodPolicy {
  readonly codecs: MethodCodecs
}

/** Thousands may wait at a time: what others hold already is asked of them. */
export class TypedCall extends RpcSending implements Call, Deadline, Settling {
  readonly input: unknown
  readonly policy: Policy
  readonly offers: (node: NodeInfo) => boolean
  readonly startedMs: number
  resolve: Settle = notYet
  reject: Settle = notYet
  /** Called once it is settled. */
  settled: (() => void) | undefined
  declare protected readonly deps: TypedCallDeps
  readonly #ref: MethodRef
  readonly #known: CalledMethod
  readonly #context: CallContext | undefined
  #under: Dispatched | undefined
  #trace: TraceContext | undefined
  #traceWords: TraceWords | undefined

  constructor(
    deps: TypedCallDeps,
    ref: MethodRef,
    input: unknown,
    known: CalledMethod,
    policy: Policy,
    offers: (node: NodeInfo) => boolean,
    context: CallContext | undefined,
  ) {
    super(deps)
    this.input = input
    this.policy = policy
    this.offers = offers
    this.startedMs = deps.clock.now()
    this.#ref = ref
    this.#known = known
    this.#context = context
  }

  get sent(): Call {
    return this
  }

  /** Sends it the one way out: pick, attempt, and again where that is safe. */
  send(): void {
    this.#under = this.deps.dispatcher.dispatch(this, this, this.startedMs)
  }

  /** Its caller gave up. */
  cancel(error: GomsError): void {
    this.#under?.cancel()
    this.fail(error)
  }

  succeed(output: unknown): void {
    this.settled?.()
    this.resolve(output)
  }

  fail(error: GomsError): void {
    this.settled?.()
    error.traceId ??= this.trace.traceId
    this.reject(error)
  }

  get transport(): Transport {
    return 'rpc'
  }

  get service(): string {
    return this.#ref.service
  }

  get action(): string {
    return this.#ref.method
  }

  get method(): string {
    return this.#ref.method
  }

  get codecs(): MethodCodecs {
    return this.#known.codecs
  }

  get idempotent(): boolean {
    return this.#known.idempotent
  }

  get caller(): string {
    return this.deps.caller
  }

  get identity(): unknown {
    return this.#context?.identity
  }

  get hopAttempt(): number {
    return this.#context === undefined ? 1 : this.#context.attempt
  }

  get attemptSpans(): 'own' | undefined {
    return this.deps.sampler === undefined ? undefined : 'own'
  }

  get requestId(): string | undefined {
    return namedIn(this.#context)
  }

  get affinity(): string | undefined {
    return undefined
  }

  get deadline(): Deadline {
    return this
  }

  leftMs(nowMs: number = this.deps.clock.now()): number {
    return this.startedMs + this.policy.timeoutMs - nowMs
  }

  /** Made when it is first asked for, as is the trace. */
  get traceWords(): TraceWords | undefined {
    if (this.#context === undefined) this.#traceWords ??= newTraceWords(this.deps.sampler, this.service, this.method)
    return this.#traceWords
  }

  get trace(): TraceContext {
    if (this.#trace === undefined) {
      const isDecided = this.deps.sampler !== undefined
      this.#trace =
        this.#context === undefined ? rootOf(this.traceWords as TraceWords, isDecided) : childOf(this.#context.trace)
    }
    return this.#trace
  }
}
