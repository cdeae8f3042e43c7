/** What an RPC handler gets as its second argument: the call, the log, `emit` and the clients of `uses`, all bound. */
import type { HandlerContext } from '../contract/handler.ts'
import type { CallContext, TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Served } from '../core/observe.ts'
import { childOf, receiveTraceWords } from '../telemetry/trace-context.ts'
import type { RpcReceived } from '../transport/rpc.ts'
import type { CallerHeaders } from './internal-headers.ts'
import { type Callee, ServedCall } from './served-call.ts'

/** One RPC call at the node that serves it. */
export class RpcCall extends ServedCall implements Served {
  readonly #received: RpcReceived

  constructor(received: RpcReceived, from: CallerHeaders, callee: Callee, deadlineMs: number | undefined) {
    super(from, callee, deadlineMs, received.arrivedAtMs)
    this.#received = received
  }

  get transport(): 'rpc' {
    return 'rpc'
  }

  get name(): string {
    return this.#received.method
  }

  /** Nobody waits for the answer. */
  get withdrawn(): boolean {
    return this.#received.withdrawn
  }

  protected override sent(lowerCaseName: string): string | undefined {
    return this.#received.metadata(lowerCaseName)
  }

  protected override receivedTrace(): TraceContext {
    const { trace: words, position } = this.#received
    if (position !== undefined) return childOf(position)
    return words === undefined ? super.receivedTrace() : receiveTraceWords(words)
  }

  protected override sentDecision(): boolean | undefined {
    const { sampled, trace } = this.#received
    return sampled ?? trace?.sampled
  }

  protected override get action(): string {
    return this.#received.method
  }

  /** Only now: a handler that never looks at its signal costs no listener. */
  protected override watched(): void {
    this.#received.onAbort(() => this.abort(withdrawn()))
  }

  protected override gone(): GomsError | undefined {
    return this.#received.withdrawn ? withdrawn() : undefined
  }
}

function withdrawn(): GomsError {
  return new GomsError('CANCELLED', 'call: the caller went away')
}

/** What contexts are made of. */
export interface RpcContextDeps {
  readonly log: Log
  /** Keys of `uses`. */
  readonly uses: readonly string[]
  /** The clients of `uses`, for one call. */
  clients(call: CallContext): Readonly<Record<string, unknown>>
  emit(event: string, payload: unknown, call: CallContext): Promise<void>
}

/** Makes the contexts of one service: its clients are properties like the others, made when they are read. */
export function createContexts(deps: RpcContextDeps): (call: RpcCall) => HandlerContext {
  class ServiceContext extends RpcContext {
    constructor(call: RpcCall) {
      super(call, deps)
    }
  }
  for (const name of deps.uses) RpcContext.addClient(ServiceContext.prototype, name)
  return (call) => new ServiceContext(call)
}

class RpcContext implements HandlerContext {
  readonly #call: RpcCall
  readonly #deps: RpcContextDeps
  #clients: Readonly<Record<string, unknown>> | undefined
  #log: Log | undefined

  constructor(call: RpcCall, deps: RpcContextDeps) {
    this.#call = call
    this.#deps = deps
  }

  static addClient(prototype: RpcContext, name: string): void {
    Object.defineProperty(prototype, name, {
      enumerable: true,
      get(this: RpcContext) {
        this.#clients ??= this.#deps.clients(this.#call)
        return this.#clients[name]
      },
    })
  }

  get traceId(): string {
    return this.#call.traceId
  }

  get trace(): TraceContext {
    return this.#call.trace
  }

  get caller(): string | undefined {
    return this.#call.caller
  }

  get identity(): unknown {
    return this.#call.identity
  }

  get attempt(): number {
    return this.#call.attempt
  }

  get signal(): AbortSignal {
    return this.#call.signal
  }

  get leftMs(): () => number {
    const call = this.#call
    return () => call.leftMs()
  }

  get log(): Log {
    this.#log ??= withTrace(this.#deps.log, this.#call)
    return this.#log
  }

  get emit(): (event: string, payload: unknown) => Promise<void> {
    const call = this.#call
    const deps = this.#deps
    return (event, payload) => deps.emit(event, payload, call)
  }
}

/** The trace is read when the first line is written. */
function withTrace(log: Log, call: CallContext): Log {
  type Fields = Readonly<Record<string, unknown>>
  const all = (fields: Fields | undefined): Fields => ({ traceId: call.traceId, ...fields })
  return {
    debug: (message, fields) => log.debug(message, all(fields)),
    info: (message, fields) => log.info(message, all(fields)),
    warn: (message, fields) => log.warn(message, all(fields)),
    error: (message, fields) => log.error(message, all(fields)),
  }
}
