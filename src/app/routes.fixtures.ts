/** Shared routes of a registry in memory, for tests. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { createInForce, type InForce } from '../config/in-force.ts'
import { type Loaded, loadSettings } from '../config/load.ts'
import { systemClock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import { createMemoryRegistry } from '../registry/memory.ts'
import type { Registry, RoutesDocument } from '../registry/registry.ts'
import { createStore } from '../registry/store.ts'

export interface RoutesWorld {
  /** The settings of files that say this. */
  load(text: string): Promise<Loaded>
  /** What has been applied so far. */
  inForce(loaded: Loaded, log: Log): { readonly inForce: InForce; readonly applied: Settings[] }
  /** Another process on the same registry. */
  registry(): Promise<Registry>
}

/** Call it in a `describe`; everything is closed after each test. */
export function useRoutes(): RoutesWorld {
  const closes: (() => Promise<unknown>)[] = []
  let store: ReturnType<typeof createStore> | undefined
  afterEach(async () => {
    for (const close of closes.splice(0)) await close()
    store?.close()
    store = undefined
  })
  return {
    async load(text) {
      const cwd = await mkdtemp(join(tmpdir(), 'goms-routes-'))
      closes.push(() => rm(cwd, { recursive: true }))
      await mkdir(join(cwd, 'configs'))
      await writeFile(join(cwd, 'configs', 'config.yml'), text)
      return loadSettings({ cwd, env: {} })
    },
    inForce(loaded, log) {
      const applied: Settings[] = []
      const options = { live: ['routes', 'policy', 'balance'] }
      return { applied, inForce: createInForce(loaded, (settings) => void applied.push(settings), log, options) }
    },
    async registry() {
      store ??= createStore({ clock: systemClock })
      const { settings } = await loadSettings({ cwd: '/nowhere', env: {} })
      const silent: Log = { debug() {}, info() {}, warn() {}, error() {} }
      const deps = { project: 'shop', clock: systemClock, log: silent, store }
      const registry = createMemoryRegistry(settings.registry, deps)
      closes.push(() => registry.close())
      await registry.start()
      return registry
    },
  }
}

export async function pushSet(
  registry: Registry,
  set: RoutesDocument['set'],
  by = 'bob@laptop',
): Promise<RoutesDocument> {
  const written = await registry.routes.write(await registry.routes.read(), { by, set })
  if (written === undefined) throw new Error('somebody else was first')
  return written
}
