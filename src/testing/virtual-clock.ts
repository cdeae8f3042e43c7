/** Time that moves only when a test says so. */
import type { Clock, Timer } from '../core/clock.ts'

export interface VirtualClock extends Clock {
  /** Moves on, timer by timer, and lets what each of them begins come to rest before the next. */
  advance(ms: number): Promise<void>
}

/** Turns of the event loop that are left to code between two timers: enough for a request there and back. */
const TURNS = 12

interface Entry {
  readonly atMs: number
  readonly order: number
  readonly fn: () => void
}

export function createVirtualClock(): VirtualClock {
  const timers = new Set<Entry>()
  const startedWallMs = Date.now()
  let nowMs = 0
  let order = 0

  function next(untilMs: number): Entry | undefined {
    let first: Entry | undefined
    for (const timer of timers) {
      if (timer.atMs > untilMs) continue
      const isFirst = first === undefined || timer.atMs < first.atMs
      if (isFirst || (timer.atMs === first?.atMs && timer.order < first.order)) first = timer
    }
    return first
  }

  return {
    now: () => nowMs,
    wallMs: () => startedWallMs + nowMs,
    after(delayMs, fn): Timer {
      const entry = { atMs: nowMs + Math.max(0, delayMs), order: order++, fn }
      timers.add(entry)
      return { cancel: () => timers.delete(entry) }
    },
    async advance(ms) {
      const untilMs = nowMs + ms
      await settle()
      for (let due = next(untilMs); due !== undefined; due = next(untilMs)) {
        timers.delete(due)
        nowMs = Math.max(nowMs, due.atMs)
        due.fn()
        await settle()
      }
      nowMs = untilMs
    },
  }
}

/** Lets what is under way come to rest. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve))
}
