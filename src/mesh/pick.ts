/** The pick: of a service's endpoints, the one that gets the attempt, or the reason why none may. */
import type { Balancer } from '../balance/balancer.ts'
import type { Call, PassedOver } from '../core/call.ts'
import { GomsError } from '../core/errors.ts'
import { type Health, softEjectable } from '../resilience/ejection.ts'
import type { Endpoint } from './endpoint.ts'

/**
 * The endpoint for the next attempt of a call.
 * @param tried endpoints that the call was already attempted on; empty: this is its first attempt
 * @param awakeMs now without the stalls of this process: what "overdue" is measured by
 * @throws GomsError UNAVAILABLE or RESOURCE_EXHAUSTED, with `retryAfterMs` where waiting helps
 */
export function pick(
  call: Call,
  all: readonly Endpoint[],
  balancer: Balancer,
  tried: readonly Endpoint[],
  nowMs: number,
  awakeMs: number,
): Endpoint {
  const isFirst = tried.length === 0
  if (isFirst && areWell(call, all, nowMs, awakeMs)) {
    return balancer.pick({ all, admissible: all, first: true, affinity: call.affinity })
  }
  const permitted = without(all, (endpoint) => !permits(call, endpoint, nowMs))
  if (permitted.length === 0) throw nobody(call, all, nowMs)
  const admissible = preferred(call, permitted, tried, nowMs, awakeMs)
  return balancer.pick({ all, admissible, first: isFirst, affinity: call.affinity })
}

/** Whether nothing speaks against any of them, as with nearly every pick: then there is nothing to weigh. */
function areWell(call: Call, all: readonly Endpoint[], nowMs: number, awakeMs: number): boolean {
  for (const endpoint of all) {
    if (!permits(call, endpoint, nowMs) || endpoint.node.draining) return false
    const health = endpoint.health[call.transport]
    if (health.hard(nowMs) || health.ejected(nowMs) || endpoint.overdue.overdue(awakeMs)) return false
  }
  return all.length > 0
}

/** Never overruled: whether the node offers the call, and route's limiter and breaker let it through. */
function permits(call: Call, endpoint: Endpoint, nowMs: number): boolean {
  if (!offers(call, endpoint)) return false
  if (!call.policy.limiter && !call.policy.breaker) return true
  const { limiter, breaker } = endpoint.guard(call.action, call.policy)
  return limiter?.full(nowMs) !== true && breaker?.admits(nowMs) !== false
}

function offers(call: Call, endpoint: Endpoint): boolean {
  return endpoint.speaks[call.transport] && call.offers?.(endpoint.node) !== false
}

/** How many endpoints the route's limiter and breaker keep the call from; undefined: none. */
export function passedOver(call: Call, all: readonly Endpoint[], nowMs: number): PassedOver | undefined {
  if (!call.policy.limiter && !call.policy.breaker) return undefined
  let broken = 0
  let limited = 0
  for (const endpoint of all) {
    if (!offers(call, endpoint)) continue
    const { limiter, breaker } = endpoint.guard(call.action, call.policy)
    if (breaker?.admits(nowMs) === false) broken++
    else if (limiter?.full(nowMs) === true) limited++
  }
  return broken + limited === 0 ? undefined : { breaker: broken, limiter: limited }
}

/** Leaves out what evidence speaks against, as long as any other endpoint is left: hard, tried, soft, overdue. */
function preferred(
  call: Call,
  permitted: readonly Endpoint[],
  tried: readonly Endpoint[],
  nowMs: number,
  awakeMs: number,
): readonly Endpoint[] {
  const healthOf = (endpoint: Endpoint): Health => endpoint.health[call.transport]
  let left = unlessAll(permitted, (endpoint) => endpoint.node.draining || healthOf(endpoint).hard(nowMs))
  if (tried.length > 0) left = unlessAll(left, (endpoint) => tried.includes(endpoint))
  if (left.some((endpoint) => healthOf(endpoint).ejected(nowMs))) {
    const ejected = softEjectable(permitted.map(healthOf), nowMs)
    left = unlessAll(left, (endpoint) => ejected.has(healthOf(endpoint)))
  }
  return unlessAll(left, (endpoint) => endpoint.overdue.overdue(awakeMs))
}

function unlessAll(endpoints: readonly Endpoint[], against: (endpoint: Endpoint) => boolean): readonly Endpoint[] {
  const left = without(endpoints, against)
  return left.length > 0 ? left : endpoints
}

/** The array itself when there is nothing to leave out: the usual call allocates nothing. */
function without(endpoints: readonly Endpoint[], against: (endpoint: Endpoint) => boolean): readonly Endpoint[] {
  return endpoints.some(against) ? endpoints.filter((endpoint) => !against(endpoint)) : endpoints
}

/** Why nobody may have it: not there, all limited (429), or limited and broken (503). */
function nobody(call: Call, all: readonly Endpoint[], nowMs: number): GomsError {
  const where = `${call.service}/${call.action}`
  if (all.length === 0) return new GomsError('UNAVAILABLE', `${where}: no node of "${call.service}" is registered`)
  let offering = 0
  let limited = 0
  let retryAfterMs = Number.POSITIVE_INFINITY
  for (const endpoint of all) {
    if (!offers(call, endpoint)) continue
    offering++
    const { limiter, breaker } = endpoint.guard(call.action, call.policy)
    if (limiter?.full(nowMs)) limited++
    const waitMs = Math.max(limiter?.retryAfterMs(nowMs) ?? 0, breaker?.retryAfterMs(nowMs) ?? 0)
    retryAfterMs = Math.min(retryAfterMs, waitMs)
  }
  if (offering === 0) {
    return new GomsError('UNAVAILABLE', `${where}: none of the ${all.length} nodes of "${call.service}" offers it`)
  }
  if (limited === offering) {
    const { calls, perMs } = call.policy.limiter ?? { calls: 0, perMs: 0 }
    const message = `${where}: the limit of ${calls} calls in ${perMs} ms is used up at all ${offering} nodes`
    return new GomsError('RESOURCE_EXHAUSTED', message, { retryAfterMs, data: { reason: 'limiter' } })
  }
  const message = `${where}: the breaker is open at ${offering - limited} of ${offering} nodes, the rest is limited`
  return new GomsError(
    'UNAVAILABLE',
    limited > 0 ? message : `${where}: the breaker is open at all ${offering} nodes`,
    {
      retryAfterMs,
      data: { reason: 'breaker' },
    },
  )
}
