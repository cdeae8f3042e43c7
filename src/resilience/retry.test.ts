import { describe, expect, it } from 'vitest'
import type { Outcome, Stage } from '../core/call.ts'
import { defaultPolicy } from '../core/options.ts'
import { mayRetry, type RetryQuestion, waitBeforeMs } from './retry.ts'

const busyToo = { ...defaultPolicy, retryBusy: true }
const loose = { ...defaultPolicy, retryRule: 'loose' as const }

function ask(outcome: Outcome, more: Partial<RetryQuestion> = {}): string {
  const answer = mayRetry({
    outcome,
    policy: defaultPolicy,
    idempotent: false,
    repeatable: true,
    attempts: 1,
    refusedBefore: 0,
    hopAttempt: 1,
    leftMs: 1000,
    ...more,
  })
  expect(answer.retry).toBe(answer.reason === 'allowed')
  return answer.retry ? (answer.paid ? 'paid' : 'free') : answer.reason
}

const at = (stage: Stage, status = 0): Outcome => ({ stage, status })

describe('what may be retried', () => {
  it.each<[Outcome, string, string]>([
    [at('unsent'), 'free', 'free'],
    [{ ...at('refused', 503), refusal: 'draining' }, 'free', 'free'],
    [at('unanswered'), 'not idempotent', 'paid'],
    [at('timeout'), 'not idempotent', 'paid'],
    [at('answered', 200), 'answered', 'answered'],
    [at('answered', 500), 'answered', 'answered'],
    [at('busy', 503), 'busy', 'busy'],
    [at('busy', 429), 'busy', 'busy'],
    [at('cancelled'), 'cancelled', 'cancelled'],
  ])('%o: not idempotent %s, idempotent %s', (outcome, plain, idempotent) => {
    expect(ask(outcome)).toBe(plain)
    expect(ask(outcome, { idempotent: true })).toBe(idempotent)
  })

  it('busy nodes, where the route says so, for idempotent calls and within their Retry-After', () => {
    expect(ask(at('busy', 503), { policy: busyToo })).toBe('not idempotent')
    expect(ask(at('busy', 503), { policy: busyToo, idempotent: true })).toBe('paid')
    const later = { ...at('busy', 503), retryAfterMs: 2000 }
    expect(ask(later, { policy: busyToo, idempotent: true })).toBe('no time left')
    expect(ask(later, { policy: busyToo, idempotent: true, leftMs: 2001 })).toBe('paid')
  })

  it('refusals once only', () => {
    const policy = { ...defaultPolicy, retries: 5 }
    expect(ask(at('refused', 503), { policy, attempts: 2, refusedBefore: 1 })).toBe('refused twice')
    expect(ask(at('unsent'), { policy, attempts: 2, refusedBefore: 1 })).toBe('free')
  })

  it.each(['unsent', 'refused', 'unanswered', 'timeout'] as const)('%s: nothing without a body', (stage) => {
    expect(ask(at(stage), { idempotent: true, repeatable: false })).toBe('body gone')
  })

  it.each(['unsent', 'refused', 'unanswered', 'timeout'] as const)('%s: within the bounds of the call', (stage) => {
    const more = { idempotent: true }
    expect(ask(at(stage), { ...more, attempts: 2 })).toBe('attempts used up')
    expect(ask(at(stage), { ...more, policy: { ...defaultPolicy, retries: 0 } })).toBe('attempts used up')
    expect(ask(at(stage), { ...more, hopAttempt: 2 })).toBe('a retry of the caller')
    expect(ask(at(stage), { ...more, leftMs: 0 })).toBe('no time left')
    expect(ask(at(stage), { ...more, leftMs: Number.NaN })).toBe('no time left')
    expect(ask(at(stage), { ...more, leftMs: Number.POSITIVE_INFINITY })).not.toBe('no time left')
  })

  it('as the original did: whatever failed, at the cost of the budget, and still within the bounds', () => {
    for (const outcome of [at('unanswered'), at('timeout'), at('busy', 503), at('answered', 500)]) {
      expect(ask(outcome, { policy: loose })).toBe('paid')
      expect(ask(outcome, { policy: loose, repeatable: false })).toBe('body gone')
      expect(ask(outcome, { policy: loose, attempts: 2 })).toBe('attempts used up')
    }
    expect(ask(at('answered', 200), { policy: loose })).toBe('answered')
    expect(ask(at('answered', 404), { policy: loose })).toBe('answered')
    expect(ask(at('cancelled'), { policy: loose })).toBe('cancelled')
  })
})

describe('the wait before the next attempt', () => {
  it('is none at first, then full jitter from 25 to 250 ms', () => {
    const longest = [1, 2, 3, 4, 5, 6, 10].map((attempts) => waitBeforeMs(defaultPolicy, attempts, () => 1))
    expect(longest).toEqual([0, 25, 50, 100, 200, 250, 250])
    expect(waitBeforeMs(defaultPolicy, 3, () => 0)).toBe(0)
  })

  it('is the fixed one where the policy has them', () => {
    const policy = { ...defaultPolicy, retries: 3, retryWaitsMs: [100, 200, 300] }
    expect([1, 2, 3, 4].map((attempts) => waitBeforeMs(policy, attempts, () => 0.5))).toEqual([100, 200, 300, 300])
    expect(waitBeforeMs({ ...policy, retryWaitsMs: [] }, 1, () => 0.5)).toBe(0)
  })

  it('is never below the Retry-After', () => {
    expect(waitBeforeMs(defaultPolicy, 1, () => 0.5, 700)).toBe(700)
    expect(waitBeforeMs(defaultPolicy, 6, () => 1, 100)).toBe(250)
  })
})
