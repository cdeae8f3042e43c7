/** Limiters as people write them out, and what a route has of its own limiter and of the default one. */
import type { Policy, Rate, SharedRate } from './options.ts'
import type { LimiterOptions } from './rpc-client.ts'

export const MAX_LIMIT_CALLS = 1_000_000
export const MAX_LIMIT_MS = 86_400_000
export const MAX_LIMIT_WAIT_MS = 10_000
const WAIT_MS = 50

const KEYS: readonly string[] = ['calls', 'perMs', 'shared', 'onError', 'timeoutMs']

/** What a limiter of `rpc()` may be. */
export function isLimiterOptions(value: unknown): value is LimiterOptions {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const { calls, perMs, shared, onError, timeoutMs } = value as Readonly<Record<string, unknown>>
  const isRate = isWhole(calls, MAX_LIMIT_CALLS) && isWhole(perMs, MAX_LIMIT_MS)
  const isAsked = [undefined, 'open', 'closed'].includes(onError as undefined)
  const isWait = timeoutMs === undefined || isWhole(timeoutMs, MAX_LIMIT_WAIT_MS)
  if (!isRate || !isAsked || !isWait || !Object.keys(value).every((key) => KEYS.includes(key))) return false
  // What is said of Redis is said of a limit that is counted there.
  return (
    shared === true || ((shared === undefined || shared === false) && onError === undefined && timeoutMs === undefined)
  )
}

function isWhole(value: unknown, most: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= most
}

type Written = Pick<LimiterOptions, 'calls' | 'perMs'> & {
  readonly [Key in 'shared' | 'onError' | 'timeoutMs']?: LimiterOptions[Key] | undefined
}

/** With what is left out filled in. */
export function toLimiter({ calls, perMs, shared, onError, timeoutMs }: Written): Rate | SharedRate {
  if (shared !== true) return { calls, perMs }
  return { calls, perMs, shared, onError: onError ?? 'open', timeoutMs: timeoutMs ?? WAIT_MS }
}

export function isShared(rate: Rate | SharedRate | undefined): rate is SharedRate {
  return rate !== undefined && 'shared' in rate
}

/** A route has one limiter: its own takes the default one's place, of whichever kind both are. */
export function limitersOf(
  own: Rate | SharedRate | undefined,
  base: Pick<Policy, 'limiter' | 'sharedLimiter'>,
): Pick<Policy, 'limiter' | 'sharedLimiter'> {
  if (own === undefined) return { limiter: base.limiter, sharedLimiter: base.sharedLimiter }
  return isShared(own) ? { limiter: undefined, sharedLimiter: own } : { limiter: own, sharedLimiter: undefined }
}
