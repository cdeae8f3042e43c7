/** Finds out who has not moved for long by looking from time to time: a timer for each of very many would cost more. */
import type { Clock, Timer } from '../core/clock.ts'

export interface Watched {
  /** Set with each movement; taken back by the watch. */
  moved: boolean
  /** Kept by the watch: looks without a movement. */
  stillLooks: number
  /** Kept by the watch: the place in its list, −1 outside. */
  watchIndex: number
  /** Did not move for the time of the watch, and up to a quarter more. Called again for as long as it stays in the list. */
  idle(): void
}

/** Looks in one idle time: it is exact to a quarter of it. */
const LOOKS = 4

/** Those who must move. While there are any, one timer of the clock is armed. */
export class IdleWatch {
  readonly #clock: Clock
  readonly #idleMs: () => number
  readonly #watched: Watched[] = []
  #timer: Timer | undefined

  /** @param idleMs asked before each look, so that it may change */
  constructor(clock: Clock, idleMs: () => number) {
    this.#clock = clock
    this.#idleMs = idleMs
  }

  /** Twice does no harm. */
  add(one: Watched): void {
    if (one.watchIndex >= 0) return
    one.moved = true
    one.stillLooks = 0
    one.watchIndex = this.#watched.length
    this.#watched.push(one)
    if (this.#timer === undefined) this.#arm()
  }

  remove(one: Watched): void {
    const index = one.watchIndex
    if (index < 0) return
    one.watchIndex = -1
    const last = this.#watched.pop() as Watched
    if (last === one) return
    this.#watched[index] = last
    last.watchIndex = index
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    this.#timer = this.#clock.after(Math.max(1, this.#idleMs() / LOOKS), this.#look)
  }

  readonly #look = (): void => {
    this.#timer = undefined
    const idle: Watched[] = []
    for (const one of this.#watched) {
      if (one.moved) {
        one.moved = false
        one.stillLooks = 0
      } else if (++one.stillLooks >= LOOKS) idle.push(one)
    }
    // Those that come and go within a look arm no timer of their own: it stays while there was anyone.
    if (this.#watched.length > 0) this.#arm()
    for (const one of idle) if (one.watchIndex >= 0) one.idle()
  }
}
