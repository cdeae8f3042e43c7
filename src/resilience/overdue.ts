/** Overdue: a node that keeps an attempt far longer than usual is skipped long before the time-out would tell. */

/** Handle of a running attempt. */
export type Slot = number

/** At most so many attempts of one node are watched at a time; more are let through unwatched. */
const MAX_SLOTS = 65_536
const FIRST_SLOTS = 16
const UNWATCHED: Slot = -1
const LEAST_MS = 50
const TIMES_AVERAGE = 10

function patienceMs(averageMs: number): number {
  return Math.max(LEAST_MS, TIMES_AVERAGE * averageMs)
}

/**
 * The unary attempts under way at one node, each with the patience of its own route: a slow route's attempt does not hide
 * one that hangs behind it. Upgrades and event streams do not belong here.
 */
export interface Overdue {
  /**
   * An attempt starts.
   * @param averageMs the route's moving average of the time to the head of the answer; 0 when unknown
   */
  begin(nowMs: number, averageMs: number): Slot
  /** The head of its answer came, or it failed. Exactly once for each `begin`. */
  end(slot: Slot): void
  /** Whether any attempt under way is overdue. */
  overdue(nowMs: number): boolean
}

/** Constant time and no allocation for each attempt; the attempts are looked through only when the earliest limit is over. */
export function createOverdue(): Overdue {
  // When each attempt becomes overdue; Infinity in a free slot.
  let limits = new Float64Array(FIRST_SLOTS).fill(Number.POSITIVE_INFINITY)
  let free: Slot[] = Array.from(limits.keys()).reverse()
  // No limit is earlier. It is that of `earliestSlot` while that one is under way, else a bound to be made exact.
  let earliestMs = Number.POSITIVE_INFINITY
  let earliestSlot = UNWATCHED

  function grow(): void {
    const size = limits.length
    if (size >= MAX_SLOTS) return
    const grown = new Float64Array(size * 2).fill(Number.POSITIVE_INFINITY)
    grown.set(limits)
    limits = grown
    free = Array.from({ length: size }, (_, i) => grown.length - 1 - i)
  }

  function findEarliest(): void {
    earliestMs = Number.POSITIVE_INFINITY
    earliestSlot = UNWATCHED
    for (let slot = 0; slot < limits.length; slot++) {
      const limit = limits[slot] as number
      if (limit >= earliestMs) continue
      earliestMs = limit
      earliestSlot = slot
    }
  }

  return {
    begin(nowMs, averageMs) {
      if (free.length === 0) grow()
      const slot = free.pop() ?? UNWATCHED
      if (slot === UNWATCHED) return slot
      const limit = nowMs + patienceMs(averageMs)
      limits[slot] = limit
      if (limit < earliestMs) {
        earliestMs = limit
        earliestSlot = slot
      }
      return slot
    },
    end(slot) {
      if (slot === UNWATCHED) return
      limits[slot] = Number.POSITIVE_INFINITY
      free.push(slot)
      if (slot === earliestSlot) earliestSlot = UNWATCHED
    },
    overdue(nowMs) {
      if (nowMs <= earliestMs) return false
      if (earliestSlot !== UNWATCHED) return true
      findEarliest()
      return nowMs > earliestMs
    },
  }
}
