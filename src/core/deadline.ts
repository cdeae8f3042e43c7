/** A deadline: how long a call and everything below it may take. Relative on the wire, monotonic inside. */
import type { Clock } from './clock.ts'

export interface Deadline {
  /**
   * Milliseconds left, negative when it is over, Infinity without one.
   * @param nowMs what the clock has just said to whoever asks, so that it need not be looked at again
   */
  leftMs(nowMs?: number): number
}

export function deadlineIn(clock: Clock, ms: number): Deadline {
  const at = clock.now() + ms
  return { leftMs: (nowMs = clock.now()) => at - nowMs }
}

/** What a hop takes off before it passes the rest on, so that the callee gives up before its caller does. */
export const HOP_MARGIN_MS = 5

/** What is left for the next hop: whole milliseconds, 0 when nothing is. */
export function forNextHop(leftMs: number): number {
  return Math.max(0, Math.floor(leftMs - HOP_MARGIN_MS))
}
