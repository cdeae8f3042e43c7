/**
 * THE outbound order: what happens to a call on its way out, and why it stands where it stands.
 *
 * Once per call:
 * 1. `callLimit`  refuses before anything is spent: no attempt, no token of a node's limiter               429
 * 2. `limiter`    where the project shares it: one token a call, of whoever counts for all. After the limit that
 *                 costs nothing to ask for, and before all that is spent. Only such routes wait here  429 503
 * 3. `use`        the user's own; below the limits, so that refused calls cost them nothing either
 * 4. `deadline`   one budget for all that follows, waits and retries included                             504
 * 5. `retry`      above the pick, so that each attempt meets another node
 *
 * Once per attempt:
 * 6. `pick`       offers it, breaker not open, limiter not full; then hard evidence, tried, soft, overdue
 *                 → balancer. An open breaker and a full limiter cost no attempt                      429 503
 * 7. `attempt`    the lesser of its share and what is left; takes the permits; the carrier sends it
 *
 * An attempt comes back in two reports, `head` (retry, breaker, health, latency) and `end` (in-flight, cut answers).
 */
import type { Call, Carrier, Dispatched, Dispatcher } from '../core/call.ts'
import { GomsError } from '../core/errors.ts'
import type { Limiter } from '../resilience/limiter.ts'
import type { SharedLimits } from '../resilience/shared-limits.ts'
import { CallRun, type DispatchDeps, type Target } from './dispatch.ts'
import { LimitedCall } from './limited-call.ts'
import { type Middleware, withMiddleware } from './middleware.ts'

export interface StackDeps extends DispatchDeps {
  target(service: string): Target
  /** The limiter of the call's route, shared by all its calls; undefined without a `callLimit`. */
  callLimit(call: Call): Limiter | undefined
  /** Who counts for the project. */
  readonly sharedLimits: SharedLimits
  readonly use: readonly Middleware[]
}

export function createStack(deps: StackDeps): Dispatcher {
  const run: Dispatcher = {
    dispatch(call, carrier, nowMs) {
      const calling = new CallRun(call, carrier, deps.target(call.service), deps)
      calling.start(nowMs)
      return calling
    },
  }
  const used = withMiddleware(run, deps.use, {
    clock: deps.clock,
    observer: ({ service, action }) => deps.target(service).track(action).observer,
  })
  const limited = { ...deps, next: used }
  return {
    dispatch(call, carrier, nowMs) {
      const { callLimit, sharedLimiter } = call.policy
      const limiter = callLimit && deps.callLimit(call)
      if (limiter && !limiter.take(deps.clock.now())) return refuse(call, carrier, limiter, deps)
      if (sharedLimiter === undefined) return used.dispatch(call, carrier, nowMs)
      const asking = new LimitedCall(call, carrier, sharedLimiter, limited, nowMs)
      asking.start()
      return asking
    },
  }
}

function refuse(call: Call, carrier: Carrier, limiter: Limiter, { clock, target }: StackDeps): Dispatched {
  const { calls, perMs } = call.policy.callLimit ?? { calls: 0, perMs: 0 }
  const message = `${call.service}/${call.action}: the call limit of ${calls} calls in ${perMs} ms is used up`
  const nowMs = clock.now()
  const error = new GomsError('RESOURCE_EXHAUSTED', message, {
    retryAfterMs: limiter.retryAfterMs(nowMs),
    data: { reason: 'callLimit' },
  })
  target(call.service).track(call.action).observer?.call(call, 0, undefined, error, nowMs, nowMs)
  carrier.fail(error)
  return { cancel() {} }
}
