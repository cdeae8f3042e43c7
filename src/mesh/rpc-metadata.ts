/** What an RPC request carries beside its input: call key, trace, deadline, caller, identity, target and attempt. */
import type { Attempt, Call } from '../core/call.ts'
import { forNextHop } from '../core/deadline.ts'
import type { NodeInfo } from '../core/node.ts'
import { INTERNAL, toIdentityHeader } from '../http/internal.ts'
import { toTraceparent, writeTraceContext } from '../telemetry/trace-context.ts'

/** Names that rpcx itself gives; all others are those of HTTP. Source: smallnest/rpcx, share/share.go. */
export const RPCX: {
  /** The shared secret. */
  readonly auth: '__AUTH'
  /** Milliseconds left for the callee, a whole number; 0 or less is over. */
  readonly timeout: '__ServerTimeout'
} = { auth: '__AUTH', timeout: '__ServerTimeout' }

/** Whether a node is one of ours: they all say when they started, and Go's say nothing at all. */
export function isOurs(node: NodeInfo): boolean {
  return node.startedAtMs !== undefined
}

/** Names and values in turn. Nodes of ours read W3C's trace; others get B3 too, and nothing that only ours understand. */
export function toMetadata(call: Call, attempt: Attempt, callKey: string | undefined): string[] {
  const metadata: string[] = []
  if (callKey !== undefined) metadata.push(RPCX.auth, callKey)
  const leftMs = attempt.leftMs()
  if (leftMs !== Number.POSITIVE_INFINITY) metadata.push(RPCX.timeout, String(forNextHop(leftMs)))
  metadata.push(INTERNAL.caller, call.caller)
  const identity = call.identity === undefined ? undefined : toIdentityHeader(call.identity)
  if (identity !== undefined) metadata.push(INTERNAL.identity, identity)
  if (!isOurs(attempt.node)) {
    writeTraceContext(call.trace, metadata)
    return metadata
  }
  metadata.push('traceparent', toTraceparent(call.trace))
  if (call.trace.state !== undefined) metadata.push('tracestate', call.trace.state)
  metadata.push(INTERNAL.target, `${call.service}/${attempt.node.id}`)
  if (attempt.number > 1) metadata.push(INTERNAL.attempt, String(attempt.number))
  return metadata
}
