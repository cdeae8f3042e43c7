/** Reads a rate as people write it: `"5/100"` is at most 100 in any 5 seconds. */
import { GomsError } from '../core/errors.ts'
import { isLimiterOptions, MAX_LIMIT_CALLS, toLimiter } from '../core/limit.ts'
import type { Rate, SharedRate } from '../core/options.ts'
import type { LimiterOptions } from '../core/rpc-client.ts'

const MAX_CALLS: number = MAX_LIMIT_CALLS
const MAX_SECONDS = 86_400
const WRITTEN = /^\s*(\d{1,9}(?:\.\d{1,9})?)\s*\/\s*(\d{1,9})\s*$/

/**
 * A rate from `"<seconds>/<calls>"` (the original's form) or `{ calls, perMs }`: 1 to 1 000 000 calls in more than 0 and
 * at most 86 400 seconds; the seconds may have a fraction.
 * @param name the option it is the value of, for the message
 * @throws GomsError GOMS_OPTION_INVALID
 */
export function parseRate(written: string | Rate, name = 'rate'): Rate {
  const rate = toRate(written)
  if (rate) return rate
  const found = typeof written === 'string' ? `"${written.slice(0, 40)}"` : (JSON.stringify(written) ?? String(written))
  const expected = `"<seconds>/<calls>" with more than 0 to ${MAX_SECONDS} seconds and 1 to ${MAX_CALLS} calls`
  throw new GomsError('GOMS_OPTION_INVALID', `${name}: expected ${expected}, got ${found} (${typeof written})`, {
    detail: { found, expected, fix: '"5/100" lets 100 calls through in any 5 seconds' },
  })
}

/** The same where it may be written out, and be shared by the project. @throws GomsError GOMS_OPTION_INVALID */
export function parseLimiter(written: string | LimiterOptions, name = 'limiter'): Rate | SharedRate {
  return typeof written !== 'string' && isLimiterOptions(written) ? toLimiter(written) : parseRate(written, name)
}

/** Written values come from files and from JavaScript, so nothing is taken for granted. */
function toRate(written: unknown): Rate | undefined {
  if (typeof written === 'string') {
    const match = WRITTEN.exec(written)
    return match ? checked(Number(match[2]), Number(match[1]) * 1000) : undefined
  }
  if (typeof written !== 'object' || written === null) return undefined
  const { calls, perMs } = written as Partial<Rate>
  return typeof calls === 'number' && typeof perMs === 'number' ? checked(calls, perMs) : undefined
}

function checked(calls: number, perMs: number): Rate | undefined {
  const isCalls = Number.isInteger(calls) && calls >= 1 && calls <= MAX_CALLS
  return isCalls && perMs > 0 && perMs <= MAX_SECONDS * 1000 ? { calls, perMs } : undefined
}
