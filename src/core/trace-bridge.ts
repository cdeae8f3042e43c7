/** The way between our traces and those of another tracer in this process. Without one it costs a look at a variable. */
import type { CallContext, TraceContext } from './context.ts'
import { TraceLink } from './trace-link.ts'

export interface TraceBridge {
  /** Runs `fn`; spans that the other tracer begins in it, and in all that it starts, are parts of that position. */
  within<T>(trace: TraceContext, fn: () => T): T
  /** Where the running code stands for the other tracer: its own span, or a position of ours that it is within. */
  active(): TraceContext | undefined
  /** Runs `fn` as part of no span. */
  outside<T>(fn: () => T): T
  /** Runs `fn` unseen by the other tracer: what sends spans makes none. */
  unseen<T>(fn: () => T): T
}

let current: TraceBridge | undefined

/** For `app/` only. */
export function setTraceBridge(bridge: TraceBridge | undefined): void {
  current = bridge
}

export function traceBridge(): TraceBridge | undefined {
  return current
}

/**
 * What a call that is made now is part of: the call in progress, below the span of the other tracer that is active. That
 * span alone where no call is in progress.
 */
export function belowActiveSpan(context: CallContext | undefined): CallContext | undefined {
  const active = current?.active()
  if (active === undefined) return context
  if (context === undefined) return new TraceLink(active)
  const { traceId, spanId } = context.trace
  return active.spanId === spanId && active.traceId === traceId ? context : new ContextBelow(context, active)
}

/** A call in progress, further down in the trace. */
class ContextBelow implements CallContext {
  readonly trace: TraceContext
  readonly #context: CallContext

  constructor(context: CallContext, trace: TraceContext) {
    this.#context = context
    this.trace = trace
  }

  get traceId(): string {
    return this.trace.traceId
  }

  get requestId(): string | undefined {
    return this.#context.requestId
  }

  get caller(): string | undefined {
    return this.#context.caller
  }

  get identity(): unknown {
    return this.#context.identity
  }

  get attempt(): number {
    return this.#context.attempt
  }

  leftMs(): number {
    return this.#context.leftMs()
  }

  get signal(): AbortSignal {
    return this.#context.signal
  }
}
