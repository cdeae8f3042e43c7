/** Time, so that tests can hold it: monotonic milliseconds and timers. Never the wall clock where a duration matters. */
import { performance } from 'node:perf_hooks'

/** Longest delay of a timer in Node. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1

export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Monotonic, in milliseconds, with fractions. */
  now(): number
  /** Wall clock in milliseconds since 1970, for what people read. */
  wallMs(): number
  /**
   * Runs `fn` once after `delayMs`; does not keep the process alive.
   * @param nowMs what `now` has just said to whoever asks, so that it need not be looked at again
   */
  after(delayMs: number, fn: () => void, nowMs?: number): Timer
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallMs: () => Date.now(),
  after(delayMs, fn) {
    const handle = setTimeout(fn, delayMs)
    handle.unref()
    return { cancel: () => clearTimeout(handle) }
  },
}

/** A clock that stands still until `advance` is called; timers fire in order of their time. */
export interface ManualClock extends Clock {
  advance(ms: number): void
}

export function manualClock(startMs = 0): ManualClock {
  let now = startMs
  let order = 0
  const timers = new Set<{ at: number; order: number; fn: () => void }>()
  return {
    now: () => now,
    wallMs: () => 1_700_000_000_000 + now,
    after(delayMs, fn) {
      const timer = { at: now + Math.max(0, delayMs), order: order++, fn }
      timers.add(timer)
      return { cancel: () => timers.delete(timer) }
    },
    advance(ms) {
      const end = now + ms
      for (;;) {
        const due = [...timers].filter((t) => t.at <= end).sort((a, b) => a.at - b.at || a.order - b.order)[0]
        if (!due) break
        timers.delete(due)
        now = Math.max(now, due.at)
        due.fn()
      }
      now = end
    },
  }
}
