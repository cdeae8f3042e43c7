import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { toHostPort } from '../core/node.ts'
import { settings } from '../core/running.ts'
import { gateway } from '../gateway/gateway.ts'
import { keptLog } from '../registry/registry.suite.ts'
import { service } from '../service/service.ts'
import { type Served, serve } from './serve.ts'

const user = service('user', { http: (req, res) => res.end(JSON.stringify({ path: req.url })) })

describe('shared routes in one process', () => {
  let cwd: string
  let served: Served | undefined
  beforeEach(async () => {
    cwd = await mkdtemp(join(tmpdir(), 'goms-serve-routes-'))
    await mkdir(join(cwd, 'configs'))
  })
  afterEach(async () => {
    await served?.close('now')
    served = undefined
    await rm(cwd, { recursive: true })
  })

  const save = (path: string): Promise<void> =>
    writeFile(join(cwd, 'configs', 'routes.yml'), `routes: { user: { login: ${path} } }\n`)

  async function start() {
    const log = keptLog()
    const ports = { httpPort: 0, rpcPort: 0, adminPort: 0 }
    const flags = { ...ports, registry: 'memory', publishRoutes: true, runtime: join(cwd, 'runtime') }
    served = await serve([gateway(), user], { flags, env: {}, cwd, log })
    const [door] = served.nodes
    if (door === undefined || door.admin === undefined) throw new Error('there is no gateway')
    const login = `http://${toHostPort(door.http)}/api/user/login`
    const ready = `http://${toHostPort(door.admin)}/-/ready`
    return {
      lines: log.lines,
      path: async () => ((await (await fetch(login)).json()) as { path: string }).path,
      number: async () => ((await (await fetch(ready)).json()) as { routes: object }).routes,
    }
  }

  it('with the registry in memory: a save publishes, and what was published outlives the process', async () => {
    await save('/file')
    const first = await start()
    expect([await first.path(), await first.number()]).toEqual(['/file', { number: null }])
    await save('/saved')
    await vi.waitFor(() =>
      expect(first.lines).toContainEqual(expect.stringMatching(/^info routes: number 1 is in force/)),
    )
    expect([await first.path(), await first.number()]).toEqual(['/saved', { number: 1 }])
    expect(settings().routes.user?.login?.path).toBe('/saved')
    await served?.close('now')

    // The files changed while nobody was there to publish them: never at a start.
    await save('/changed')
    const second = await start()
    expect([await second.path(), await second.number()]).toEqual(['/saved', { number: 1 }])
    expect(served?.settings.routes.user?.login?.path).toBe('/saved')
    expect(second.lines).toContainEqual(
      expect.stringMatching(/^warn routes: the files say something else than number 1/),
    )
    await save('/again')
    await vi.waitFor(async () => expect(await second.path()).toBe('/again'), { timeout: 3000 })
    expect(await second.number()).toEqual({ number: 2 })
  })
})
