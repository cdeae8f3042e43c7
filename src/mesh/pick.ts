/** The pick: of a service's endpoints, those that may have the attempt, in the order in which evidence against them counts. */
import type { Balancer } from '../balance/balancer.ts'
import type { Call } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { softEjectable } from '../resilience/ejection.ts'
import { isOverdue } from '../resilience/overdue.ts'
import type { Endpoint } from './endpoint.ts'

export interface PickState {
  readonly all: readonly Endpoint[]
  readonly balancer: Balancer
  /** Endpoints that this call was already attempted on. */
  readonly tried: readonly Endpoint[]
  readonly first: boolean
}

/**
 * The endpoint for the next attempt.
 * @throws GomsError UNAVAILABLE, UNIMPLEMENTED or RESOURCE_EXHAUSTED, with `retryAfterMs` where waiting helps
 */
export function pick(call: Call, state: PickState, clock: Clock): Endpoint {
  const nowMs = clock.now()
  const offering = call.offers ? state.all.filter((e) => call.offers?.(e.node)) : state.all
  if (offering.length === 0) throw nobodyOffers(call, state.all.length)
  const allowed = permitted(call, offering, nowMs)
  const admissible = allowed.length === 1 ? allowed : preferred(call, allowed, offering, state.tried, nowMs)
  return state.balancer.pick({ all: state.all, admissible, first: state.first, affinity: call.affinity })
}

/** Those whose breaker and limiter let the attempt through. They are never overruled: an open breaker costs no attempt. */
function permitted(call: Call, offering: readonly Endpoint[], nowMs: number): readonly Endpoint[] {
  const { limiter, breaker } = call.policy
  if (!limiter && !breaker) return offering
  let limited = 0
  let retryAfterMs = Number.POSITIVE_INFINITY
  const allowed = offering.filter((endpoint) => {
    const route = endpoint.route(call.action, call.policy)
    if (route.breaker && !route.breaker.admits(nowMs)) {
      retryAfterMs = Math.min(retryAfterMs, route.breaker.retryAfterMs(nowMs))
      return false
    }
    if (route.limiter?.full(nowMs)) {
      limited++
      retryAfterMs = Math.min(retryAfterMs, route.limiter.retryAfterMs(nowMs))
      return false
    }
    return true
  })
  if (allowed.length > 0) return allowed
  const where = `${call.service}/${call.action}`
  if (limited === offering.length) {
    const message = `${where}: the limit of ${limiter?.calls} calls in ${limiter?.perMs} ms is used up at all ${limited} nodes`
    throw new GomsError('RESOURCE_EXHAUSTED', message, { retryAfterMs })
  }
  throw new GomsError('UNAVAILABLE', `${where}: the breaker is open at all ${offering.length} nodes`, {
    retryAfterMs,
    data: { reason: 'breaker' },
  })
}

/** Leaves out what evidence speaks against, as long as any other endpoint is left: hard, tried, soft, overdue. */
function preferred(
  call: Call,
  allowed: readonly Endpoint[],
  offering: readonly Endpoint[],
  tried: readonly Endpoint[],
  nowMs: number,
): readonly Endpoint[] {
  let left = unless(allowed, (e) => e.node.draining || e.health[call.transport].hard(nowMs))
  if (tried.length > 0) left = unless(left, (e) => tried.includes(e))
  if (left.some((e) => e.health[call.transport].ejected(nowMs))) {
    const ejectable = softEjectable(offering.map((e) => e.health[call.transport]), nowMs)
    left = unless(left, (e) => ejectable.has(e.health[call.transport]))
  }
  return unless(left, (e) => {
    const oldest = e.oldest()
    return oldest !== undefined && isOverdue(nowMs - oldest.startedMs, oldest.latency.averageMs)
  })
}

/** Without those that `against` holds for, unless that is all of them. Allocates only when there are any. */
function unless(endpoints: readonly Endpoint[], against: (endpoint: Endpoint) => boolean): readonly Endpoint[] {
  if (!endpoints.some(against)) return endpoints
  const left = endpoints.filter((endpoint) => !against(endpoint))
  return left.length > 0 ? left : endpoints
}

function nobodyOffers(call: Call, known: number): GomsError {
  const where = `${call.service}/${call.action}`
  return known === 0
    ? new GomsError('UNAVAILABLE', `${where}: no node of "${call.service}" is registered`)
    : new GomsError('UNAVAILABLE', `${where}: none of the ${known} nodes of "${call.service}" offers "${call.action}"`)
}
