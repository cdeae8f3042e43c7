/** From the option to the balancer: the only place that knows all of them. A new balancer gets a line here. */
import { GomsError } from '../core/errors.ts'
import { BALANCERS, type BalanceOptions } from '../core/options.ts'
import type { Balancer } from './balancer.ts'
import { consistentHash } from './consistent-hash.ts'
import { leastInFlight } from './least-in-flight.ts'
import { p2c } from './p2c.ts'
import { randomly } from './random.ts'
import { roundRobin } from './round-robin.ts'
import { weighted } from './weighted.ts'

/**
 * The balancer of that name, new and with a state of its own: one per calling process and service.
 * @param random from 0 (inclusive) to 1 (exclusive)
 * @throws GomsError GOMS_OPTION_INVALID for an unknown name, or a `hash` without exactly one of header, cookie, query
 */
export function createBalancer(options: BalanceOptions, random: () => number = Math.random): Balancer {
  switch (options) {
    case 'round-robin':
      return roundRobin()
    case 'weighted':
      return weighted()
    case 'random':
      return randomly(random)
    case 'least-in-flight':
      return leastInFlight()
    case 'p2c':
      return p2c(random)
    default:
      if (isHash(options)) return consistentHash()
      throw invalid(options)
  }
}

/** Written by people and read from files, so it is looked at as if nothing were known of it. */
function isHash(options: unknown): boolean {
  const hash = typeof options === 'object' && options !== null ? (options as { hash?: unknown }).hash : undefined
  if (typeof hash !== 'object' || hash === null) return false
  const sources = ['header', 'cookie', 'query'].map((name) => (hash as Record<string, unknown>)[name])
  const given = sources.filter((source) => source !== undefined)
  return given.length === 1 && typeof given[0] === 'string' && given[0] !== ''
}

function invalid(options: unknown): GomsError {
  const found = JSON.stringify(options) ?? String(options)
  const expected = `${BALANCERS.join(', ')} or { hash: { header | cookie | query: name } }`
  return new GomsError('GOMS_OPTION_INVALID', `balance: expected ${expected}, got ${found}`, {
    detail: { found, expected, fix: 'name one of them, or leave `balance` out for round-robin' },
  })
}
