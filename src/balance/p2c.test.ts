import { describe, expect, it } from 'vitest'
import { balancerSuite, candidates, seeded, spread, type TestCandidate } from './balancer.suite.ts'
import { p2c } from './p2c.ts'

balancerSuite('p2c', () => p2c(seeded(1)), { toleranceRatio: 0.1 })

describe('two choices', () => {
  it('gives a node that is a hundred times slower at most 0.5 %, and still asks it now and then', () => {
    const all = candidates(3)
    for (const node of all) node.latencyMs = 5
    const slow = all[1] as TestCandidate
    slow.latencyMs = 500
    const calls = 20_000
    const count = spread(p2c(seeded(3)), all, all, calls).get(slow) ?? 0
    expect(count).toBeGreaterThan(0)
    expect(count / calls).toBeLessThanOrEqual(0.005)
  })

  it('avoids the node with more in flight', () => {
    const all = candidates(3)
    const busy = all[2] as TestCandidate
    busy.inFlight = 50
    expect(spread(p2c(seeded(4)), all, all, 10_000).get(busy) ?? 0).toBeLessThan(50)
  })

  it('does not pour everything on a new node without a latency', () => {
    const all = candidates(4)
    for (const node of all) node.latencyMs = 20
    const fresh = all[3] as TestCandidate
    fresh.latencyMs = 0
    // While its answers are out, its load counts and nothing else: with as much in flight as the others, it is one of them.
    for (const node of all) node.inFlight = 2
    const calls = 10_000
    expect(spread(p2c(seeded(5)), all, all, calls).get(fresh) ?? 0).toBeLessThan(calls * 0.51)
    fresh.inFlight = 3
    expect(spread(p2c(seeded(6)), all, all, calls).get(fresh) ?? 0).toBeLessThan(calls * 0.02)
  })

  it('takes latencies below a millisecond for equal', () => {
    const all = candidates(2)
    const [a, b] = all as [TestCandidate, TestCandidate]
    a.latencyMs = 0.2
    b.latencyMs = 0.4
    const counts = spread(p2c(seeded(8)), all, all, 2000)
    expect(counts.get(b) ?? 0).toBeGreaterThan(800)
    expect(counts.get(a) ?? 0).toBeGreaterThan(800)
  })

  it('divides by weight', () => {
    const all = candidates(2)
    const [a, b] = all as [TestCandidate, TestCandidate]
    a.latencyMs = b.latencyMs = 10
    a.inFlight = b.inFlight = 3
    b.weight = 0.1
    expect(spread(p2c(seeded(9)), all, all, 1000).get(b) ?? 0).toBeLessThan(20)
  })
})
