/** Consistent hashing: calls with the same affinity meet the same node, and few move when a node joins or leaves. */
import { GomsError } from '../core/errors.ts'
import type { Balancer, Candidate, PickRequest } from './balancer.ts'
import { createRing, hashOf, type Ring } from './hash-ring.ts'
import { roundRobin } from './round-robin.ts'

export interface ConsistentHashOptions {
  /** Places of one node on the ring, 1 to 1000. More spread the calls better and cost memory. @default 160 */
  readonly virtualNodes?: number
  /**
   * No node takes more than this many times the average of attempts under way; what is above goes to the next on the
   * ring. Above 1; 1.25 is usual. @default Infinity (unbounded)
   */
  readonly loadFactor?: number
}

/**
 * Places every node on a ring by its key and takes the first admissible one at or after the hash of the affinity.
 * Nodes that may not be picked keep their places: only their own calls move, and come back with them. All processes
 * agree. Calls without affinity go round robin. Weights are not looked at.
 * @throws GomsError GOMS_OPTION_INVALID for an option out of its bounds
 * Sources: Karger et al., "Consistent Hashing and Random Trees" (1997); Mirrokni, Thorup, Zadimoghaddam, "Consistent
 * Hashing with Bounded Loads" (2016).
 */
export function consistentHash(options: ConsistentHashOptions = {}): Balancer {
  const { virtualNodes = 160, loadFactor = Number.POSITIVE_INFINITY } = options
  if (!(Number.isInteger(virtualNodes) && virtualNodes >= 1 && virtualNodes <= 1000)) {
    throw invalid('virtualNodes', 'an integer from 1 to 1000', virtualNodes)
  }
  if (!(loadFactor > 1)) throw invalid('loadFactor', 'a number above 1', loadFactor)
  const fallback = roundRobin()
  let ring: Ring | undefined

  return {
    name: 'hash',
    get pollNext() {
      return fallback.pollNext
    },
    pick<C extends Candidate>(request: PickRequest<C>): C {
      const { all, admissible, affinity } = request
      if (affinity === undefined) return fallback.pick(request)
      if (admissible.length === 1) return admissible[0] as C
      if (!ring?.isOf(all)) ring = createRing(all, virtualNodes)
      const hash = hashOf(affinity)
      const mayTake = admissible.length === all.length ? undefined : ring.mark(all, admissible)
      const capacity = capacityOf(admissible, loadFactor)
      // Whoever comes next where all are at the bound: a bound moves calls and never refuses one.
      const owner =
        firstOn(ring, hash, all, mayTake, capacity) ?? firstOn(ring, hash, all, mayTake, Number.POSITIVE_INFINITY)
      return owner ?? (admissible[0] as C)
    },
  }
}

/** Attempts that a node may have under way, this one included. */
function capacityOf(admissible: readonly Candidate[], loadFactor: number): number {
  if (loadFactor === Number.POSITIVE_INFINITY) return loadFactor
  let total = 1
  for (const { inFlight } of admissible) total += inFlight
  return Math.ceil((loadFactor * total) / admissible.length)
}

function firstOn<C extends Candidate>(
  ring: Ring,
  hash: number,
  all: readonly C[],
  mayTake: Uint8Array | undefined,
  capacity: number,
): C | undefined {
  let at = ring.placeOf(hash)
  for (let step = 0; step < ring.size; step++) {
    const owner = ring.ownerAt(at)
    const candidate = all[owner] as C
    if (candidate.inFlight < capacity && (mayTake === undefined || mayTake[owner] === 1)) return candidate
    at = at + 1 < ring.size ? at + 1 : 0
  }
  return undefined
}

function invalid(name: string, expected: string, value: number): GomsError {
  return new GomsError('GOMS_OPTION_INVALID', `hash: expected \`${name}\` to be ${expected}, got \`${value}\``, {
    detail: { found: String(value), expected, fix: `give \`${name}\` ${expected}, or leave it out` },
  })
}
