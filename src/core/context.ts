/** What travels with a call by itself: trace, deadline, caller, identity. */

/** A position in a trace. Ids are lower-case hex; a 64-bit trace id keeps its 16 digits. */
export interface TraceContext {
  readonly traceId: string
  readonly spanId: string
  readonly parentId: string | undefined
  /** undefined: not decided yet. */
  readonly sampled: boolean | undefined
  /** W3C tracestate, passed on as it came. */
  readonly state: string | undefined
}

/**
 * A position in a trace as numbers, for as long as nobody asks for its text. Each number is 32 bits with a sign, which the
 * engine keeps without a box.
 */
export interface TraceWords {
  /** 128 bits of the trace id, the highest first; a 64-bit id has zeros in the first two. */
  readonly trace0: number
  readonly trace1: number
  readonly trace2: number
  readonly trace3: number
  readonly span0: number
  readonly span1: number
  /** False also while it is not decided, as in a `traceparent`. */
  readonly sampled: boolean
}

/** The context of a call in progress, as handlers and web applications see it. */
export interface CallContext {
  readonly traceId: string
  readonly trace: TraceContext
  /** `X-Request-Id` of the request as the gateway passed it on; 1 to 128 visible ASCII characters, else undefined. */
  readonly requestId?: string | undefined
  /** Name of the service that called, once the call key matched; `gateway` for calls from outside. */
  readonly caller: string | undefined
  /** What the gateway's auth hook returned, once the call key matched. */
  readonly identity: unknown
  /** 1 for a first attempt. A callee that sees more does not retry below. */
  readonly attempt: number
  /** Milliseconds left, Infinity without a deadline. */
  leftMs(): number
  /** Aborted when the caller goes away or the deadline is over. */
  readonly signal: AbortSignal
}
