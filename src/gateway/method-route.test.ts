import { describe, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import type { Routes } from '../core/options.ts'
import { nodeAt, testSettings, testView } from './gateway.fixtures.ts'
import type { Route } from './route.ts'
import { createRouteTable } from './routes.ts'

const v1 = nodeAt(1, { contract: 'h1', protocols: ['http', 'rpc'], version: '1' })
const v2 = nodeAt(2, { contract: 'h2', protocols: ['http', 'rpc'], version: '2' })
const silent = nodeAt(3, { protocols: ['http', 'rpc'] })

function routeOf(
  h1: object,
  h2: object = {},
  more: { routes?: Routes; coded?: Parameters<typeof createRouteTable>[1] } = {},
): Route | undefined {
  const view = testView()
  view.advertise('user', 'h1', { service: 'user', http: {}, rpc: h1 })
  view.advertise('user', 'h2', { service: 'user', http: {}, rpc: h2 })
  view.join(v1, v2, silent)
  const settings = testSettings({ routes: more.routes ?? {} })
  return createRouteTable(view, more.coded ?? [], settings, { side: 'outside' }).find('user', 'exists')
}

const offered = (route: Route | undefined): boolean[] => [v1, v2, silent].map((node) => route?.offers?.(node) === true)

describe('an exposed method', () => {
  it.each([
    ['all live contracts say so', { idempotent: true }, { idempotent: true }, true],
    ['one does not', { idempotent: true }, {}, false],
    ['one says no', { idempotent: false }, { idempotent: true }, false],
  ])('is idempotent only if all say so: %s', (_name, h1, h2, idempotent) => {
    const route = routeOf({ exists: { expose: 'POST', ...h1 } }, { exists: { expose: 'POST', ...h2 } })
    expect(route).toMatchObject({ type: 'rpc', methods: ['POST'], idempotent })
  })

  it('goes to nodes whose own contract exposes it', () => {
    expect(offered(routeOf({ exists: { expose: 'POST' } }, { exists: {} }))).toEqual([true, false, false])
    expect(offered(routeOf({ exists: { expose: 'POST' } }, {}))).toEqual([true, false, false])
  })

  it('goes to nodes that say nothing too, where a file or the code asks for it', () => {
    const routes = { user: { exists: { type: 'rpc' as const } } }
    expect(offered(routeOf({ exists: { expose: 'POST' } }, {}, { routes }))).toEqual([true, false, true])
    const coded = [contract('user', { rpc: { exists: rpc<void, void>({ expose: 'GET' }) } })]
    const route = routeOf({ exists: {} }, {}, { coded })
    expect(route?.methods).toEqual(['GET'])
    expect(offered(route)).toEqual([true, false, true])
  })

  it('keeps to a version that a file selects', () => {
    const both = { exists: { expose: 'POST' } }
    expect(offered(routeOf(both, both, { routes: { user: { exists: { select: { version: '2' } } } } }))).toEqual([
      ...[false, true, false],
    ])
  })

  it('has the policy of its contract, overridden by files field by field', () => {
    const exists = { expose: 'POST', timeoutMs: 70, retries: 3, limiter: '5/100', breaker: '1/2' }
    const routes = { user: { exists: { timeoutMs: 50, limiter: { calls: 1, perMs: 1 } } } }
    expect(routeOf({ exists }, {}, { routes })?.policy).toMatchObject({
      ...{ timeoutMs: 50, retries: 3, limiter: { calls: 1, perMs: 1 }, breaker: { calls: 2, perMs: 1000 } },
    })
  })

  it('has the limiter of its contract, whichever kind that is', () => {
    const sharedLimiter = { calls: 5, perMs: 100 }
    const shared = { ...sharedLimiter, shared: true, onError: 'open', timeoutMs: 50 }
    const live = { exists: { expose: 'POST', sharedLimiter } }
    expect(routeOf(live)?.policy).toMatchObject({ limiter: undefined, sharedLimiter: shared })
    // One that the gateway was given goes before, and so does a file.
    const coded = [contract('user', { rpc: { exists: rpc<void, void>({ expose: 'GET', limiter: '5/100' }) } })]
    const local = { limiter: { calls: 100, perMs: 5000 }, sharedLimiter: undefined }
    expect(routeOf(live, {}, { coded })?.policy).toMatchObject(local)
    const routes = { user: { exists: { limiter: { calls: 100, perMs: 5000 } } } }
    expect(routeOf(live, {}, { routes })?.policy).toMatchObject(local)
  })

  it('survives a rate that cannot be', () => {
    const route = routeOf({ exists: { expose: 'POST', limiter: '0/5', breaker: '5/0' } })
    expect(route?.policy).toMatchObject({ limiter: undefined, breaker: undefined })
  })
})

describe('is not there', () => {
  it.each([
    ['where no contract exposes it', { exists: {} }, {}],
    ['by a file with `type: rpc`', { exists: {} }, { exists: { type: 'rpc' as const, path: '/exists' } }],
    ['by a file with a path: contracts know it as a method only', { exists: {} }, { exists: { path: '/exists' } }],
    ['by a file that tells of HTTP methods', { exists: {} }, { exists: { methods: ['POST'] } }],
    ['by a file, where nobody has it', {}, { exists: { type: 'rpc' as const } }],
  ])('%s', (_name, h1, routes) => {
    expect(routeOf(h1, {}, { routes: { user: routes } })).toBeUndefined()
  })

  it('in the table of services, which reach nodes without RPC by its path', () => {
    const routes = { user: { exists: { type: 'rpc' as const, path: '/exists' } } }
    const table = createRouteTable(testView(), [], testSettings({ routes }))
    expect(table.find('user', 'exists')?.pathAt(silent)).toBe('/exists')
  })
})
