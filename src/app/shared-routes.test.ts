import { describe, expect, it, vi } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { keptLog, until } from '../registry/registry.suite.ts'
import type { Registry, RoutesDocument } from '../registry/registry.ts'
import type { KeptRoutes } from './kept-routes.ts'
import { pushSet, useRoutes } from './routes.fixtures.ts'
import { RoutesInForce } from './shared-routes.ts'

const FILES = 'services: { user: { login: /file } }\n'
const setOf = (path: string) => ({ services: { user: { login: path } } })
const document = (number: number, more: Partial<RoutesDocument> = {}): RoutesDocument => ({
  ...{ format: 1, number, line: 'l1', at: '2026-11-26T10:00:00.000Z', by: 'bob@laptop', set: setOf(`/${number}`) },
  ...more,
})

describe('shared routes of a process', () => {
  const world = useRoutes()

  function keeper(document?: RoutesDocument): KeptRoutes & { readonly wrote: (number | undefined)[] } {
    const wrote: (number | undefined)[] = []
    const write = (it: RoutesDocument | undefined) => void wrote.push(it?.number)
    return { name: 'routes.json', wrote, read: async () => document, write, written: async () => {} }
  }

  async function begin(registry: Pick<Registry, 'routes'>, kept?: KeptRoutes) {
    const clock = manualClock()
    const log = keptLog()
    const { inForce, applied } = world.inForce(await world.load(FILES), log)
    const routes = new RoutesInForce({ routes: registry.routes, inForce, kept, clock, log })
    await routes.start()
    const path = (): string | undefined => inForce.settings.routes.user?.login?.path
    return { clock, lines: log.lines, inForce, applied, routes, path }
  }

  it('are in force before anybody is served', async () => {
    const registry = await world.registry()
    await pushSet(registry, setOf('/a'))
    await until('seen', () => registry.routes.current !== undefined)
    const { routes, path, lines } = await begin(registry)
    expect([routes.number, path()]).toEqual([1, '/a'])
    expect(lines).toEqual(['info routes: number 1 is in force (by bob@laptop)'])
  })

  it('come into force as they are pushed, many at once as one, and the last one wins', async () => {
    const registry = await world.registry()
    const { clock, applied, routes, path, lines } = await begin(registry)
    expect([routes.number, path(), lines]).toEqual([undefined, '/file', []])
    routes.follow()
    for (let n = 1; n <= 30; n++) await pushSet(registry, setOf(`/${n}`))
    clock.advance(10)
    expect([applied.length, routes.number, path()]).toEqual([1, 30, '/30'])
    for (let n = 31; n <= 40; n++) await pushSet(registry, setOf(`/${n}`))
    clock.advance(90)
    expect(path()).toBe('/30')
    clock.advance(10)
    expect([applied.length, path()]).toEqual([2, '/40'])
    await routes.close()
    await pushSet(registry, setOf('/late'))
    clock.advance(1000)
    expect(path()).toBe('/40')
  })

  it('are taken over when they changed between the start and the first look', async () => {
    const registry = await world.registry()
    const { clock, routes, path } = await begin(registry)
    await pushSet(registry, setOf('/a'))
    await until('seen', () => registry.routes.current !== undefined)
    routes.follow()
    clock.advance(10)
    expect(path()).toBe('/a')
  })

  it('that this process cannot go by are said once, and change nothing', async () => {
    const registry = await world.registry()
    const kept = keeper()
    const { clock, routes, path, lines } = await begin(registry, kept)
    routes.follow()
    await pushSet(registry, setOf('/a'))
    clock.advance(100)
    await pushSet(registry, { services: { user: { login: { limiter: 'x' } } } })
    clock.advance(100)
    // Looked at again for whatever reason, it is the same.
    routes.follow()
    clock.advance(100)
    expect([routes.number, path(), kept.wrote]).toEqual([1, '/a', [1]])
    expect(lines.slice(1)).toEqual([
      expect.stringMatching(/^error routes: number 2 is not taken, number 1 stays in force: GOMS_CONFIG_INVALID: /),
    ])
    await pushSet(registry, setOf('/b'))
    clock.advance(100)
    expect([routes.number, path()]).toEqual([3, '/b'])
  })

  it('of a number that was given twice are two', async () => {
    const { routes: real } = await world.registry()
    let current = document(2)
    const held = {
      ...real,
      get current() {
        return current
      },
    }
    const { clock, routes, path } = await begin({ routes: held })
    current = document(2, { at: '2026-11-26T10:00:01.000Z', set: setOf('/other') })
    routes.follow()
    clock.advance(10)
    expect([routes.number, path()]).toEqual([2, '/other'])
  })

  it('of a newer format are left to those who know it', async () => {
    const current = document(5, { format: 2, set: { anything: true } })
    const { lines, path, routes } = await begin({ routes: { ...(await world.registry()).routes, current } })
    expect([routes.number, path()]).toEqual([undefined, '/file'])
    expect(lines).toEqual([
      'error routes: number 5 is not taken, those of the files stay in force: GOMS_ROUTES_UNREADABLE: routes number 5 are in format 2',
    ])
  })

  it('end when they are withdrawn, or gone', async () => {
    const registry = await world.registry()
    const kept = keeper()
    const { clock, routes, path, lines } = await begin(registry, kept)
    routes.follow()
    await pushSet(registry, setOf('/a'))
    clock.advance(100)
    await pushSet(registry, undefined)
    clock.advance(100)
    expect([routes.number, path()]).toEqual([undefined, '/file'])
    expect(lines.at(-1)).toBe('info routes: number 2 withdraws them, those of the files are in force (by bob@laptop)')
    await pushSet(registry, setOf('/b'))
    clock.advance(100)
    vi.spyOn(registry.routes, 'current', 'get').mockReturnValue(undefined)
    routes.follow()
    clock.advance(100)
    expect([routes.number, path(), kept.wrote]).toEqual([undefined, '/file', [1, 2, 3, undefined]])
    expect(lines.at(-1)).toBe('warn routes: number 3 is gone from the registry, the routes of the files are in force')
  })

  describe('that were kept', () => {
    it('go back into a registry that has none, and are in force', async () => {
      const registry = await world.registry()
      const { routes, path } = await begin(registry, keeper(document(7)))
      expect([routes.number, path()]).toEqual([7, '/7'])
      expect((await registry.routes.read()).current?.number).toBe(7)
    })

    it('go before earlier ones of their line, and before no others', async () => {
      const registry = await world.registry()
      await registry.routes.putBack(document(6))
      await until('seen', () => registry.routes.current !== undefined)
      expect((await begin(registry, keeper(document(7)))).routes.number).toBe(7)
      expect((await begin(registry, keeper(document(9, { line: 'another' })))).routes.number).toBe(7)
      expect((await begin(registry, keeper(document(3)))).routes.number).toBe(7)
      expect((await registry.routes.read()).current).toMatchObject({ number: 7, line: 'l1' })
    })

    it('stay where they are when nobody could go by them', async () => {
      const registry = await world.registry()
      const { routes, lines } = await begin(registry, keeper(document(7, { set: { callServiceKey: 'x' } })))
      expect([routes.number, (await registry.routes.read()).current]).toEqual([undefined, undefined])
      expect(lines).toHaveLength(1)
    })

    it('are in force while the registry cannot be asked', async () => {
      const { routes: real } = await world.registry()
      const putBack = () => Promise.reject(new GomsError('UNAVAILABLE', 'away'))
      const { routes, path } = await begin({ routes: { ...real, putBack } }, keeper(document(7)))
      expect([routes.number, path()]).toEqual([7, '/7'])
    })
  })
})
