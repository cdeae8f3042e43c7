/** The policy of a method: what the configuration says of it, else its contract, else the defaults. */
import { limitersOf } from '../core/limit.ts'
import { integerOption, wrongOption } from '../core/option-check.ts'
import type { Policy, RouteOptions } from '../core/options.ts'
import type { CallOptions, MethodOptions, MethodRef } from '../core/rpc-client.ts'
import { parseLimiter, parseRate } from '../resilience/rate.ts'

export interface MethodPolicy {
  readonly policy: Policy
  readonly idempotent: boolean
}

const MOST_RETRIES = 10
/** Longest delay of a timer in Node. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

/**
 * @param route what the configuration says of the method
 * @param contract the method's options in the contract that the caller was compiled with
 */
export function methodPolicy(
  base: Policy,
  route: RouteOptions | undefined,
  contract: MethodOptions | undefined,
): MethodPolicy {
  return {
    policy: {
      ...base,
      timeoutMs: route?.timeoutMs ?? contract?.timeoutMs ?? base.timeoutMs,
      // An RPC answer has no body after its head.
      totalTimeoutMs: undefined,
      retries: route?.retries ?? contract?.retries ?? base.retries,
      retryBusy: route?.retryBusy ?? base.retryBusy,
      ...limitersOf(route?.limiter ?? limiterOf(contract), base),
      breaker: route?.breaker ?? breakerOf(contract) ?? base.breaker,
      callLimit: route?.callLimit ?? base.callLimit,
    },
    idempotent: route?.idempotent ?? contract?.idempotent ?? false,
  }
}

function limiterOf(contract: MethodOptions | undefined): RouteOptions['limiter'] {
  return contract?.limiter === undefined ? undefined : parseLimiter(contract.limiter)
}

function breakerOf(contract: MethodOptions | undefined): Policy['breaker'] {
  return contract?.breaker === undefined ? undefined : parseRate(contract.breaker, 'breaker')
}

/** The policy of one call; the method's own when the call asks for nothing else. */
export function callPolicy(policy: Policy, options: CallOptions | undefined, leftMs: number, ref: MethodRef): Policy {
  if (options !== undefined) check(options, ref)
  const timeoutMs = Math.min(options?.timeoutMs ?? policy.timeoutMs, leftMs)
  const retries = options?.retries ?? policy.retries
  return timeoutMs === policy.timeoutMs && retries === policy.retries ? policy : { ...policy, timeoutMs, retries }
}

/** @throws GomsError INVALID_ARGUMENT: at the time of a call it is an input like any other */
function check({ timeoutMs, retries }: CallOptions, { service, method }: MethodRef): void {
  const where = `${service}.${method}`
  if (timeoutMs !== undefined && !(timeoutMs > 0 && timeoutMs <= MAX_TIMEOUT_MS)) {
    throw wrongOption(
      where,
      'timeoutMs',
      `more than 0 to ${MAX_TIMEOUT_MS} milliseconds`,
      timeoutMs,
      'INVALID_ARGUMENT',
    )
  }
  if (retries !== undefined) integerOption(where, 'retries', retries, [0, MOST_RETRIES], 'INVALID_ARGUMENT')
}

/** Whether nothing but the deadline has anything to do for a call: no limit, no breaker, no answer that is tried again. */
export function isPlain({ limiter, sharedLimiter, breaker, callLimit, retryBusy, retryRule }: Policy): boolean {
  const isFree = limiter === undefined && breaker === undefined && callLimit === undefined
  return isFree && sharedLimiter === undefined && !retryBusy && retryRule === 'safe'
}
