/** What an error that a node answered with means: for the mesh an outcome, for the caller a GomsError. */
import type { Attempt, Outcome } from '../core/call.ts'
import { CALL_CODES, GomsError, isCallCode } from '../core/errors.ts'
import type { RpcFault } from '../transport/rpc.ts'

/** Exactly one of `reply` and `error` is called, once, unless the call is cancelled: then neither. */
export interface RpcResult {
  /** It is sent to a node; perhaps not for the last time. */
  attempted?(attempt: Attempt): void
  reply(output: unknown): void
  /** @param answered a node answered with it; else nothing answered, or nothing was sent. @default false */
  error(error: GomsError, answered?: boolean): void
}

/** What an error that a node answered with says about the attempt. */
export function toOutcome(fault: RpcFault): Outcome {
  const status = statusOf(fault)
  const wait = fault.retryAfterMs === undefined ? undefined : { retryAfterMs: fault.retryAfterMs }
  const { code } = fault
  if (fault.refusal !== undefined) return { stage: 'refused', status, code, refusal: fault.refusal, ...wait }
  return { stage: status === 503 || status === 429 ? 'busy' : 'answered', status, code, ...wait }
}

/** The error as the caller gets it: code, status, message and data as the callee gave them. */
export function toError(fault: RpcFault): GomsError {
  const { code, message, data, retryAfterMs } = fault
  const more = retryAfterMs === undefined ? undefined : { retryAfterMs }
  return new GomsError(code, message, { status: statusOf(fault), data, ...more })
}

function statusOf(fault: RpcFault): number {
  return fault.status ?? (isCallCode(fault.code) ? CALL_CODES[fault.code].status : 500)
}
