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

/** What is the same for all calls of a service to a node, and what is not; names and values in turn. */
export interface CallMetadata {
  /** Call key, caller and target. The same array from call to call: its bytes are made once. */
  readonly fixed: readonly string[]
  readonly own: readonly string[]
}

/** Nodes of ours read W3C's trace; others get B3 too, and nothing that only ours understand. */
export function toMetadata(call: Call, attempt: Attempt, callKey: string | undefined): CallMetadata {
  const { node } = attempt
  const own = isOurs(node) ? forOurs(call, attempt) : forOthers(call, attempt)
  const identity = call.identity === undefined ? undefined : toIdentityHeader(call.identity)
  if (identity !== undefined) own.push(INTERNAL.identity, identity)
  return { fixed: fixedFor(node, call, callKey), own }
}

/** Nearly every call has these two, made at once: a list that grows takes room for many. */
function forOurs(call: Call, attempt: Attempt): string[] {
  const leftMs = attempt.leftMs()
  const traceparent = call.traceparent ?? toTraceparent(call.trace)
  const own =
    leftMs === Number.POSITIVE_INFINITY
      ? ['traceparent', traceparent]
      : [RPCX.timeout, String(forNextHop(leftMs)), 'traceparent', traceparent]
  const state = call.traceparent === undefined ? call.trace.state : undefined
  if (state !== undefined) own.push('tracestate', state)
  if (attempt.number > 1) own.push(INTERNAL.attempt, String(attempt.number))
  return own
}

function forOthers(call: Call, attempt: Attempt): string[] {
  const leftMs = attempt.leftMs()
  const own = leftMs === Number.POSITIVE_INFINITY ? [] : [RPCX.timeout, String(forNextHop(leftMs))]
  return writeTraceContext(call.trace, own)
}

interface Fixed {
  readonly caller: string
  readonly callKey: string | undefined
  readonly pairs: readonly string[]
}

/** By node; a process that is several callers makes one anew when it turns from one to the other. */
const fixedPairs = new WeakMap<NodeInfo, Fixed>()

function fixedFor(node: NodeInfo, { service, caller }: Call, callKey: string | undefined): readonly string[] {
  const known = fixedPairs.get(node)
  if (known !== undefined && known.caller === caller && known.callKey === callKey) return known.pairs
  const pairs: string[] = []
  if (callKey !== undefined) pairs.push(RPCX.auth, callKey)
  pairs.push(INTERNAL.caller, caller)
  if (isOurs(node)) pairs.push(INTERNAL.target, `${service}/${node.id}`)
  fixedPairs.set(node, { caller, callKey, pairs })
  return pairs
}
