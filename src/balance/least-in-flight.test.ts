import { describe, expect, it } from 'vitest'
import { balancerSuite, candidates, spread, type TestCandidate } from './balancer.suite.ts'
import { leastInFlight } from './least-in-flight.ts'

balancerSuite('least-in-flight', leastInFlight, { toleranceRatio: 0 })

describe('least in flight', () => {
  it('leaves a node alone that keeps its attempts', () => {
    const all = candidates(3)
    const hung = all[0] as TestCandidate
    hung.inFlight = 10
    expect(spread(leastInFlight(), all, all, 100).get(hung)).toBeUndefined()
  })

  it('lets those that tie take turns, even when a busy one stands between them', () => {
    const all = candidates(4)
    const [a, b, c, d] = all as [TestCandidate, TestCandidate, TestCandidate, TestCandidate]
    b.inFlight = 1
    const counts = spread(leastInFlight(), all, all, 300)
    expect([a, c, d].map((node) => counts.get(node))).toEqual([100, 100, 100])
  })

  it('divides by weight', () => {
    const all = candidates(2)
    const [a, b] = all as [TestCandidate, TestCandidate]
    a.inFlight = 3
    a.weight = 4
    b.inFlight = 1
    expect(spread(leastInFlight(), all, all, 10).get(a)).toBe(10)
  })
})
