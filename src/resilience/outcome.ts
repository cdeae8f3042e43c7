/** What an attempt's outcome says about the node it went to: the one reading that breaker and health share. */
import type { Outcome } from '../core/call.ts'
import { GomsError } from '../core/errors.ts'

/** `neutral` says nothing about the node: the permit is given back. */
export type Verdict = 'success' | 'failure' | 'neutral'

/**
 * An error is a failed connect, a time-out, a reset or a 5xx, never a 4xx, 429 or an abort of the caller's.
 * Neutral besides: a refusal by one of our own nodes (it ran nothing; what it means is told by {@link isHardEvidence})
 * and an attempt that never left because this process had no slot for it.
 */
export function verdict(outcome: Outcome): Verdict {
  switch (outcome.stage) {
    case 'answered':
    case 'busy':
      return outcome.status >= 500 ? 'failure' : 'success'
    case 'unanswered':
    case 'timeout':
      return 'failure'
    case 'unsent':
      return isOwnLimit(outcome.cause) ? 'neutral' : 'failure'
    default:
      return 'neutral'
  }
}

/**
 * Whether the node itself proved that nothing can be sent to it now: connection refused or timed out, `draining`,
 * `wrong-node`. One is enough.
 */
export function isHardEvidence(outcome: Outcome): boolean {
  if (outcome.stage === 'unsent') return !isOwnLimit(outcome.cause)
  return outcome.stage === 'refused' && (outcome.refusal === 'draining' || outcome.refusal === 'wrong-node')
}

/** This process had no connection or slot to spare: our lack, not the node's. */
export function isOwnLimit(cause: unknown): cause is GomsError {
  return cause instanceof GomsError && (cause.code === 'OVERLOADED' || cause.code === 'RESOURCE_EXHAUSTED')
}
