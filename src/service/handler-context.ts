/** What a handler gets as its second argument: the call, the log, `emit` and what `uses` comes to, all bound. */
import type { EmitOptions } from '../contract/event.ts'
import type { HandlerContext } from '../contract/handler.ts'
import type { CallContext, TraceContext } from '../core/context.ts'
import { createLogger, type Log, type LogFields, type Logger } from '../core/log.ts'
import { callFields, type ServedCall } from './served-call.ts'

/** What contexts are made of. */
export interface ContextDeps {
  readonly log: Log
  /** Keys of `uses`. */
  readonly uses: readonly string[]
  /** The clients of `uses`, for one call. */
  clients(call: CallContext): Readonly<Record<string, unknown>>
  emit(event: string, payload: unknown, call: CallContext, options: EmitOptions | undefined): Promise<void>
}

/**
 * Makes the contexts of one service: its clients are properties like the others, made when they are read.
 * @param own further properties, by name
 */
export function createContexts<Call extends ServedCall>(
  deps: ContextDeps,
  own: Readonly<Record<string, (call: Call) => unknown>> = {},
): (call: Call) => HandlerContext {
  class ServiceContext extends CallBoundContext<Call> {
    constructor(call: Call) {
      super(call, deps)
    }
  }
  for (const name of deps.uses) CallBoundContext.addClient(ServiceContext.prototype, name)
  for (const [name, of] of Object.entries(own)) {
    CallBoundContext.add(ServiceContext.prototype, name, of as (call: ServedCall) => unknown)
  }
  return (call) => new ServiceContext(call)
}

class CallBoundContext<Call extends ServedCall> implements HandlerContext {
  readonly #call: Call
  readonly #deps: ContextDeps
  #clients: Readonly<Record<string, unknown>> | undefined
  #log: Logger | undefined

  constructor(call: Call, deps: ContextDeps) {
    this.#call = call
    this.#deps = deps
  }

  static addClient(prototype: object, name: string): void {
    Object.defineProperty(prototype, name, {
      enumerable: true,
      get(this: CallBoundContext<ServedCall>) {
        this.#clients ??= this.#deps.clients(this.#call)
        return this.#clients[name]
      },
    })
  }

  static add(prototype: object, name: string, of: (call: ServedCall) => unknown): void {
    Object.defineProperty(prototype, name, {
      enumerable: true,
      get(this: CallBoundContext<ServedCall>) {
        return of(this.#call)
      },
    })
  }

  get traceId(): string {
    return this.#call.traceId
  }

  get trace(): TraceContext {
    return this.#call.trace
  }

  get requestId(): string | undefined {
    return this.#call.requestId
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

  get log(): Logger {
    this.#log ??= withTrace(this.#deps.log, this.#call)
    return this.#log
  }

  get emit(): (event: string, payload: unknown, options?: EmitOptions) => Promise<void> {
    const call = this.#call
    const deps = this.#deps
    return (event, payload, options) => deps.emit(event, payload, call, options)
  }
}

/** The trace is read when the first line is written. */
function withTrace(log: Log, call: ServedCall): Logger {
  let fields: LogFields | undefined
  return createLogger(log, () => {
    fields ??= callFields(call)
    return fields
  })
}
