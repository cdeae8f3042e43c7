import { describe, expect, it } from 'vitest'
import type { SharedSet } from '../config/shared-set.ts'
import type { SharedRoutes } from '../registry/registry.ts'
import { pushRoutes, readRoutes } from './push-routes.ts'
import { pushSet, useRoutes } from './routes.fixtures.ts'

const setOf = (path: string): SharedSet => ({ services: { user: { login: path } } })
const by = 'bob@laptop'

describe('pushing routes', () => {
  const world = useRoutes()

  it('writes the next number, with who and why', async () => {
    const { routes } = await world.registry()
    const push = { by, message: 'login moves', set: setOf('/a') }
    expect(await pushRoutes(routes, push, await readRoutes(routes))).toMatchObject({ number: 1, ...push })
    expect((await routes.read()).current).toMatchObject({ number: 1, ...push })
  })

  it('writes nothing that says the same, however it is written', async () => {
    const { routes } = await world.registry()
    await pushRoutes(routes, { by, set: setOf('/a') }, await readRoutes(routes))
    const same: SharedSet = { timeout: undefined, services: { user: { login: { path: '/a' } } } }
    expect(await pushRoutes(routes, { by, set: same }, await readRoutes(routes))).toBeUndefined()
    expect((await routes.read()).history).toHaveLength(1)
  })

  it('withdraws, and has nothing to withdraw a second time', async () => {
    const { routes } = await world.registry()
    expect(await pushRoutes(routes, { by, set: undefined }, await readRoutes(routes))).toBeUndefined()
    await pushRoutes(routes, { by, set: setOf('/a') }, await readRoutes(routes))
    expect(await pushRoutes(routes, { by, set: undefined }, await readRoutes(routes))).toMatchObject({ number: 2 })
    expect(await pushRoutes(routes, { by, set: undefined }, await readRoutes(routes))).toBeUndefined()
  })

  it('changes nothing when others were shared meanwhile, and says by whom', async () => {
    const registry = await world.registry()
    const base = await readRoutes(registry.routes)
    await pushSet(registry, { ...setOf('/theirs') }, 'alice@desk')
    await expect(pushRoutes(registry.routes, { by, set: setOf('/ours') }, base)).rejects.toMatchObject({
      code: 'GOMS_ROUTES_CONFLICT',
      message: 'routes: others were shared meanwhile (number 1 by alice@desk), and nothing was changed',
    })
    expect((await registry.routes.read()).current?.set).toEqual(setOf('/theirs'))
  })

  it('goes on when what it was decided upon is shared again, or what it wanted is', async () => {
    const registry = await world.registry()
    await pushSet(registry, { ...setOf('/a') })
    const base = await readRoutes(registry.routes)
    await pushSet(registry, { ...setOf('/b') })
    await pushSet(registry, { services: { user: { login: { path: '/a' } } } })
    expect(await pushRoutes(registry.routes, { by, set: setOf('/c') }, base)).toMatchObject({ number: 4 })
    expect(await pushRoutes(registry.routes, { by, set: setOf('/c') }, base)).toBeUndefined()
  })

  it('gives up a fight', async () => {
    const registry = await world.registry()
    let writes = 0
    const write: SharedRoutes['write'] = async () => {
      writes++
      return undefined
    }
    const routes = { ...registry.routes, write }
    await expect(pushRoutes(routes, { by, set: setOf('/a') }, await readRoutes(routes))).rejects.toMatchObject({
      code: 'GOMS_ROUTES_CONFLICT',
    })
    expect(writes).toBe(5)
  })

  it('does not write over what a newer version shared', async () => {
    const { routes } = await world.registry()
    await routes.putBack({ format: 2, number: 3, line: 'l', at: '2026-11-26T10:00:00.000Z', by, set: { x: 1 } })
    await expect(readRoutes(routes)).rejects.toMatchObject({ code: 'GOMS_ROUTES_UNREADABLE' })
  })
})
