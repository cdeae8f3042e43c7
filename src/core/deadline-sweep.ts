/**
 * A clock for very many timers that are nearly all cancelled: the deadlines of calls. They stand in one list that is looked
 * through when the first of them may be due, so a call pays for a place in the list and not for a timer of its own.
 */
import type { Clock, Timer } from './clock.ts'

/** How late a timer may fire, in milliseconds. */
const GRANULARITY_MS = 10

/**
 * A {@link Clock} whose timers fire up to 10 ms late. `after` and `cancel` cost a few nanoseconds; it keeps at most one
 * timer of the clock it is made on.
 */
export function createDeadlineSweep(clock: Clock): Clock {
  const sweep = new Sweep(clock)
  return {
    now: () => clock.now(),
    wallMs: () => clock.wallMs(),
    after: (delayMs, fn, nowMs) => sweep.add(delayMs, fn, nowMs),
  }
}

class Entry implements Timer {
  readonly atMs: number
  fn: (() => void) | undefined
  /** Place in the list, −1 outside of it. */
  index: number
  readonly #sweep: Sweep

  constructor(sweep: Sweep, atMs: number, fn: () => void, index: number) {
    this.#sweep = sweep
    this.atMs = atMs
    this.fn = fn
    this.index = index
  }

  cancel(): void {
    if (this.fn === undefined) return
    this.fn = undefined
    this.#sweep.remove(this)
  }
}

class Sweep {
  readonly #clock: Clock
  readonly #entries: Entry[] = []
  /** When the list is looked through next: never later than the first entry is due, and its granularity. */
  #wakeMs = Infinity
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(delayMs: number, fn: () => void, nowMs = this.#clock.now()): Timer {
    const atMs = nowMs + Math.max(0, delayMs)
    const entry = new Entry(this, atMs, fn, this.#entries.length)
    this.#entries.push(entry)
    if (atMs + GRANULARITY_MS < this.#wakeMs) this.#wakeAt(atMs)
    return entry
  }

  remove(entry: Entry): void {
    // Taken out already, and about to run.
    if (entry.index < 0) return
    const last = this.#entries.pop() as Entry
    if (last !== entry) {
      this.#entries[entry.index] = last
      last.index = entry.index
    }
    entry.index = -1
  }

  #wakeAt(atMs: number): void {
    this.#timer?.cancel()
    this.#wakeMs = atMs + GRANULARITY_MS / 2
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(this.#wakeMs - this.#clock.now())), () => this.#look())
  }

  /** Takes out what is due, arms for the next, and only then runs anything: what runs may throw, add or cancel. */
  #look(): void {
    const nowMs = this.#clock.now()
    const due: Entry[] = []
    let next = Infinity
    for (let i = 0; i < this.#entries.length; ) {
      const entry = this.#entries[i] as Entry
      if (entry.atMs <= nowMs) {
        due.push(entry)
        this.remove(entry)
      } else {
        next = Math.min(next, entry.atMs)
        i++
      }
    }
    this.#timer = undefined
    this.#wakeMs = Infinity
    if (next !== Infinity) this.#wakeAt(next)
    if (due.length > 1) due.sort((a, b) => a.atMs - b.atMs)
    this.#run(due, 0)
  }

  #run(due: readonly Entry[], from: number): void {
    let i = from
    try {
      while (i < due.length) {
        const entry = due[i++] as Entry
        const fn = entry.fn
        entry.fn = undefined
        fn?.()
      }
    } finally {
      // One that throws ends the process unless somebody listens; if so, the others are not forgotten.
      if (i < due.length) this.#run(due, i)
    }
  }
}
