/** How the calls of the last 10 s went, by the second: what the success ratio of a node's health is taken from. */

const BUCKETS = 10
const BUCKET_MS = 1000
const LEAST_CALLS = 20
const LEAST_SUCCESS_RATIO = 0.8

export interface Recent {
  add(nowMs: number, isSuccess: boolean): void
  /** Whether less than 80 % of 20 or more went well. */
  isBad(nowMs: number): boolean
  clear(): void
}

/** Ten buckets of a second; the oldest is emptied as a new one begins. No allocation after its creation. */
export function createRecent(): Recent {
  const good = new Uint32Array(BUCKETS)
  const bad = new Uint32Array(BUCKETS)
  let tick = 0

  function current(nowMs: number): number {
    const now = Math.floor(nowMs / BUCKET_MS)
    for (let t = Math.max(tick + 1, now - BUCKETS + 1); t <= now; t++) {
      good[t % BUCKETS] = 0
      bad[t % BUCKETS] = 0
    }
    if (now > tick) tick = now
    return tick % BUCKETS
  }

  return {
    add(nowMs, isSuccess) {
      const bucket = current(nowMs)
      const counts = isSuccess ? good : bad
      counts[bucket] = (counts[bucket] as number) + 1
    },
    isBad(nowMs) {
      current(nowMs)
      let successes = 0
      let failures = 0
      for (let i = 0; i < BUCKETS; i++) {
        successes += good[i] as number
        failures += bad[i] as number
      }
      const calls = successes + failures
      return calls >= LEAST_CALLS && successes < LEAST_SUCCESS_RATIO * calls
    },
    clear() {
      good.fill(0)
      bad.fill(0)
    },
  }
}
