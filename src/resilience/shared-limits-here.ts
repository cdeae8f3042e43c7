/** Limits shared within one process: a whole project in a test. */
import type { SharedRate } from '../core/options.ts'
import { createLimiter, type Limiter } from './limiter.ts'
import type { SharedLimits } from './shared-limits.ts'

export function createLimitsHere(clock: { now(): number }): SharedLimits {
  const limits = new Map<string, { readonly limit: SharedRate; readonly limiter: Limiter }>()

  function limiterOf(name: string, limit: SharedRate): Limiter {
    const known = limits.get(name)
    if (known?.limit.calls === limit.calls && known.limit.perMs === limit.perMs) return known.limiter
    const limiter = createLimiter(limit)
    limits.set(name, { limit, limiter })
    return limiter
  }

  return {
    ask(service, action, limit, asking) {
      const limiter = limiterOf(`${service}/${action}`, limit)
      const nowMs = clock.now()
      const retryAfterMs = limiter.take(nowMs) ? 0 : Math.max(1, limiter.retryAfterMs(nowMs))
      queueMicrotask(() => asking.answered(retryAfterMs))
      return limit.timeoutMs
    },
    missed() {},
  }
}
