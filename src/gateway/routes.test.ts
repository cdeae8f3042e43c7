import { describe, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { nodeAt, testSettings, testView } from './gateway.fixtures.ts'
import { createRouteTable } from './routes.ts'

const settings = testSettings({
  routes: {
    user: { login: { path: '/login' }, exists: { path: '/exists', timeoutMs: 100, retries: 3, idempotent: true } },
  },
})
const node = nodeAt(1)

describe('sources', () => {
  it('a path in a file: any method, the defaults of all routes', () => {
    const route = createRouteTable(testView(), [], settings).find('user', 'login')
    expect(route?.pathAt(node)).toBe('/login')
    expect(route?.methods).toBeUndefined()
    expect(route?.policy).toEqual(settings.policy)
    expect(route?.offers).toBeUndefined()
  })

  it('what a file says of a route goes before the defaults', () => {
    const route = createRouteTable(testView(), [], settings).find('user', 'exists')
    expect(route?.policy).toMatchObject({ timeoutMs: 100, retries: 3 })
    expect(route?.idempotent).toBe(true)
  })

  it('a file overrides the contract field by field: a path keeps the methods', () => {
    const user = contract('user', { http: { login: 'POST /signin', logout: 'POST /logout' } })
    const table = createRouteTable(testView(), [user], settings)
    expect(table.find('user', 'login')?.pathAt(node)).toBe('/login')
    expect(table.find('user', 'login')?.methods).toEqual(['POST'])
    expect(table.find('user', 'logout')?.pathAt(node)).toBe('/logout')
    expect(table.of('user').map((route) => route.action)).toEqual(['login', 'exists', 'logout'])
  })

  it('changed settings apply at once', () => {
    const table = createRouteTable(testView(), [], settings)
    table.update(testSettings({ routes: { user: { login: { path: '/new' } } } }))
    expect(table.find('user', 'login')?.pathAt(node)).toBe('/new')
    expect(table.find('user', 'exists')).toBeUndefined()
  })

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    '%s is neither a service nor an action',
    (name) => {
      const table = createRouteTable(testView(), [contract('user', { http: {} })], settings)
      expect(table.find(name, 'login')).toBeUndefined()
      expect(table.find('user', name)).toBeUndefined()
    },
  )
})

describe('contracts of live nodes', () => {
  const v1 = nodeAt(1, { contract: 'h1', version: '1', zone: 'a' })
  const v2 = nodeAt(2, { contract: 'h2', version: '2', zone: 'b' })
  const silent = nodeAt(3)
  const documents = {
    h1: { service: 'user', http: { whoami: { path: '/me', methods: ['GET'] }, old: { path: '/old' } } },
    h2: { service: 'user', http: { whoami: { path: '/whoami', methods: ['GET', 'POST'] }, fresh: { path: '/fresh' } } },
  }

  function upgrading() {
    const view = testView()
    view.advertise('user', 'h1', documents.h1)
    view.advertise('user', 'h2', documents.h2)
    view.join(v1, v2, silent)
    return view
  }

  it('make routes, each at the nodes that offer it and at their own path', () => {
    const table = createRouteTable(upgrading(), [], settings)
    const whoami = table.find('user', 'whoami')
    expect(whoami?.methods).toEqual(['GET', 'POST'])
    expect([v1, v2].map((n) => whoami?.pathAt(n))).toEqual(['/me', '/whoami'])
    const fresh = table.find('user', 'fresh')
    expect([v1, v2, silent].map((n) => fresh?.offers?.(n))).toEqual([false, true, false])
  })

  it('a node that says nothing takes what a file asks for', () => {
    const routes = { user: { fresh: { path: '/fresh' } } }
    const fresh = createRouteTable(upgrading(), [], testSettings({ routes })).find('user', 'fresh')
    expect([v1, v2, silent].map((n) => fresh?.offers?.(n))).toEqual([false, true, true])
  })

  it('a file route that no contract tells of goes to every node', () => {
    expect(createRouteTable(upgrading(), [], settings).find('user', 'login')?.offers).toBeUndefined()
  })

  it('follow joins, leaves and contracts that become known', () => {
    const view = testView()
    const table = createRouteTable(view, [], settings)
    expect(table.find('user', 'old')).toBeUndefined()
    view.join(v1)
    expect(table.find('user', 'old')).toBeUndefined()
    view.advertise('user', 'h1', documents.h1)
    expect(table.find('user', 'old')).toBeDefined()
    view.advertise('user', 'h2', documents.h2)
    view.join(v2)
    view.leave(v1)
    expect(table.find('user', 'old')).toBeUndefined()
    expect(table.find('user', 'fresh')).toBeDefined()
  })

  it('stay known while a service has no node, and until those that come are read', () => {
    const view = testView()
    const table = createRouteTable(view, [], settings)
    view.advertise('user', 'h1', documents.h1)
    view.join(v1)
    view.leave(v1)
    expect(table.find('user', 'whoami')).toBeDefined()
    view.join(v2)
    expect(table.find('user', 'whoami')).toBeDefined()
  })

  it('of another service, or damaged ones, count for nothing', () => {
    const view = testView()
    const table = createRouteTable(view, [], settings)
    view.advertise('user', 'h1', { ...documents.h1, service: 'order' })
    view.advertise('user', 'h2', { service: 'user', http: { whoami: { path: 'no slash' } } })
    view.join(v1, v2)
    expect(table.of('user').map((route) => route.action)).toEqual(['login', 'exists'])
  })

  it('a version or zone can be chosen per route', () => {
    const routes = {
      user: { login: { path: '/', select: { version: '2' } }, exists: { path: '/', select: { zone: 'a' } } },
    }
    const table = createRouteTable(upgrading(), [], testSettings({ routes }))
    expect([v1, v2, silent].map((n) => table.find('user', 'login')?.offers?.(n))).toEqual([false, true, false])
    expect([v1, v2, silent].map((n) => table.find('user', 'exists')?.offers?.(n))).toEqual([true, false, false])
  })
})
