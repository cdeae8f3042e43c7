/** What one worker gets of something that all workers of a gateway have together: limits, connections, what retries may cost. */
import type { Rate } from '../core/options.ts'

/** One of `of` workers, counted from 0. */
export interface Share {
  readonly index: number
  readonly of: number
}

/** The share of a process that works alone. */
export const WHOLE: Share = { index: 0, of: 1 }

/**
 * Of a whole number, so that the shares of all workers add up to it: the remainder goes to the first ones, one each.
 * Never less than 1, which would shut out whoever is connected to that worker: of a number that is smaller than
 * that of the workers each gets 1, and together they get as many as there are workers.
 */
export function shareOf(whole: number, { index, of }: Share): number {
  return Math.max(1, Math.floor(whole / of) + (index < whole % of ? 1 : 0))
}

/** As many calls in the same time. */
export function rateShare(rate: Rate, share: Share): Rate {
  return share.of === 1 ? rate : { calls: shareOf(rate.calls, share), perMs: rate.perMs }
}
