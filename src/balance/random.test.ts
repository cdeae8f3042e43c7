import { describe, expect, it } from 'vitest'
import { balancerSuite, candidates, seeded, spread, type TestCandidate } from './balancer.suite.ts'
import { randomly } from './random.ts'

balancerSuite('random', () => randomly(seeded(1)), { toleranceRatio: 0.1 })

describe('random', () => {
  it('goes by weight', () => {
    const all = candidates(2)
    const [a, b] = all as [TestCandidate, TestCandidate]
    b.weight = 3
    const counts = spread(randomly(seeded(2)), all, all, 8000)
    expect((counts.get(b) ?? 0) / (counts.get(a) ?? 1)).toBeGreaterThan(2.7)
    expect((counts.get(b) ?? 0) / (counts.get(a) ?? 1)).toBeLessThan(3.3)
  })

  it('stays within the set at the end of the range', () => {
    const all = candidates(3)
    expect(randomly(() => 1 - Number.EPSILON).pick({ all, admissible: all, first: true, affinity: undefined })).toBe(
      all[2],
    )
  })
})
