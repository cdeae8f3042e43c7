/**
 * A call and its attempts: the one way through the house, shared by HTTP and RPC.
 * A call walks down (pick, attempt) once per attempt and comes back up in two steps, `head` and `end`.
 */
import type { TraceContext, TraceWords } from './context.ts'
import type { Deadline } from './deadline.ts'
import type { GomsError } from './errors.ts'
import type { NodeInfo, Transport } from './node.ts'
import type { Policy } from './options.ts'

/** What the caller asked for. Read-only for everyone on the way; the body is the carrier's affair. */
export interface Call {
  readonly transport: Transport
  readonly service: string
  /** The action (HTTP) or method (RPC): with the service, the name of the route that limiter and breaker belong to. */
  readonly action: string
  readonly policy: Policy
  /** Whether running it twice is the same as running it once. */
  readonly idempotent: boolean
  /** One budget for everything below. May grow while an upload makes progress. */
  readonly deadline: Deadline
  readonly trace: TraceContext
  /** The same in numbers, where the call starts the trace: such a trace has no state. */
  readonly traceWords?: TraceWords | undefined
  /**
   * How the spans of its attempts are told apart, where traces are recorded. `own`: the first one is the call's own position,
   * further ones stand beside it. `below`: the call is a span itself, and each attempt a part of it.
   * @default all travel with the call's position
   */
  readonly attemptSpans?: 'own' | 'below' | undefined
  /** What the client calls the request that this call is part of, where that is not the trace's id. */
  readonly requestId?: string | undefined
  /** Service that makes the call. */
  readonly caller: string
  readonly identity: unknown
  /** The attempt number that this process itself was called with; above 1 nothing is retried below. */
  readonly hopAttempt: number
  /** The value that consistent hashing goes by. */
  readonly affinity: string | undefined
  /** Whether a node offers what is called; undefined: every node of the service does. */
  readonly offers: ((node: NodeInfo) => boolean) | undefined
}

/** Why one of our own nodes refused a call before any code of the application ran. */
export type Refusal = 'draining' | 'overloaded' | 'wrong-node' | 'unimplemented'

/**
 * How far an attempt got, which decides what may be tried again (docs/architecture.md, "What may be retried"):
 * - `unsent`: nothing left this process (refused, connect time-out, no pool slot)
 * - `refused`: sent, and provably not run: the node said so with a {@link Refusal}
 * - `unanswered`: sent, then the connection ended without an answer
 * - `timeout`: sent, and no answer within the attempt's time
 * - `answered`: an answer began, be it the application's own error
 * - `busy`: 503 or 429 without proof that nothing ran
 * - `cancelled`: the caller went away; says nothing about the node
 */
export type Stage = 'unsent' | 'refused' | 'unanswered' | 'timeout' | 'answered' | 'busy' | 'cancelled'

/** The first of an attempt's two reports: how it went until the head of the answer (HTTP) or the answer (RPC). */
export interface Outcome {
  readonly stage: Stage
  /** HTTP status of the answer or the status of its code; 0 without one. Breakers count 5xx. */
  readonly status: number
  readonly refusal?: Refusal
  readonly retryAfterMs?: number
  /** Code of the error that a method answered with. */
  readonly code?: string
  /** An upgrade or event stream: counted apart from calls, in neither latency nor overdue. */
  readonly session?: boolean
  /** What went wrong where no answer came, for the message and the log. */
  readonly cause?: unknown
}

/** Of an answer as nearly all are. */
export const ANSWERED: Outcome = { stage: 'answered', status: 200 }
/** The caller gave up. */
export const CANCELLED: Outcome = { stage: 'cancelled', status: 0 }

/** The second report: the attempt is over. `broken`: the answer was cut short after its head. */
export type Ending = 'complete' | 'broken' | 'cancelled'

/** Nodes that the rules of a route kept an attempt from. */
export interface PassedOver {
  /** Their breaker was open. */
  readonly breaker: number
  /** Their limiter was full. */
  readonly limiter: number
}

/** One try on one node, handed to the carrier. */
export interface Attempt {
  /** From 1. */
  readonly number: number
  readonly node: NodeInfo
  /** How many nodes its pick left out because of the route's own rules; undefined: none. */
  readonly passedOver?: PassedOver | undefined
  /** What the node may take, in milliseconds: the lesser of this attempt's share and what is left of the call. */
  leftMs(): number
  /** The request's body moved: a long upload is not an answer that is overdue. May be called often. */
  progress(): void
  /**
   * Reports the head, exactly once. Returns true when this is the call's answer and the carrier shall relay it; false
   * when it shall be dropped (another attempt follows, or `fail` was called, or the call is over already).
   */
  head(outcome: Outcome): boolean
  /** Reports the end, exactly once, after `head`. */
  end(ending: Ending): void
  /**
   * Both reports of an answer that came whole, `head` and then `end('complete')`. Returns what `head` does.
   * @param nowMs what the clock said when the answer was read, so that it need not be looked at again
   */
  whole(outcome: Outcome, nowMs?: number): boolean
}

/** An attempt under way at its carrier. */
export interface AttemptHandle {
  abort(why: 'timeout' | 'cancelled'): void
}

/** Carries the attempts of one call over a transport, and takes the result. */
export interface Carrier {
  /** Whether the body can be sent (again) now. Asked before each attempt after the first. */
  repeatable(): boolean
  /** Starts an attempt. Returns how to break it off; after that its reports are ignored. */
  attempt(attempt: Attempt): AttemptHandle
  /** No attempt gave an answer. Called at most once, and never after a `head` that returned true. */
  fail(error: GomsError): void
}

/** A call under way. */
export interface Dispatched {
  /** The caller went away: breaks off what is under way, without penalty for the node. Idempotent. */
  cancel(): void
}

/** The way out: what the gateway, typed clients and tests send calls through. */
export interface Dispatcher {
  /** @param nowMs what the clock has just said to whoever calls, so that it need not be looked at again */
  dispatch(call: Call, carrier: Carrier, nowMs?: number): Dispatched
}
