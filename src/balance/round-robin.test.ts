import { describe, expect, it } from 'vitest'
import { balancerSuite, candidates, spread, type TestCandidate } from './balancer.suite.ts'
import { roundRobin } from './round-robin.ts'

balancerSuite('round-robin', roundRobin, { toleranceRatio: 0 })

const call = { first: true, affinity: undefined }

describe('round robin', () => {
  it('takes the nodes in order and shows the index it takes next', () => {
    const balancer = roundRobin()
    const all = candidates(3)
    const seen: [TestCandidate, number][] = []
    for (let i = 0; i < 4; i++) seen.push([balancer.pick({ all, admissible: all, ...call }), balancer.pollNext])
    expect(seen).toEqual([
      [all[0], 1],
      [all[1], 2],
      [all[2], 0],
      [all[0], 1],
    ])
  })

  it('does not move for a retry', () => {
    const balancer = roundRobin()
    const all = candidates(3)
    balancer.pick({ all, admissible: all, ...call })
    expect(balancer.pick({ all, admissible: all.slice(2), first: false, affinity: undefined })).toBe(all[2])
    expect(balancer.pollNext).toBe(1)
  })

  it('jumps behind the node it took, so that the next in line does not get the share of a skipped one', () => {
    const all = candidates(4)
    const admissible = [all[0], all[2], all[3]] as TestCandidate[]
    const counts = spread(roundRobin(), all, admissible, 300)
    expect(admissible.map((node) => counts.get(node))).toEqual([100, 100, 100])
  })

  it('starts over when the index it would take is gone', () => {
    const balancer = roundRobin()
    const all = candidates(5)
    spread(balancer, all, all, 4)
    expect(balancer.pollNext).toBe(4)
    const fewer = all.slice(0, 2)
    expect(balancer.pick({ all: fewer, admissible: fewer, ...call })).toBe(fewer[0])
  })

  it('gives a node in slow start its part of a turn', () => {
    const all = candidates(3)
    ;(all[1] as TestCandidate).weight = 0.1
    const counts = spread(roundRobin(), all, all, 2100)
    expect(counts.get(all[1] as TestCandidate)).toBeCloseTo(100, -1)
  })

  it('stays plain where all weights are equally low', () => {
    const all = candidates(3)
    for (const node of all) node.weight = 0.1
    const balancer = roundRobin()
    const picked = all.map(() => balancer.pick({ all, admissible: all, ...call }))
    expect(picked).toEqual(all)
  })
})
