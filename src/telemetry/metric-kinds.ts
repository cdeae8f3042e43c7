/** A counter, a gauge, a histogram: plain numbers that whoever counts holds, and the page reads. */

/** A value for each label. */
export type LabelValues<L extends string> = Readonly<Record<L, string>>

/** In seconds: from calls within a machine to the default time-out. */
export const LATENCY_BUCKETS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** Only rises. */
export class Counter {
  value: number = 0

  /** Counts one, or `by`: what is negative or no finite number is left out. */
  inc(by = 1): void {
    if (by >= 0 && by < Number.POSITIVE_INFINITY) this.value += by
  }

  numbers(): readonly number[] {
    return [this.value]
  }
}

/** Goes up and down. */
export class Gauge {
  value: number = 0

  set(value: number): void {
    this.value = value
  }

  inc(by = 1): void {
    this.value += by
  }

  dec(by = 1): void {
    this.value -= by
  }

  numbers(): readonly number[] {
    return [this.value]
  }
}

/** How often values were within which bounds. */
export class Histogram {
  sum: number = 0
  readonly #bounds: readonly number[]
  /** Of each bucket alone, the one to infinity last. */
  readonly #counts: number[]

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.#counts = new Array(bounds.length + 1).fill(0)
  }

  /** What is no finite number is left out. */
  observe(value: number): void {
    if (!Number.isFinite(value)) return
    const bounds = this.#bounds
    let i = 0
    while (i < bounds.length && value > (bounds[i] as number)) i++
    ;(this.#counts[i] as number)++
    this.sum += value
  }

  /** Counts of the buckets, each alone, and the sum at the end. */
  numbers(): readonly number[] {
    return [...this.#counts, this.sum]
  }
}
