/**
 * What the ways of a call tell of it, for metrics, traces and the access log. An observer is asked for once for each route
 * or method and told of all its calls, so that whatever is bound to that route is looked up once. Observers never throw, and
 * keep nothing that they are handed beyond the call of the method, but for traces. All times are of the clock's `now()`.
 */
import type { Attempt, Call, Outcome } from './call.ts'
import type { CallContext, TraceContext, TraceWords } from './context.ts'
import type { GomsError } from './errors.ts'

/** A call to a handler of this very process, past the mesh. */
export interface LocalCall {
  readonly service: string
  readonly method: string
  readonly caller: string
  /** Where in a trace it stands. Made when it is first asked for. */
  readonly position: TraceContext
  /** The same where it was made already. */
  readonly asked: TraceContext | undefined
  readonly sampled: boolean | undefined
  /** The call in progress that it is part of. */
  readonly within: CallContext | undefined
}

/** The way out: calls that this process makes, through the gateway or by clients. */
export interface OutboundObserver {
  /** An attempt came to its head, or to nothing. Its end is not told. */
  attempt(call: Call, attempt: Attempt, outcome: Outcome, startedMs: number, nowMs: number): void
  /**
   * The call is over, once: with an answer (`answered`, `busy`) or given up by its caller (`cancelled`), which is its outcome;
   * else with an error. After its attempts.
   * @param attempts how many there were; 0: refused before any
   */
  call(
    call: Call,
    attempts: number,
    outcome: Outcome | undefined,
    error: GomsError | undefined,
    startedMs: number,
    nowMs: number,
  ): void
  /** The same of a call to a handler of this very process, past the mesh: its only attempt, and its end. */
  local(
    call: LocalCall,
    outcome: Outcome | undefined,
    error: GomsError | undefined,
    startedMs: number,
    nowMs: number,
  ): void
}

/** Undefined: nobody wants to know. Asked once for each action that is called. */
export type ObserveOutbound = (service: string, action: string) => OutboundObserver | undefined

/** What a call failed with: a code of the table or of a contract, and what is said of it. */
export interface Failing {
  readonly code: string
  readonly message: string
}

/** What brought a call: events come without anybody who waits. */
export type ServedBy = 'http' | 'rpc' | 'event'

/** A call as the node that serves it sees it. What is not asked for is not made: the trace costs something. */
export interface Served extends CallContext {
  readonly transport: ServedBy
  /** Name of the method, `<METHOD> <path>` of a request without its query, or the name of the event. */
  readonly name: string
  /** Of an event: the number of the delivery, from 1. */
  readonly delivery?: number | undefined
  /** Whether it is to be recorded, as was drawn; undefined: not decided. */
  readonly sampled: boolean | undefined
  /** What the request said, over HTTP; without what only our own processes say. */
  readonly request?: ServedRequest | undefined
}

export interface ServedRequest {
  readonly method: string
  readonly path: string
  /** With its `?`, or empty. */
  readonly query: string
  headers(): Iterable<readonly [name: string, value: string]>
}

/** The way in of a service: all calls of one method, or all its HTTP requests. */
export interface ServedObserver {
  /**
   * The answer is out, or nobody waits for it any more; a session: its head is out. Calls that were refused before any code of
   * the application ran are told too.
   * @param status HTTP status of the answer, or that of the code
   * @param failing undefined for answers of the application, whatever their status
   */
  served(call: Served, status: number, failing: Failing | undefined, startedMs: number, nowMs: number): void
}

/**
 * Asked once for each method of RPC and each event, and once for all HTTP requests of a service.
 * @param method of RPC, or the event's name; undefined for HTTP, and for methods that the service does not have
 */
export type ObserveServed = (
  service: string,
  transport: ServedBy,
  method: string | undefined,
) => ServedObserver | undefined

/** A request at the gateway. */
export interface GatewayRequest {
  readonly method: string
  /** As it is routed, without the query; as it came where it could not be read. */
  readonly path: string
  /** With its `?`, or empty. */
  readonly query: string
  readonly version: string
  /** Undefined: none was found, or the gateway answered before it looked for one. */
  readonly route: { readonly service: string; readonly action: string } | undefined
  /** Of the answer; 0: none began. */
  readonly status: number
  /** The gateway's own failure; undefined where a node answered. */
  readonly error: GomsError | undefined
  /** When its head had come. */
  readonly startedMs: number
  /** When the head of the answer went out; undefined: none did. */
  readonly headMs: number | undefined
  /** Of the client: the connection's, without zone and `::ffff:`. */
  readonly address: string
  /** Whether the connection comes from one of `trustedProxies`. */
  readonly trusted: boolean
  header(lowerCaseName: string): string | undefined
  /** All of its fields as they came. */
  headers(): Iterable<readonly [name: string, value: string]>
  /** Bytes of the answer's body, where its length was known at the head. */
  readonly answerBytes: number | undefined
  /** Bytes of a streamed answer that went to the client. */
  readonly sentBytes: number
  /** Node of the last attempt, and how many there were. */
  readonly node: string | undefined
  readonly attempts: number
  /** Address of whoever asked: the rightmost of `X-Forwarded-For` that is no trusted proxy, else that of the connection. */
  readonly client: string
  /**
   * Why an answer that had begun was not sent whole, where that was not the client: the `node` broke off or stood still, or
   * the `deadline` of the whole answer was over.
   */
  readonly cut: 'node' | 'deadline' | undefined
  /** What `X-Request-Id` says on the way to the node and in the answer; undefined where `gateway.requestId` is off. */
  readonly requestId: string | undefined
  /** Of the request's, where it gives one. */
  readonly bodyBytes: number | undefined
  /** Undefined before a trace was received, which is before a route is looked for. Made when it is asked for. */
  readonly traceId: string | undefined
  readonly trace: TraceContext
  /** The same in numbers, where it began here. */
  readonly traceWords: TraceWords | undefined
  readonly sampled: boolean | undefined
  readonly identity: unknown
  /** What is held of its body, where that was not streamed; its first bytes at least. Valid during the call. */
  body(): Buffer | undefined
  /** It became a session (an upgrade, an event stream): told when its head is out, since it has no end worth telling. */
  readonly session: boolean
}

export interface RequestObserver {
  /**
   * The request is over: its answer is out to the last byte, or the client is gone; a session: its head is out.
   * @param complete the answer went out whole
   */
  request(request: GatewayRequest, complete: boolean, nowMs: number): void
  /** Of those without a route: the door itself answered what is no request. @param address of the connection */
  refused(status: number, address: string): void
}

/**
 * Asked once for each route.
 * @param route undefined: for all that have none
 * @param gateway its name
 */
export type ObserveRequests = (
  route: { readonly service: string; readonly action: string } | undefined,
  gateway: string,
) => RequestObserver | undefined

/** Events that this process emits, of one name. */
export interface EventObserver {
  /**
   * The broker has it, or it was not emitted.
   * @param trace the position of the emitting
   */
  emitted(trace: TraceContext, failing: Failing | undefined, startedMs: number, nowMs: number): void
}

/** Asked once for each event of each service. @param service that emits */
export type ObserveEvents = (service: string, name: string) => EventObserver | undefined

/** All who want to know, of one process. */
export interface Observers {
  readonly outbound?: ObserveOutbound | undefined
  readonly served?: ObserveServed | undefined
  readonly requests?: ObserveRequests | undefined
  readonly events?: ObserveEvents | undefined
}
