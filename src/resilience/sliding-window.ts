/** The times of what happened within a rate's window, exact: limiter and breaker both count by it. */
import type { Rate } from '../core/options.ts'

const FIRST_CAPACITY = 16

/**
 * Remembers the newest `rate.calls` times in a ring that grows as it is needed, 8 bytes each. Windows are half-open:
 * what happened exactly `perMs` ago is out. Times must not go back.
 */
export class SlidingWindow {
  readonly #rate: Rate
  #times: Float64Array
  #oldest = 0
  #count = 0

  constructor(rate: Rate) {
    this.#rate = rate
    this.#times = new Float64Array(Math.min(rate.calls, FIRST_CAPACITY))
  }

  /** Whether `rate.calls` happened within the window that ends now. */
  full(nowMs: number): boolean {
    return this.#count === this.#rate.calls && nowMs < this.#freeAt()
  }

  /** Until it is no longer full, if nothing more happens; 0 when it is not. */
  fullForMs(nowMs: number): number {
    return this.full(nowMs) ? this.#freeAt() - nowMs : 0
  }

  /** How many happened within the window that ends now. */
  count(nowMs: number): number {
    this.#forget(nowMs)
    return this.#count
  }

  /** It happened again. Where it is full, the oldest makes room. */
  add(nowMs: number): void {
    if (this.#count === this.#times.length) this.#makeRoom(nowMs)
    let at = this.#oldest + this.#count
    if (at >= this.#times.length) at -= this.#times.length
    this.#times[at] = nowMs
    this.#count++
  }

  clear(): void {
    this.#oldest = 0
    this.#count = 0
  }

  #freeAt(): number {
    return (this.#times[this.#oldest] as number) + this.#rate.perMs
  }

  #forget(nowMs: number): void {
    while (this.#count > 0 && nowMs >= this.#freeAt()) this.#dropOldest()
  }

  #dropOldest(): void {
    this.#oldest = this.#oldest + 1 === this.#times.length ? 0 : this.#oldest + 1
    this.#count--
  }

  #makeRoom(nowMs: number): void {
    this.#forget(nowMs)
    const size = this.#times.length
    if (this.#count < size) return
    if (size === this.#rate.calls) this.#dropOldest()
    else this.#grow(size)
  }

  #grow(size: number): void {
    const grown = new Float64Array(Math.min(this.#rate.calls, size * 2))
    grown.set(this.#times.subarray(this.#oldest))
    grown.set(this.#times.subarray(0, this.#oldest), size - this.#oldest)
    this.#times = grown
    this.#oldest = 0
  }
}
