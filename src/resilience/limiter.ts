/** The limiter: at most so many in any window of that length, exactly. */
import type { Rate } from '../core/options.ts'
import { SlidingWindow } from './sliding-window.ts'

/** One per calling process, node and route (a token an attempt), or per route before the pick (`callLimit`). */
export interface Limiter {
  /** Whether `take` would refuse. No side effect. */
  full(nowMs: number): boolean
  /** Takes a token; false when there is none. Tokens are never given back. */
  take(nowMs: number): boolean
  /** Until the next token, 0 when there is one. */
  retryAfterMs(nowMs: number): number
  /** Tokens taken within the window that ends now, for those who watch. */
  used(nowMs: number): number
}

/** `{ calls: 100, perMs: 5000 }`: at most 100 in any 5 s, wherever the 5 s begin. Times are monotonic and must not go back. */
export function createLimiter(rate: Rate): Limiter {
  const window = new SlidingWindow(rate)
  return {
    full: (nowMs) => window.full(nowMs),
    take(nowMs) {
      if (window.full(nowMs)) return false
      window.add(nowMs)
      return true
    },
    retryAfterMs: (nowMs) => window.fullForMs(nowMs),
    used: (nowMs) => window.count(nowMs),
  }
}
