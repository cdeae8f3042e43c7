/** Round robin, the default the original promises: the admissible nodes one after the other, in the order of their keys. */
import type { Balancer, Candidate, PickRequest } from './balancer.ts'

/**
 * Takes the first admissible node from `pollNext` on and moves `pollNext` behind it; a retry does not move it.
 * Indices are never kept across a change of the set: `pollNext` is brought into range at each pick.
 *
 * A node whose weight is below 1 *and* below that of the heaviest admissible node (slow start) is passed over until the
 * weights of its turns add up to one whole turn; without such nodes this is plain round robin.
 */
export function roundRobin(): Balancer {
  let next = 0
  // Turns saved up by nodes in slow start. Weak, so that a node that left takes its share along.
  const credits = new WeakMap<Candidate, number>()

  function takesTurn(candidate: Candidate, heaviest: number): boolean {
    const credit = (credits.get(candidate) ?? 0) + candidate.weight / heaviest
    credits.set(candidate, credit >= 1 ? credit - 1 : credit)
    return credit >= 1
  }

  return {
    name: 'round-robin',
    get pollNext() {
      return next
    },
    pick<C extends Candidate>({ all, admissible, first }: PickRequest<C>): C {
      const start = next < all.length ? next : 0
      const index = walk(all, admissible, start, takesTurn)
      if (first) next = index + 1 < all.length ? index + 1 : 0
      return all[index] ?? (admissible[0] as C)
    },
  }
}

/** Index in `all` of the node whose turn it is. O(n), no allocation: both arrays have the same order. */
function walk<C extends Candidate>(
  all: readonly C[],
  admissible: readonly C[],
  start: number,
  takesTurn: (candidate: Candidate, heaviest: number) => boolean,
): number {
  const n = all.length
  const everyone = admissible.length === n
  let heaviest = 0
  let fallback = -1
  for (let step = 0, at = everyone ? 0 : firstFrom(all, admissible, start); step < n; step++) {
    const index = start + step < n ? start + step : start + step - n
    if (index === 0) at = 0
    const candidate = all[index] as C
    if (!everyone) {
      if (admissible[at] !== candidate) continue
      at++
    }
    if (fallback < 0) fallback = index
    if (candidate.weight >= 1) return index
    heaviest ||= Math.min(1, heaviestOf(admissible))
    if (candidate.weight >= heaviest || takesTurn(candidate, heaviest)) return index
  }
  return fallback
}

/** Where in `admissible` the nodes at or after `start` begin. */
function firstFrom<C extends Candidate>(all: readonly C[], admissible: readonly C[], start: number): number {
  let at = 0
  for (let index = 0; index < start; index++) if (admissible[at] === all[index]) at++
  return at
}

function heaviestOf(candidates: readonly Candidate[]): number {
  let heaviest = 0
  for (const { weight } of candidates) if (weight > heaviest) heaviest = weight
  return heaviest
}
