/** Nothing but a position in a trace, where no call is in progress. */
import type { CallContext, TraceContext } from './context.ts'

/** Of a call that has ended, or of what another tracer is in. */
export class TraceLink implements CallContext {
  readonly trace: TraceContext
  readonly caller = undefined
  readonly identity = undefined
  readonly attempt = 1

  constructor(trace: TraceContext) {
    this.trace = trace
  }

  get traceId(): string {
    return this.trace.traceId
  }

  leftMs(): number {
    return Number.POSITIVE_INFINITY
  }

  /** Never aborted; a new one each time, so that listeners added for ever do not add up in one place. */
  get signal(): AbortSignal {
    return new AbortController().signal
  }
}
