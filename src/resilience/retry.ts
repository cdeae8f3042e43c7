/** What may be tried again, and when: the table of docs/architecture.md, "What may be retried", as pure functions. */
import { fullJitterMs } from '../core/backoff.ts'
import type { Outcome } from '../core/call.ts'
import type { Policy } from '../core/options.ts'

/** What is known when an attempt has ended without being the call's answer yet. */
export interface RetryQuestion {
  readonly outcome: Outcome
  readonly policy: Policy
  readonly idempotent: boolean
  /** Whether the body can be sent (again) now. */
  readonly repeatable: boolean
  /** Attempts made so far, the one that has ended included. */
  readonly attempts: number
  /** How many of the attempts before that one were `refused`. */
  readonly refusedBefore: number
  /** The attempt number that this process itself was called with. */
  readonly hopAttempt: number
  readonly leftMs: number
}

/** `allowed`, or the first thing that forbids it. */
export type RetryReason =
  | 'allowed'
  | 'cancelled'
  | 'answered'
  | 'attempts used up'
  | 'a retry of the caller'
  | 'no time left'
  | 'refused twice'
  | 'not idempotent'
  | 'busy'
  | 'body gone'

export interface RetryAnswer {
  readonly retry: boolean
  /** Whether the retry budget pays for it. */
  readonly paid: boolean
  readonly reason: RetryReason
}

// Made once: the way of a call allocates nothing for its answer.
const FREE: RetryAnswer = { retry: true, paid: false, reason: 'allowed' }
const PAID: RetryAnswer = { retry: true, paid: true, reason: 'allowed' }
const NO = {
  cancelled: no('cancelled'),
  answered: no('answered'),
  attempts: no('attempts used up'),
  hop: no('a retry of the caller'),
  time: no('no time left'),
  refused: no('refused twice'),
  idempotent: no('not idempotent'),
  busy: no('busy'),
  body: no('body gone'),
}

function no(reason: RetryReason): RetryAnswer {
  return { retry: false, paid: false, reason }
}

/**
 * Whether another attempt may follow. By stage: never sent, always; provably not run, once; sent and unanswered, or timed
 * out, only idempotent calls; an answer, never; 503 and 429 without proof, idempotent calls of routes with `retryBusy`.
 * All but the first two are paid from the budget. `retryRule: 'loose'` (`compat: goms`) drops the conditions, and repeats
 * answers of 500 and above too. Nothing is repeated below a call that is a retry itself.
 */
export function mayRetry(question: RetryQuestion): RetryAnswer {
  const { outcome, policy } = question
  const isLoose = policy.retryRule === 'loose'
  if (outcome.stage === 'cancelled') return NO.cancelled
  if (outcome.stage === 'answered' && !(isLoose && outcome.status >= 500)) return NO.answered
  if (question.attempts > policy.retries) return NO.attempts
  if (question.hopAttempt > 1) return NO.hop
  if (!(question.leftMs > 0)) return NO.time
  return byStage(question, isLoose)
}

function byStage(question: RetryQuestion, isLoose: boolean): RetryAnswer {
  const { outcome, policy, repeatable } = question
  switch (outcome.stage) {
    case 'unsent':
      return repeatable ? FREE : NO.body
    case 'refused':
      if (question.refusedBefore > 0 && !isLoose) return NO.refused
      return repeatable ? FREE : NO.body
    case 'busy':
      if (!policy.retryBusy && !isLoose) return NO.busy
      // The node asked for more time than there is.
      if ((outcome.retryAfterMs ?? 0) >= question.leftMs) return NO.time
  }
  if (!question.idempotent && !isLoose) return NO.idempotent
  return repeatable ? PAID : NO.body
}

const BASE_MS = 25
const MAX_MS = 250

/**
 * How long to wait before the next attempt: the policy's fixed waits, or nothing before the first retry and then full jitter
 * from 25 ms, doubling to 250 ms. Never less than the Retry-After of a busy node.
 * @param attempts made so far, from 1
 * @param random from 0 (inclusive) to 1 (exclusive)
 * @param retryAfterMs of the outcome before
 */
export function waitBeforeMs(policy: Policy, attempts: number, random: () => number, retryAfterMs = 0): number {
  return Math.max(retryAfterMs, plainWaitMs(policy, attempts, random))
}

function plainWaitMs(policy: Policy, attempts: number, random: () => number): number {
  const fixed = policy.retryWaitsMs
  if (fixed) return fixed[Math.min(attempts, fixed.length) - 1] ?? 0
  if (attempts <= 1) return 0
  return fullJitterMs(attempts - 2, { baseMs: BASE_MS, maxMs: MAX_MS, random })
}
