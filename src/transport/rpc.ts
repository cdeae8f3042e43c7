/** The port of RPC between nodes: what is sent and what comes back, on both sides of a connection. */
import type { Server, Socket } from 'node:net'
import type { Refusal } from '../core/call.ts'
import type { TraceContext, TraceWords } from '../core/context.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import type { MetadataReader } from '../rpcx/metadata.ts'

/** A request as a caller hands it over. */
export interface RpcRequest {
  /** Service path of rpcx: the name of the service. */
  readonly service: string
  readonly method: string
  readonly input: unknown
  /**
   * Call key, caller and target, names and values in turn: what is the same from call to call. The same array each time: it
   * is said once for each connection to a node of ours.
   */
  readonly fixedMetadata?: readonly string[] | undefined
  /** What is left for the callee, in whole milliseconds; undefined: no deadline. */
  readonly deadlineMs?: number | undefined
  /** Where in a trace the call stands; sent as `traceparent` or its bytes. */
  readonly position?: TraceWords | undefined
  /** What else there is to say, names and values in turn. */
  readonly metadata: readonly string[]
  readonly codecs: MethodCodecs
  /** No answer is sent, not even an error. */
  readonly oneway: boolean
  /** The node is one of ours: it understands the frame that withdraws a request. */
  readonly cancellable: boolean
}

/** An error that the node answered with. */
export interface RpcFault {
  /** Of the table in core/errors.ts, a contract's own, or UNKNOWN for text from Go. */
  readonly code: string
  readonly message: string
  readonly status: number | undefined
  readonly data: unknown
  /** Provably not run. */
  readonly refusal: Refusal | undefined
  readonly retryAfterMs: number | undefined
}

/** How far a request got before its connection ended. */
export type RpcStage = 'unsent' | 'unanswered'

/** What comes back: exactly one of these, or nothing after `abort`. A oneway request gets `reply(undefined)` once written. */
export interface RpcEvents {
  /** @param nowMs what the clock said when the answer was read, so that it need not be looked at again */
  reply(output: unknown, nowMs?: number): void
  fault(fault: RpcFault): void
  error(error: Error, stage: RpcStage): void
}

/** What metadata would say of a caller in this process. */
export interface RpcOrigin {
  readonly caller: string
  readonly identity: unknown
  /** What is left. */
  readonly deadlineMs: number | undefined
  readonly attempt: number
}

/** What a caller has said once for many requests of its connection. */
export interface RpcGreeting {
  metadata(name: string): string | undefined
  /** What whoever reads it has found out, so that it need not do so for every request. */
  known: unknown
}

/** A request as a node receives it. */
export interface RpcReceived {
  readonly service: string
  readonly method: string
  /** A value of the request's metadata; undefined without it. */
  metadata(name: string): string | undefined
  /** Several of them at once, where that is cheaper than one by one. */
  metadataOf?(reader: MetadataReader): readonly (string | undefined)[]
  /** All that the request says beside deadline and trace; undefined where it says more, or says it by itself. */
  readonly greeting?: RpcGreeting | undefined
  /** With a greeting: the milliseconds that are left; undefined without a deadline. */
  readonly deadlineMs?: number | undefined
  /** With a greeting: where in a trace the caller stands. */
  readonly trace?: TraceWords | undefined
  /** Where the caller stands, where it is in this process: as it is, not as text. */
  readonly position?: TraceContext | undefined
  /** The decision that came along, where it is at hand without reading all of the position. */
  readonly sampled?: boolean | undefined
  /** The input, decoded when first asked for. @throws GomsError INVALID_ARGUMENT */
  input(codecs: MethodCodecs | undefined): unknown
  readonly oneway: boolean
  /** The caller is in this process: what it says needs no key, and no reading. */
  readonly origin?: RpcOrigin | undefined
  /**
   * By the clock of the node, asked while the request is handed over: what came in one read has one time, however long those
   * before it took. @default now
   */
  readonly arrivedAtMs?: number
  /** The caller has withdrawn the request, or its connection has ended, before the answer. */
  readonly withdrawn: boolean
  /** Calls back once when that happens. */
  onAbort(listener: () => void): void
}

/** The node's answer to one request. Exactly one of both is called, once; later calls are ignored. */
export interface RpcResponder {
  reply(output: unknown, codecs: MethodCodecs | undefined): void
  fault(fault: RpcFault): void
}

/** What a node does with a request: called synchronously from the read; it may answer at once or later. */
export type RpcHandler = (received: RpcReceived, responder: RpcResponder) => void

export interface RpcListener {
  /** To be bound with `listenOn`. */
  readonly server: Server
  readonly connections: number
  /** Requests that have not been answered. */
  readonly inFlight: number
  /** Takes a connection that something else accepted, with what was read from it already. */
  accept(socket: Socket, early?: Buffer): void
  /** Replies are marked `draining`, and a push frame tells callers of ours. Requests are still handed over. */
  drain(): void
  /** Stops listening, waits for what is in flight at most that long, then destroys what is left. */
  close(timeoutMs: number): Promise<void>
}
