/** What every balancer must do, whatever its taste; all implementations run it. */
import { describe, expect, it } from 'vitest'
import type { Balancer, Candidate } from './balancer.ts'

export interface TestCandidate extends Candidate {
  weight: number
  inFlight: number
  latencyMs: number
}

/** Nodes named a, b, c …, idle and without a latency yet. */
export function candidates(n: number): TestCandidate[] {
  return Array.from({ length: n }, (_, i) => ({
    key: `goms_user_10.0.0.${100 + i}:9180_10.0.0.${100 + i}:9080`,
    weight: 1,
    inFlight: 0,
    latencyMs: 0,
  }))
}

/** A seeded source of randomness (mulberry32), so that a failure comes back. */
export function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Counts who gets `calls` first attempts. Each has an affinity of its own. */
export function spread(
  balancer: Balancer,
  all: readonly TestCandidate[],
  admissible: readonly TestCandidate[],
  calls: number,
): Map<TestCandidate, number> {
  const counts = new Map<TestCandidate, number>()
  for (let i = 0; i < calls; i++) {
    const picked = balancer.pick({ all, admissible, first: true, affinity: `user-${i}` })
    counts.set(picked, (counts.get(picked) ?? 0) + 1)
  }
  return counts
}

export interface BalancerSuiteOptions {
  /** How far a node's share of equal, idle nodes may be from even, as a ratio of it. */
  readonly toleranceRatio: number
  /** It places calls by key alone. @default false */
  readonly isWeightless?: boolean
}

export function balancerSuite(name: string, create: () => Balancer, options: BalancerSuiteOptions): void {
  describe(`${name} as a balancer`, () => {
    it('says its name', () => {
      expect(create().name).toBe(name)
    })

    it('picks admissible nodes only, whatever the subset', () => {
      const balancer = create()
      const random = seeded(7)
      const all = candidates(7)
      for (let round = 0; round < 500; round++) {
        const admissible = all.filter(() => random() < 0.5)
        if (admissible.length === 0) continue
        const affinity = random() < 0.2 ? undefined : `user-${round}`
        const picked = balancer.pick({ all, admissible, first: random() < 0.8, affinity })
        expect(admissible).toContain(picked)
      }
    })

    it('spreads calls evenly over equal nodes', () => {
      const all = candidates(5)
      const calls = 10_000
      const counts = spread(create(), all, all, calls)
      for (const node of all) {
        const share = (counts.get(node) ?? 0) / (calls / all.length)
        expect(Math.abs(share - 1), `share of ${node.key}: ${share}`).toBeLessThanOrEqual(options.toleranceRatio)
      }
    })

    it.skipIf(options.isWeightless)(
      'gives a node of weight 0 nothing while there are others, and does without weights',
      () => {
        const all = candidates(3)
        const idle = all[0] as TestCandidate
        idle.weight = 0
        expect(spread(create(), all, all, 2000).get(idle)).toBeUndefined()
        for (const node of all) node.weight = 0
        expect(all).toContain(create().pick({ all, admissible: all, first: true, affinity: undefined }))
      },
    )

    it('gives a single node everything, also as a retry', () => {
      const balancer = create()
      const all = candidates(1)
      for (const first of [true, false, true]) {
        expect(balancer.pick({ all, admissible: all, first, affinity: undefined })).toBe(all[0])
      }
    })

    it('goes on with the others when nodes leave, and takes them back when they join', () => {
      const balancer = create()
      const all = candidates(4)
      spread(balancer, all, all, 50)
      const fewer = all.slice(0, 2)
      expect([...spread(balancer, fewer, fewer, 400).keys()].sort(byKey)).toEqual(fewer)
      expect([...spread(balancer, all, all, 400).keys()].sort(byKey)).toEqual(all)
    })

    it('keeps a pollNext that is an index, also after nodes left', () => {
      const balancer = create()
      const all = candidates(4)
      spread(balancer, all, all, 3)
      const fewer = all.slice(0, 2)
      spread(balancer, fewer, fewer, 1)
      expect(balancer.pollNext).toBeGreaterThanOrEqual(0)
      expect(balancer.pollNext).toBeLessThan(fewer.length)
    })
  })
}

function byKey(a: Candidate, b: Candidate): number {
  return a.key < b.key ? -1 : 1
}
