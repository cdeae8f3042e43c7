import { expect, it } from 'vitest'
import type { Outcome } from '../core/call.ts'
import { GomsError } from '../core/errors.ts'
import { isHardEvidence, type Verdict, verdict } from './outcome.ts'

const noSlot = new GomsError('OVERLOADED', 'user: no connection free (256)')
const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })

it.each<[Outcome, Verdict, boolean]>([
  [{ stage: 'answered', status: 200 }, 'success', false],
  [{ stage: 'answered', status: 404 }, 'success', false],
  [{ stage: 'answered', status: 500 }, 'failure', false],
  [{ stage: 'busy', status: 503 }, 'failure', false],
  [{ stage: 'busy', status: 429 }, 'success', false],
  [{ stage: 'unanswered', status: 0 }, 'failure', false],
  [{ stage: 'timeout', status: 0 }, 'failure', false],
  [{ stage: 'unsent', status: 0, cause: refused }, 'failure', true],
  [{ stage: 'unsent', status: 0, cause: noSlot }, 'neutral', false],
  [{ stage: 'refused', status: 503, refusal: 'draining' }, 'neutral', true],
  [{ stage: 'refused', status: 503, refusal: 'wrong-node' }, 'neutral', true],
  [{ stage: 'refused', status: 503, refusal: 'overloaded' }, 'neutral', false],
  [{ stage: 'refused', status: 501, refusal: 'unimplemented' }, 'neutral', false],
  [{ stage: 'cancelled', status: 0 }, 'neutral', false],
])('reads %o as %s, hard evidence: %s', (outcome, expected, isHard) => {
  expect(verdict(outcome)).toBe(expected)
  expect(isHardEvidence(outcome)).toBe(isHard)
})
