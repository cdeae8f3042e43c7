/** Smooth weighted round robin: shares by weight, and evenly mixed: 5:1:1 gives A A B A C A A, not A A A A A B C. */
import type { Balancer, Candidate, PickRequest } from './balancer.ts'

/**
 * Each pick adds every node's weight to its balance, takes the greatest balance and charges it the sum of the weights.
 * Nodes that are not admissible neither earn nor pay, so that none returns with a debt or a hoard.
 * Source: nginx, "Upstream: smooth weighted round-robin balancing" (commit 52327e0627f4, 2012).
 */
export function weighted(): Balancer {
  // Weak, so that a node that left is forgotten.
  const balances = new WeakMap<Candidate, { value: number }>()

  return {
    name: 'weighted',
    pollNext: 0,
    pick<C extends Candidate>({ admissible }: PickRequest<C>): C {
      let best = admissible[0] as C
      if (admissible.length === 1) return best
      let bestBalance: { value: number } | undefined
      let total = 0
      for (const candidate of admissible) {
        let balance = balances.get(candidate)
        if (!balance) {
          balance = { value: 0 }
          balances.set(candidate, balance)
        }
        balance.value += candidate.weight
        total += candidate.weight
        if (bestBalance && balance.value <= bestBalance.value) continue
        best = candidate
        bestBalance = balance
      }
      if (bestBalance) bestBalance.value -= total
      return best
    },
  }
}
