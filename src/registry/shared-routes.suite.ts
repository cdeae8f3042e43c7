/** What every registry promises of shared routes; a part of `registry.suite.ts`. */
import { expect, it } from 'vitest'
import type { Kv } from './kv.ts'
import { ownKeys } from './node-key.ts'
import { until } from './registry.suite.ts'
import type { Registry, RoutesDocument } from './registry.ts'

export interface SharedRoutesWorld {
  open(): Promise<Registry>
  kv(): Kv
  project(): string
  lines(): readonly string[]
}

const setOf = (path: string) => ({ services: { user: { login: path } } })

export function sharedRoutesCases(world: SharedRoutesWorld): void {
  async function push(registry: Registry, path: string): Promise<RoutesDocument> {
    const written = await registry.routes.write(await registry.routes.read(), { by: 'bob@laptop', set: setOf(path) })
    if (written === undefined) throw new Error('somebody else was first')
    return written
  }

  it('shows shared routes to everyone within 200 ms, and to those who come later', async () => {
    const [a, b] = [await world.open(), await world.open()]
    expect([a.routes.current, await a.routes.read()]).toEqual([
      undefined,
      { current: undefined, history: [], modRevision: 0n },
    ])
    let told = 0
    b.routes.subscribe(() => told++)
    const first = await push(a, '/a')
    expect(first).toMatchObject({ format: 1, number: 1, by: 'bob@laptop', set: setOf('/a') })
    await until('seen', () => b.routes.current !== undefined, 200)
    expect(b.routes.current).toEqual(first)
    const second = await push(b, '/b')
    expect(second).toMatchObject({ number: 2, line: first.line })
    await until('seen', () => a.routes.current?.number === 2, 200)
    expect(told).toBeGreaterThanOrEqual(1)
    expect((await world.open()).routes.current).toEqual(second)
  })

  it('writes over what was read only, and changes nothing else', async () => {
    const [a, b] = [await world.open(), await world.open()]
    const read = await b.routes.read()
    await push(a, '/a')
    expect(await b.routes.write(read, { by: 'late', set: setOf('/late') })).toBeUndefined()
    const { current, history } = await b.routes.read()
    expect([current?.set, history.map(({ number }) => number)]).toEqual([setOf('/a'), [1]])
  })

  it('keeps the last ten', async () => {
    const a = await world.open()
    for (let n = 1; n <= 12; n++) await push(a, `/${n}`)
    const { current, history } = await a.routes.read()
    expect(current?.number).toBe(12)
    expect(history.map(({ number }) => number)).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3])
    expect(history.at(-1)?.set).toEqual(setOf('/3'))
    const { kvs } = await world.kv().range(ownKeys(world.project()).routesHistory, { prefix: true })
    expect(kvs).toHaveLength(10)
  })

  it('forgets them when the key is deleted, and goes on counting', async () => {
    const [a, b] = [await world.open(), await world.open()]
    const { line } = await push(a, '/a')
    await until('seen', () => b.routes.current !== undefined)
    await world.kv().delete(ownKeys(world.project()).routes)
    await until('gone', () => a.routes.current === undefined && b.routes.current === undefined)
    expect(await push(a, '/b')).toMatchObject({ number: 2, line })
  })

  it.each(['0', '{', '[]', '{"number":1}', 'x'.repeat(600_000)])(
    'keeps the last good ones beside %.20s',
    async (text) => {
      const a = await world.open()
      const good = await push(a, '/a')
      await until('seen', () => a.routes.current !== undefined)
      const { routes } = ownKeys(world.project())
      await world.kv().put(routes, text)
      await until('said', () =>
        world.lines().some((line) => line.startsWith(`error registry: ${routes} holds no routes`)),
      )
      expect(a.routes.current).toEqual(good)
      // It can be written over.
      expect(await push(a, '/b')).toMatchObject({ number: 2 })
      await until('seen', () => a.routes.current?.number === 2)
    },
  )

  it('refuses a set that is too large, and takes one that is nearly so', async () => {
    const [a, b] = [await world.open(), await world.open()]
    const setOfBytes = (bytes: number) => ({ services: { user: { login: `/${'x'.repeat(bytes)}` } } })
    const large = { by: 'bob', set: setOfBytes(512 * 1024) }
    await expect(a.routes.write(await a.routes.read(), large)).rejects.toMatchObject({ code: 'GOMS_CONFIG_INVALID' })
    for (let n = 0; n < 3; n++) await a.routes.write(await a.routes.read(), { by: 'bob', set: setOfBytes(520_000) })
    await until('seen', () => b.routes.current?.number === 3, 5000)
  })

  it('puts back what is missing, or later than what is there, and nothing else', async () => {
    const [a, b] = [await world.open(), await world.open()]
    const first = await push(a, '/a')
    const second = await push(a, '/b')
    await until('seen', () => b.routes.current?.number === 2)
    expect(await b.routes.putBack(first)).toEqual(second)
    expect(await b.routes.putBack({ ...first, line: 'another', number: 9 })).toEqual(second)
    await world.kv().delete(ownKeys(world.project()).routes)
    expect(await b.routes.putBack(first)).toEqual(first)
    expect(await a.routes.putBack(second)).toEqual(second)
    await until('seen', () => b.routes.current?.number === 2)
  })
}
