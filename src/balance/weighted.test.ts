import { describe, expect, it } from 'vitest'
import { balancerSuite, candidates, spread, type TestCandidate } from './balancer.suite.ts'
import { weighted } from './weighted.ts'

balancerSuite('weighted', weighted, { toleranceRatio: 0 })

describe('smooth weighted round robin', () => {
  it('mixes 5:1:1 as nginx does', () => {
    const balancer = weighted()
    const all = candidates(3)
    const [a, b, c] = all as [TestCandidate, TestCandidate, TestCandidate]
    a.weight = 5
    const picked = Array.from({ length: 7 }, () =>
      balancer.pick({ all, admissible: all, first: true, affinity: undefined }),
    )
    expect(picked).toEqual([a, a, b, a, c, a, a])
  })

  it('follows a weight that grows', () => {
    const all = candidates(2)
    const [a, b] = all as [TestCandidate, TestCandidate]
    const balancer = weighted()
    b.weight = 0.25
    expect(spread(balancer, all, all, 500).get(b)).toBe(100)
    b.weight = 1
    expect(spread(balancer, all, all, 500).get(a)).toBe(250)
  })

  it('brings no hoard back from a time outside', () => {
    const all = candidates(3)
    const balancer = weighted()
    const c = all[2] as TestCandidate
    spread(balancer, all, all.slice(0, 2), 1000)
    expect(spread(balancer, all, all, 9).get(c)).toBe(3)
  })
})
