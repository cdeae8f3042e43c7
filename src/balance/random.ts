/** By lot, in proportion to the weights: no state, so many callers never march in step. */
import type { Balancer, Candidate, PickRequest } from './balancer.ts'

/** Picks each admissible node with a probability of its weight over the sum of the weights. */
export function randomly(random: () => number = Math.random): Balancer {
  return {
    name: 'random',
    pollNext: 0,
    pick<C extends Candidate>({ admissible }: PickRequest<C>): C {
      const last = admissible.length - 1
      let total = 0
      for (const candidate of admissible) total += candidate.weight
      let rest = random() * total
      for (let i = 0; i < last; i++) {
        const candidate = admissible[i] as C
        rest -= candidate.weight
        if (rest < 0) return candidate
      }
      return admissible[last] as C
    },
  }
}
