import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { balancerSuite, candidates, type TestCandidate } from './balancer.suite.ts'
import { consistentHash } from './consistent-hash.ts'

balancerSuite('hash', consistentHash, { toleranceRatio: 0.25, isWeightless: true })

const users = Array.from({ length: 3000 }, (_, i) => `user-${i}`)

function place(all: readonly TestCandidate[], admissible: readonly TestCandidate[]): Map<string, string> {
  const balancer = consistentHash()
  return new Map(users.map((affinity) => [affinity, balancer.pick({ all, admissible, first: true, affinity }).key]))
}

describe('consistent hash', () => {
  it('gives the same affinity the same node, in every process', () => {
    const all = candidates(6)
    expect(place(all, all)).toEqual(place(candidates(6), candidates(6)))
  })

  it.each(['leaves', 'is skipped'])('moves only the calls of a node that %s', (how) => {
    const all = candidates(6)
    const gone = all[2] as TestCandidate
    const rest = all.filter((node) => node !== gone)
    const before = place(all, all)
    const after = how === 'leaves' ? place(rest, rest) : place(all, rest)
    for (const user of users) {
      if (before.get(user) === gone.key) expect(after.get(user)).not.toBe(gone.key)
      else expect(after.get(user)).toBe(before.get(user))
    }
  })

  it('takes calls for a node that joins, and moves none between the others', () => {
    const more = candidates(7)
    const before = place(more.slice(0, 6), more.slice(0, 6))
    const after = place(more, more)
    const joined = more[6] as TestCandidate
    for (const user of users) {
      if (after.get(user) !== joined.key) expect(after.get(user)).toBe(before.get(user))
    }
  })

  it('goes round robin without affinity', () => {
    const all = candidates(3)
    const balancer = consistentHash()
    const picked = all.map(() => balancer.pick({ all, admissible: all, first: true, affinity: undefined }))
    expect(picked).toEqual(all)
    expect(balancer.pollNext).toBe(0)
  })

  it('keeps every node within the load factor while one affinity is hot', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 200 }), (n, calls) => {
        const all = candidates(n)
        const balancer = consistentHash({ loadFactor: 1.25 })
        for (let i = 0; i < calls; i++) {
          balancer.pick({ all, admissible: all, first: true, affinity: 'hot' }).inFlight++
        }
        for (const node of all) expect(node.inFlight).toBeLessThanOrEqual(Math.ceil((1.25 * calls) / n))
      }),
    )
  })

  it.each([{ virtualNodes: 0 }, { virtualNodes: 1.5 }, { loadFactor: 1 }, { loadFactor: Number.NaN }])(
    'refuses %o',
    (options) => {
      expect(() => consistentHash(options)).toThrow(expect.objectContaining({ code: 'GOMS_OPTION_INVALID' }))
    },
  )
})
