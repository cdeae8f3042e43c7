/** The breaker of one node and route: after too many errors it lets nothing through for a window, then one probe. */
import type { Rate } from '../core/options.ts'
import { NO_PERMIT, nextPermit, type Permit } from './permit.ts'
import { SlidingWindow } from './sliding-window.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

/** Times are monotonic milliseconds and must not go back. What counts as an error: `verdict` in `outcome.ts`. */
export interface Breaker {
  /** Whether `take` would give a permit. No side effect. */
  admits(nowMs: number): boolean
  /**
   * A permit, to be handed back once by `success`, `failure` or `release`; NO_PERMIT when refused. While half-open there
   * is exactly one at a time: the probe.
   */
  take(nowMs: number): Permit
  /** The attempt went well; a probe's success closes the breaker. */
  success(nowMs: number, permit: Permit): void
  /** The attempt failed; a probe's failure opens the breaker for another window. */
  failure(nowMs: number, permit: Permit): void
  /** The attempt says nothing (its caller went away): a probe may be taken again. */
  release(permit: Permit): void
  /** Until a probe is let through; 0 unless open. Also 0 while a probe is out: it may end at any moment. */
  retryAfterMs(nowMs: number): number
  state(nowMs: number): BreakerState
}

/**
 * `{ calls: 100, perMs: 5000 }` opens with the 100th error within 5 s, stays open for 5 s, then lets one probe through.
 * An attempt that was taken before the breaker last changed has no say any more: neither does a late success close it,
 * nor a late failure keep it open longer.
 */
export function createBreaker(rate: Rate): Breaker {
  const errors = new SlidingWindow(rate)
  let phase: Permit = nextPermit(NO_PERMIT)
  let isOpen = false
  let openUntilMs = 0
  let probe: Permit = NO_PERMIT

  function open(nowMs: number): void {
    isOpen = true
    openUntilMs = nowMs + rate.perMs
    probe = NO_PERMIT
    phase = nextPermit(phase)
    errors.clear()
  }

  return {
    admits: (nowMs) => !isOpen || (probe === NO_PERMIT && nowMs >= openUntilMs),
    take(nowMs) {
      if (!isOpen) return phase
      if (probe !== NO_PERMIT || nowMs < openUntilMs) return NO_PERMIT
      probe = phase = nextPermit(phase)
      return probe
    },
    success(_nowMs, permit) {
      if (permit !== probe || permit === NO_PERMIT) return
      isOpen = false
      probe = NO_PERMIT
      phase = nextPermit(phase)
    },
    failure(nowMs, permit) {
      if (permit === NO_PERMIT) return
      if (permit === probe) return open(nowMs)
      if (isOpen || permit !== phase) return
      errors.add(nowMs)
      if (errors.full(nowMs)) open(nowMs)
    },
    release(permit) {
      if (permit === probe) probe = NO_PERMIT
    },
    retryAfterMs: (nowMs) => (isOpen && probe === NO_PERMIT ? Math.max(0, openUntilMs - nowMs) : 0),
    state(nowMs) {
      if (!isOpen) return 'closed'
      return nowMs < openUntilMs ? 'open' : 'half-open'
    },
  }
}
