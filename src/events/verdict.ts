/** What becomes of an event whose handler failed: again after a growing wait, and dead after the last. */
import { GomsError } from '../core/errors.ts'
import type { Verdict } from './broker.ts'

/** Waits before the second, third … delivery. One more delivery than waits, then it is dead. */
export const RETRY_WAITS_MS: readonly number[] = [200, 1000, 5000, 25_000]

export const HANDLED: Verdict = { kind: 'handled' }

/** What no later delivery can mend: the event is wrong, for its handler or for whom that called. For events and for queues by hand. */
const HOPELESS: ReadonlySet<string> = new Set(['INVALID_ARGUMENT', 'OUT_OF_RANGE'])

/** Letters are looked at by people. */
const MAX_REASON = 500

/** @param delivery the one that failed, from 1 */
export function verdictOn(thrown: unknown, delivery: number, retryWaitsMs: readonly number[]): Verdict {
  const reason = reasonOf(thrown)
  if (thrown instanceof GomsError && HOPELESS.has(thrown.code)) return { kind: 'dead', reason }
  const afterMs = retryWaitsMs[delivery - 1]
  return afterMs === undefined ? { kind: 'dead', reason } : { kind: 'again', afterMs, reason }
}

function reasonOf(thrown: unknown): string {
  const text =
    thrown instanceof GomsError
      ? `${thrown.code}: ${thrown.message}`
      : thrown instanceof Error
        ? `${thrown.name}: ${thrown.message}`
        : String(thrown)
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON)}…` : text
}
