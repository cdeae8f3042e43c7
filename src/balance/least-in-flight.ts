/** Least in flight: the node with the fewest attempts under way from this process, for its weight. */
import type { Balancer, Candidate, PickRequest } from './balancer.ts'

/**
 * Picks the least `inFlight / weight`; nodes that tie take turns, in the order of their keys.
 * Source: nginx `least_conn` (https://nginx.org/en/docs/http/ngx_http_upstream_module.html#least_conn).
 */
export function leastInFlight(): Balancer {
  // The key and not an index: the set may change between two picks.
  let lastKey = ''

  return {
    name: 'least-in-flight',
    pollNext: 0,
    pick<C extends Candidate>({ admissible }: PickRequest<C>): C {
      let best = admissible[0] as C
      let least = loadOf(best)
      let isBehindLast = best.key > lastKey
      for (let i = 1; i < admissible.length; i++) {
        const candidate = admissible[i] as C
        const load = loadOf(candidate)
        if (load > least) continue
        if (load < least) {
          best = candidate
          least = load
          isBehindLast = candidate.key > lastKey
        } else if (!isBehindLast && candidate.key > lastKey) {
          best = candidate
          isBehindLast = true
        }
      }
      lastKey = best.key
      return best
    },
  }
}

/** A weight of 0 is the last resort, and must not become NaN. */
function loadOf(candidate: Candidate): number {
  return candidate.weight > 0 ? candidate.inFlight / candidate.weight : Number.POSITIVE_INFINITY
}
