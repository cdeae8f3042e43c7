/** The port of the balancers: which of the admissible nodes gets the next attempt. */

/** The least a candidate must show. `mesh/endpoint.ts` is one. */
export interface Candidate {
  /** Stable over the life of the node; what consistent hashing places on its ring. */
  readonly key: string
  /** Relative share, above 0 (slow start and `state/` are in it already). */
  readonly weight: number
  /** Attempts under way from this process. */
  readonly inFlight: number
  /** Moving average of the time to the head of the answer; 0 before the first. */
  readonly latencyMs: number
}

export interface PickRequest<C extends Candidate> {
  /** Every node of the service, sorted by key. */
  readonly all: readonly C[]
  /** Those that may be picked, in the order of `all`; never empty. */
  readonly admissible: readonly C[]
  /** False for a retry: `PollNext` stays where it is. */
  readonly first: boolean
  /** The value that consistent hashing goes by. */
  readonly affinity: string | undefined
}

/** One per calling process and service, HTTP and RPC together. Given in code, it may be the user's own. */
export interface Balancer {
  readonly name: string
  pick<C extends Candidate>(request: PickRequest<C>): C
  /** The index in `all` that round robin takes next (`PollNext` in `/cluster`); 0 for balancers without one. */
  readonly pollNext: number
}
