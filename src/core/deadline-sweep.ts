/**
 * A clock for very many timers that are nearly all cancelled: the deadlines of calls. They stand in one list that is looked
 * through when the first of them may be due, so a call pays for a place in the list and not for a timer of its own.
 */
import type { Clock, Timer } from './clock.ts'

/** How late a timer may fire, in milliseconds. */
const GRANULARITY_MS = 10
const FIRST_PLACES = 256

/** Outside of the list. */
export const NO_PLACE = -1
/** Taken out of the list, and about to be called. */
const CALLED_NEXT = -2

/** What has a deadline. It stands in the list itself: thousands may wait, and an entry for each would be another object. */
export interface Due {
  /** Kept by the {@link Deadlines} that it was given to; at first {@link NO_PLACE}. */
  place: number
  /** The time is over. Not called any more once it was removed. */
  due(): void
}

/** Calls what is due; each is in it at most once. */
export interface Deadlines {
  /** @param nowMs what the clock has just said */
  add(due: Due, delayMs: number, nowMs: number): void
  /** Does nothing for what is not in it. */
  remove(due: Due): void
}

export interface DeadlineSweep extends Clock, Deadlines {}

/**
 * A {@link Clock} whose timers fire up to 10 ms late. `add`, `after` and cancelling cost a few nanoseconds; it keeps at most
 * one timer of the clock it is made on.
 */
export function createDeadlineSweep(clock: Clock): DeadlineSweep {
  const sweep = new Sweep(clock)
  return {
    now: () => clock.now(),
    wallMs: () => clock.wallMs(),
    after(delayMs, fn, nowMs = clock.now()) {
      const entry = new Entry(sweep, fn)
      sweep.add(entry, delayMs, nowMs)
      return entry
    },
    add: (due, delayMs, nowMs) => sweep.add(due, delayMs, nowMs),
    remove: (due) => sweep.remove(due),
  }
}

/** Deadlines kept by timers of a clock, one each, as exact as they are. */
export function exactDeadlines(clock: Clock): Deadlines {
  const timers = new Map<Due, Timer>()
  return {
    add(due, delayMs, nowMs) {
      const ring = (): void => {
        timers.delete(due)
        due.due()
      }
      timers.set(due, clock.after(delayMs, ring, nowMs))
    },
    remove(due) {
      timers.get(due)?.cancel()
      timers.delete(due)
    },
  }
}

class Entry implements Timer, Due {
  place = NO_PLACE
  readonly due: () => void
  readonly #sweep: Sweep

  constructor(sweep: Sweep, due: () => void) {
    this.due = due
    this.#sweep = sweep
  }

  cancel(): void {
    this.#sweep.remove(this)
  }
}

class Sweep {
  readonly #clock: Clock
  readonly #list: Due[] = []
  /** When each of the list is due, by its place. */
  #atMs = new Float64Array(FIRST_PLACES)
  /** When the list is looked through next: never later than the first entry is due, and its granularity. */
  #wakeMs = Infinity
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(due: Due, delayMs: number, nowMs: number): void {
    const atMs = nowMs + Math.max(0, delayMs)
    const place = this.#list.length
    if (place === this.#atMs.length) this.#grow()
    this.#atMs[place] = atMs
    this.#list.push(due)
    due.place = place
    if (atMs + GRANULARITY_MS < this.#wakeMs) this.#wakeAt(atMs)
  }

  remove(due: Due): void {
    const { place } = due
    if (place >= 0) this.#takeOut(place)
    due.place = NO_PLACE
  }

  #takeOut(place: number): void {
    const last = this.#list.pop() as Due
    const lastPlace = this.#list.length
    if (place === lastPlace) return
    this.#list[place] = last
    this.#atMs[place] = this.#atMs[lastPlace] as number
    last.place = place
  }

  #grow(): void {
    const grown = new Float64Array(this.#atMs.length * 2)
    grown.set(this.#atMs)
    this.#atMs = grown
  }

  #wakeAt(atMs: number): void {
    this.#timer?.cancel()
    this.#wakeMs = atMs + GRANULARITY_MS / 2
    this.#timer = this.#clock.after(Math.max(1, Math.ceil(this.#wakeMs - this.#clock.now())), () => this.#look())
  }

  /** Takes out what is due, arms for the next, and only then calls anything: what is called may throw, add or remove. */
  #look(): void {
    const nowMs = this.#clock.now()
    const found: { readonly due: Due; readonly atMs: number }[] = []
    let next = Infinity
    for (let place = 0; place < this.#list.length; ) {
      const atMs = this.#atMs[place] as number
      if (atMs <= nowMs) {
        const due = this.#list[place] as Due
        found.push({ due, atMs })
        this.#takeOut(place)
        due.place = CALLED_NEXT
      } else {
        next = Math.min(next, atMs)
        place++
      }
    }
    this.#timer = undefined
    this.#wakeMs = Infinity
    if (next !== Infinity) this.#wakeAt(next)
    if (found.length > 1) found.sort((a, b) => a.atMs - b.atMs)
    this.#call(found, 0)
  }

  #call(found: readonly { readonly due: Due }[], from: number): void {
    let i = from
    try {
      while (i < found.length) {
        const { due } = found[i++] as { due: Due }
        // One that was called before it may have removed it.
        if (due.place !== CALLED_NEXT) continue
        due.place = NO_PLACE
        due.due()
      }
    } finally {
      // One that throws ends the process unless somebody listens; if so, the others are not forgotten.
      if (i < found.length) this.#call(found, i)
    }
  }
}
