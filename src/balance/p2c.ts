/** Power of two choices: of two nodes drawn by lot, the one that would answer sooner. The recommended balancer. */
import type { Balancer, Candidate, PickRequest } from './balancer.ts'

/** Latencies below are taken for equal: on such a scale they are noise of the scheduler. */
const LEAST_LATENCY_MS = 1
/** One pick in so many is by lot alone: a node that was slow once is measured again, at a cost of under 0.4 % of calls. */
const EXPLORE_EVERY = 256

/**
 * Draws two different nodes and takes the lesser of (inFlight + 1) × latency / weight. A node without a latency yet is
 * given the other's, so that a new node attracts only what its load deserves.
 * Sources: Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001); finagle's `p2cPeakEwma`
 * (https://twitter.github.io/finagle/guide/Clients.html#power-of-two-choices-p2c-least-loaded); linkerd2-proxy.
 */
export function p2c(random: () => number = Math.random): Balancer {
  let picks = 0

  return {
    name: 'p2c',
    pollNext: 0,
    pick<C extends Candidate>({ admissible }: PickRequest<C>): C {
      const n = admissible.length
      const i = Math.floor(random() * n)
      const a = admissible[i] as C
      picks = (picks + 1) % EXPLORE_EVERY
      if (n === 1 || (picks === 0 && a.weight > 0)) return a
      const j = Math.floor(random() * (n - 1))
      const b = admissible[j < i ? j : j + 1] as C
      const latencyOfA = Math.max(a.latencyMs || b.latencyMs, LEAST_LATENCY_MS)
      const latencyOfB = Math.max(b.latencyMs || a.latencyMs, LEAST_LATENCY_MS)
      return costOf(a, latencyOfA) <= costOf(b, latencyOfB) ? a : b
    },
  }
}

function costOf(candidate: Candidate, latencyMs: number): number {
  return ((candidate.inFlight + 1) * latencyMs) / candidate.weight
}
