import { describe, expect, it } from 'vitest'
import { keptLog, until } from '../registry/registry.suite.ts'
import type { SharedRoutes } from '../registry/registry.ts'
import { pushSet, useRoutes } from './routes.fixtures.ts'
import { createPublisher } from './routes-publisher.ts'

describe('a process that publishes', () => {
  const world = useRoutes()

  async function begin(change: (routes: SharedRoutes) => Partial<SharedRoutes> = () => ({})) {
    const registry = await world.registry()
    const log = keptLog()
    const routes = { ...registry.routes, ...change(registry.routes) }
    const publish = createPublisher({ registry: { view: registry.view, routes }, by: () => 'gateway a_b', log })
    const save = async (text: string): Promise<void> => publish(await world.load(text))
    return { registry, lines: log.lines, save }
  }

  it('shares the routes that were saved, and nothing else of the files', async () => {
    const { registry, lines, save } = await begin()
    await save('callServiceKey: a secret of theirs\nretries: 2\nservices: { user: { login: /a } }\n')
    await until('published', () => lines.some((line) => line.startsWith('info')))
    expect((await registry.routes.read()).current).toMatchObject({
      number: 1,
      by: 'gateway a_b',
      set: { retries: 2, services: { user: { login: '/a' } } },
    })
    expect(JSON.stringify((await registry.routes.read()).current)).not.toContain('secret')
    expect(lines).toEqual([
      expect.stringMatching(/^warn routes: .*config\.yml:3:13: no live node serves user$/),
      'info routes: number 1 was published from the files that were saved',
    ])
  })

  it('of many that save the same one writes, and the others are content', async () => {
    const [one, other] = [await begin(), await begin()]
    await Promise.all([one.save('timeout: 7\n'), other.save('timeout: 7\n')])
    await until('published', () => [...one.lines, ...other.lines].length > 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect((await one.registry.routes.read()).history).toHaveLength(1)
    expect([...one.lines, ...other.lines]).toHaveLength(1)
  })

  it('says what was pushed meanwhile, and leaves it', async () => {
    let pushed = false
    const { registry, lines, save } = await begin((routes) => ({
      async write(...args) {
        if (!pushed) await pushSet(registry, { timeout: 9 }, 'alice@desk')
        pushed = true
        return routes.write(...args)
      },
    }))
    await save('timeout: 7\n')
    await until('said', () => lines.length > 0)
    expect(lines[0]).toMatch(/^error routes: what was saved is not published: GOMS_ROUTES_CONFLICT: .*alice@desk/)
    expect((await registry.routes.read()).current?.set).toEqual({ timeout: 9 })
  })

  it('does not take everything away because of files without routes', async () => {
    const { registry, lines, save } = await begin()
    await save('httpPort: 7\n')
    await until('said', () => lines.length > 0)
    expect(lines).toEqual([expect.stringContaining('GOMS_CONFIG_INVALID: the files say nothing of routes')])
    expect((await registry.routes.read()).current).toBeUndefined()
  })

  it('shares the last of many saves', async () => {
    const { registry, save } = await begin()
    for (let n = 1; n <= 20; n++) await save(`timeout: ${n}\n`)
    await until('published', () => registry.routes.current?.set?.timeout === 20)
  })
})
