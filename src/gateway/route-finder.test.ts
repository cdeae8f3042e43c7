import { describe, expect, it } from 'vitest'
import { nodeAt, testSettings, testView } from './gateway.fixtures.ts'
import { RouteFinder } from './route-finder.ts'
import { createRouteTable } from './routes.ts'

function made() {
  const view = testView()
  const settings = testSettings({ routes: { user: { login: { path: '/login' }, 'a b': { path: '/ab' } } } })
  const table = createRouteTable(view, [], settings)
  return { view, table, finder: new RouteFinder(table) }
}

describe('the route of a path', () => {
  it.each([
    ['/api/user/login', 'login'],
    ['/api/user/a%20b', 'a b'],
    ['/api/user/nope', undefined],
    ['/api/user/login/', undefined],
    ['/api/user', undefined],
    ['/user/login', undefined],
    ['/api//login', undefined],
    ['/api/user/%ff', undefined],
  ])('%s: %s', (path, action) => {
    const { finder } = made()
    expect(finder.find(path)?.action).toBe(action)
    expect(finder.find(path)?.action).toBe(action)
    expect(finder.recent(path)?.action).toBe(action)
  })

  it('is not remembered beyond a change of the table', () => {
    const { view, table, finder } = made()
    const first = finder.find('/api/user/login')
    expect(finder.recent('/api/user/login')).toBe(first)
    view.join(nodeAt(9001))
    expect(finder.recent('/api/user/login')).toBeUndefined()
    expect(finder.find('/api/user/login')).toBeDefined()
    table.update(testSettings({}))
    expect(finder.find('/api/user/login')).toBeUndefined()
  })

  it('is remembered for a bounded number of paths', () => {
    const routes = Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`a${i}`, { path: '/' }]))
    const table = createRouteTable(testView(), [], testSettings({ routes: { user: routes } }))
    const finder = new RouteFinder(table)
    const paths = Object.keys(routes).map((action) => `/api/user/${action}`)
    for (const path of paths) expect(finder.find(path)).toBeDefined()
    expect(paths.filter((path) => finder.recent(path)).length).toBeLessThanOrEqual(1024)
  })
})
