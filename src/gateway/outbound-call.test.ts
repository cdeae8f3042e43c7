import { describe, expect, it } from 'vitest'
import { testSettings, testView } from './gateway.fixtures.ts'
import { affinityOf, isIdempotent } from './outbound-call.ts'
import type { Route } from './route.ts'
import { createRouteTable } from './routes.ts'

function route(options: { idempotent?: boolean; idempotencyKey?: boolean }): Route {
  const settings = testSettings({ routes: { user: { login: { path: '/', ...options } } } })
  return createRouteTable(testView(), [], settings).find('user', 'login') as Route
}

describe('what may be repeated', () => {
  it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE'])('%s, unless the route says no', (method) => {
    expect(isIdempotent(route({}), method, false)).toBe(true)
    expect(isIdempotent(route({ idempotent: false }), method, true)).toBe(false)
  })

  it.each(['PUT', 'DELETE', 'POST', 'PATCH', 'get'])('%s only where the route says so', (method) => {
    expect(isIdempotent(route({}), method, true)).toBe(false)
    expect(isIdempotent(route({ idempotent: true }), method, false)).toBe(true)
  })

  it('an Idempotency-Key counts only where the route says so', () => {
    expect(isIdempotent(route({ idempotencyKey: true }), 'POST', true)).toBe(true)
    expect(isIdempotent(route({ idempotencyKey: true }), 'POST', false)).toBe(false)
  })
})

describe('affinity', () => {
  const headers = { 'x-user': 'bob', cookie: 'a=1; sid=s%3D1 ;b=2', 'set-cookie': ['x'] }

  it.each([
    ['round-robin' as const, undefined],
    [{ hash: { header: 'X-User' } }, 'bob'],
    [{ hash: { header: 'x-none' } }, undefined],
    [{ hash: { cookie: 'sid' } }, 's%3D1'],
    [{ hash: { cookie: 'id' } }, undefined],
    [{ hash: { query: 'q' } }, 'a b'],
    [{ hash: { query: 'none' } }, undefined],
  ])('of %j is %s', (balance, value) => {
    expect(affinityOf(balance, headers, '?x=1&q=a%20b')).toBe(value)
  })
})
