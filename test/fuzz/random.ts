/** Seeded chance: what a fuzz test found is found again with its seed. */

export interface Chance {
  /** A whole number from 0, below what is given. */
  below(limit: number): number
  /** True in that share of cases. */
  happens(ratio: number): boolean
  pick<T>(from: readonly T[]): T
}

/** Small, fast, the same on every machine (mulberry32). */
export function createChance(seed: number): Chance {
  let state = seed | 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    below: (limit) => Math.floor(next() * limit),
    happens: (ratio) => next() < ratio,
    pick: (from) => from[Math.floor(next() * from.length)] as (typeof from)[number],
  }
}

/** How long a fuzz test runs: `GOMS_FUZZ_MS`, or some seconds. */
export function fuzzMs(): number {
  return Number(process.env.GOMS_FUZZ_MS ?? 5000)
}

/** `GOMS_FUZZ_SEED`, or another one each time. */
export function fuzzSeed(): number {
  return Number(process.env.GOMS_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
}

/** Streams that are read at once. */
export const BATCH = 64

/** Shares of odd choices in a stream: nearly right ones go deepest, nonsense goes nowhere. */
export const ODDITIES: readonly number[] = [0, 0.02, 0.1, 0.3]
