import { expect, it } from 'vitest'
import { defaultPolicy } from '../core/options.ts'
import { callPolicy, methodPolicy } from './rpc-policy.ts'

const REF = { service: 'user', method: 'exists', options: undefined }

it('a method goes by the configuration, then its contract, then the defaults', () => {
  const contract = { timeoutMs: 2000, retries: 3, limiter: '5/100', idempotent: true }
  const { policy, idempotent } = methodPolicy(defaultPolicy, { retries: 0, timeoutMs: 700 }, contract)
  expect(policy).toMatchObject({ retries: 0, timeoutMs: 700, limiter: { calls: 100, perMs: 5000 }, breaker: undefined })
  expect(idempotent).toBe(true)
  expect(methodPolicy(defaultPolicy, { idempotent: false }, contract).idempotent).toBe(false)
  expect(methodPolicy(defaultPolicy, undefined, undefined)).toEqual({ policy: defaultPolicy, idempotent: false })
})

it('a call may ask for less or more, and never for more than is left', () => {
  const { policy } = methodPolicy(defaultPolicy, undefined, { timeoutMs: 2000 })
  expect(callPolicy(policy, undefined, Number.POSITIVE_INFINITY, REF)).toBe(policy)
  expect(callPolicy(policy, { timeoutMs: 5000 }, 3000, REF).timeoutMs).toBe(3000)
  expect(callPolicy(policy, { retries: 0 }, 9000, REF)).toMatchObject({ retries: 0, timeoutMs: 2000 })
})
