/** What an RPC request carries beside its input: call key, trace, deadline, caller, identity, target and attempt. */
import type { Attempt, Call } from '../core/call.ts'
import type { TraceWords } from '../core/context.ts'
import { forNextHop } from '../core/deadline.ts'
import type { NodeInfo } from '../core/node.ts'
import type { TraceFormat } from '../core/observability-options.ts'
import { INTERNAL, toIdentityHeader } from '../http/internal.ts'
import { REQUEST_ID } from '../http/request-id.ts'
import { RPCX } from '../rpcx/metadata.ts'
import { attemptTrace, attemptWords } from '../telemetry/attempt-position.ts'
import { writeTraceContext } from '../telemetry/trace-context.ts'

/** Whether a node is one of ours: they all say when they started, and Go's say nothing at all. */
export function isOurs(node: NodeInfo): boolean {
  return node.startedAtMs !== undefined
}

/** Where it is written to. */
export interface CallMetadata {
  fixedMetadata: readonly string[] | undefined
  deadlineMs: number | undefined
  position: TraceWords | undefined
  metadata: readonly string[]
}

/**
 * Nodes of ours read W3C's trace; others get what `trace.propagate` says, and nothing that only ours understand.
 * @param formats @default W3C and B3
 */
export function writeMetadata(
  to: CallMetadata,
  call: Call,
  attempt: Attempt,
  callKey: string | undefined,
  formats: readonly TraceFormat[] | undefined,
): void {
  const { node } = attempt
  const leftMs = attempt.leftMs()
  const ours = isOurs(node)
  to.fixedMetadata = fixedFor(node, call, callKey)
  to.deadlineMs = leftMs === Number.POSITIVE_INFINITY ? undefined : forNextHop(leftMs)
  to.position = ours ? attemptWords(call, attempt.number) : undefined
  to.metadata = ours ? moreForOurs(call, attempt) : moreForOthers(call, attempt, formats)
}

/** What nearly every call has to add. */
const NOTHING: readonly string[] = []

function moreForOurs(call: Call, attempt: Attempt): readonly string[] {
  const state = call.traceWords === undefined ? call.trace.state : undefined
  const { requestId } = call
  if (state === undefined && attempt.number === 1 && call.identity === undefined && requestId === undefined) {
    return NOTHING
  }
  const pairs: string[] = []
  if (state !== undefined) pairs.push('tracestate', state)
  if (attempt.number > 1) pairs.push(INTERNAL.attempt, String(attempt.number))
  return withNames(call, pairs)
}

function moreForOthers(call: Call, attempt: Attempt, formats: readonly TraceFormat[] | undefined): readonly string[] {
  return withNames(call, writeTraceContext(attemptTrace(call, attempt.number), [], formats))
}

function withNames({ identity, requestId }: Call, pairs: string[]): string[] {
  if (requestId !== undefined) pairs.push(REQUEST_ID, requestId)
  const header = identity === undefined ? undefined : toIdentityHeader(identity)
  if (header !== undefined) pairs.push(INTERNAL.identity, header)
  return pairs
}

interface Fixed {
  readonly caller: string
  readonly callKey: string | undefined
  readonly pairs: readonly string[]
}

/** Callers of one process that are kept for a node. */
const MAX_CALLERS = 16

/** By node, for each caller of this process: the same arrays from call to call, so that connections know them again. */
const fixedPairs = new WeakMap<NodeInfo, Fixed[]>()

function fixedFor(node: NodeInfo, { service, caller }: Call, callKey: string | undefined): readonly string[] {
  let known = fixedPairs.get(node)
  if (known === undefined) {
    known = []
    fixedPairs.set(node, known)
  }
  for (let i = 0; i < known.length; i++) {
    const one = known[i] as Fixed
    if (one.caller === caller && one.callKey === callKey) return one.pairs
  }
  const pairs: string[] = []
  if (callKey !== undefined) pairs.push(RPCX.auth, callKey)
  pairs.push(INTERNAL.caller, caller)
  if (isOurs(node)) pairs.push(INTERNAL.target, `${service}/${node.id}`)
  if (known.length < MAX_CALLERS) known.push({ caller, callKey, pairs })
  return pairs
}
