import { expect, it } from 'vitest'
import { defaultPolicy } from '../core/options.ts'
import { callPolicy, isPlain, methodPolicy } from './rpc-policy.ts'

const REF = { service: 'user', method: 'exists', options: undefined }

it('a method goes by the configuration, then its contract, then the defaults', () => {
  const contract = { timeoutMs: 2000, retries: 3, limiter: '5/100', idempotent: true }
  const { policy, idempotent } = methodPolicy(defaultPolicy, { retries: 0, timeoutMs: 700 }, contract)
  expect(policy).toMatchObject({ retries: 0, timeoutMs: 700, limiter: { calls: 100, perMs: 5000 }, breaker: undefined })
  expect(idempotent).toBe(true)
  expect(methodPolicy(defaultPolicy, { idempotent: false }, contract).idempotent).toBe(false)
  expect(methodPolicy(defaultPolicy, undefined, undefined)).toEqual({ policy: defaultPolicy, idempotent: false })
})

const SHARED = { calls: 10, perMs: 1000, shared: true, onError: 'open', timeoutMs: 50 } as const
const LOCAL = { calls: 100, perMs: 5000 }

it.each([
  [
    'its contract shares one',
    undefined,
    { limiter: { calls: 10, perMs: 1000, shared: true } },
    {},
    [undefined, SHARED],
  ],
  ['a file limits each node instead', { limiter: LOCAL }, { limiter: { ...SHARED } }, {}, [LOCAL, undefined]],
  ['a file shares one instead', { limiter: SHARED }, { limiter: '5/100' }, {}, [undefined, SHARED]],
  [
    'its contract writes it out',
    undefined,
    { limiter: { ...LOCAL, shared: false } },
    { sharedLimiter: SHARED },
    [LOCAL, undefined],
  ],
  ['only the default one is there', undefined, undefined, { sharedLimiter: SHARED }, [undefined, SHARED]],
])('a method has one limiter: %s', (_, route, contract, base, [limiter, sharedLimiter]) => {
  const { policy } = methodPolicy({ ...defaultPolicy, ...base }, route, contract)
  expect([policy.limiter, policy.sharedLimiter]).toEqual([limiter, sharedLimiter])
  expect(isPlain(policy)).toBe(false)
})

it('a call may ask for less or more, and never for more than is left', () => {
  const { policy } = methodPolicy(defaultPolicy, undefined, { timeoutMs: 2000 })
  expect(callPolicy(policy, undefined, Number.POSITIVE_INFINITY, REF)).toBe(policy)
  expect(callPolicy(policy, { timeoutMs: 5000 }, 3000, REF).timeoutMs).toBe(3000)
  expect(callPolicy(policy, { retries: 0 }, 9000, REF)).toMatchObject({ retries: 0, timeoutMs: 2000 })
})
