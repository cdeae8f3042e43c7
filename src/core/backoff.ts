/** How long to wait before trying again: full jitter, so that callers that failed together do not return together. */

export interface BackoffOptions {
  /** Upper bound of the first wait. */
  readonly baseMs: number
  /** No wait is longer. */
  readonly maxMs: number
  /** From 0 (inclusive) to 1 (exclusive). @default Math.random */
  readonly random?: () => number
}

/**
 * Full jitter: a random wait between 0 and min(maxMs, baseMs × 2^n) for the n-th try, counted from 0.
 * Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function fullJitterMs(n: number, options: BackoffOptions): number {
  const random = options.random ?? Math.random
  return random() * Math.min(options.maxMs, options.baseMs * 2 ** Math.min(n, 30))
}
