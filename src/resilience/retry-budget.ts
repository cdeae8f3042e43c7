/** The retry budget of one target service: what retries may cost, so that a failing service does not get a multiple of its load. */
import type { Clock } from '../core/clock.ts'

export interface RetryBudgetOptions {
  /** Retries paid for by one first attempt. @default 0.1 */
  readonly ratio?: number
  /** Retries a second that are free of that; of n workers each has an nth. @default 3 */
  readonly floorPerSecond?: number
  /** How long a deposit is worth something. @default 10000 */
  readonly worthMs?: number
}

/** Source: finagle's RetryBudget (https://twitter.github.io/finagle/guide/Clients.html#retries). */
export interface RetryBudget {
  /**
   * A first attempt was made.
   * @param nowMs what the clock has just said to whoever made it, so that it need not be looked at again
   */
  deposit(nowMs?: number): void
  /** Pays for a retry; false when there is nothing left, and then there is no retry. */
  withdraw(): boolean
  /** Retries that could be paid for now, a whole number. */
  balance(): number
}

const BUCKETS = 10
/** Retries a second that are free. */
export const FLOOR_PER_SECOND = 3

/** Deposits and withdrawals of the last `worthMs`, in ten buckets, on top of what the floor gives in that time. */
export function createRetryBudget(clock: Clock, options: RetryBudgetOptions = {}): RetryBudget {
  const { ratio = 0.1, floorPerSecond = FLOOR_PER_SECOND, worthMs = 10_000 } = options
  const bucketMs = worthMs / BUCKETS
  const floor = (floorPerSecond * worthMs) / 1000
  // First attempts and retries are counted apart, as whole numbers: sums of tenths would drift.
  const firsts = new Float64Array(BUCKETS)
  const retries = new Float64Array(BUCKETS)
  let firstsInAll = 0
  let retriesInAll = 0
  let tick = Math.floor(clock.now() / bucketMs)

  /** Index of the bucket of now; buckets that are out of date are emptied. */
  function current(nowMs: number): number {
    const now = Math.floor(nowMs / bucketMs)
    if (now > tick) {
      for (let t = Math.max(tick + 1, now - BUCKETS + 1); t <= now; t++) {
        firstsInAll -= firsts[t % BUCKETS] as number
        retriesInAll -= retries[t % BUCKETS] as number
        firsts[t % BUCKETS] = 0
        retries[t % BUCKETS] = 0
      }
      tick = now
    }
    return tick % BUCKETS
  }

  // The small part of a retry keeps 10 × 0.1 from being less than 1.
  const left = () => Math.max(0, Math.floor(floor + firstsInAll * ratio - retriesInAll + 1e-9))

  return {
    deposit(nowMs = clock.now()) {
      const bucket = current(nowMs)
      firsts[bucket] = (firsts[bucket] as number) + 1
      firstsInAll++
    },
    withdraw() {
      const bucket = current(clock.now())
      if (left() < 1) return false
      retries[bucket] = (retries[bucket] as number) + 1
      retriesInAll++
      return true
    },
    balance() {
      current(clock.now())
      return left()
    },
  }
}
