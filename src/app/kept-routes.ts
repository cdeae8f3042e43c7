/** The last good shared routes in the runtime directory: for a registry that comes back empty when nobody is left who knows them. */
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { everyMs, type Log } from '../core/log.ts'
import type { Registry, RoutesDocument } from '../registry/registry.ts'
import { parseRoutes } from '../registry/routes-value.ts'

export interface KeptRoutes {
  /** Without the directory it is in. */
  readonly name: string
  /** What was kept for this kind of registry. Never rejects: without a file, or with a damaged one, there is none. */
  read(): Promise<RoutesDocument | undefined>
  /** Keeps it, or that there is none. The last one wins. */
  write(document: RoutesDocument | undefined): void
  /** Resolves when all that was to be written is. */
  written(): Promise<void>
}

export interface KeptRoutesDeps {
  readonly dir: string
  readonly project: string
  /** Routes of one's own machine are none for an etcd that comes to be used later. */
  readonly kind: Registry['kind']
  readonly clock: Clock
  readonly log: Log
}

const SAY_EVERY_MS = 10_000

export function keepRoutes({ dir, project, kind, clock, log }: KeptRoutesDeps): KeptRoutes {
  // One for all nodes that have this directory: what they keep is the same.
  const name = `routes-${project}.json`
  const file = join(dir, name)
  const say = everyMs(clock, SAY_EVERY_MS)
  let next: { readonly document: RoutesDocument | undefined } | undefined
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    for (let one = next; one !== undefined; one = next) {
      next = undefined
      await put(one.document).catch((error: unknown) =>
        say(() => log.warn(`routes: ${name} could not be written in the runtime directory: ${String(error)}`)),
      )
    }
  }

  async function put(document: RoutesDocument | undefined): Promise<void> {
    if (document === undefined) return rm(file, { force: true })
    await mkdir(dir, { recursive: true })
    const temporary = `${file}.${process.pid}.tmp`
    const handle = await open(temporary, 'w')
    try {
      await handle.writeFile(JSON.stringify({ registry: kind, routes: document }))
      // A rename may reach the disk before what is renamed.
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, file)
  }

  return {
    name,
    async read() {
      try {
        const { registry, routes } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>
        return registry === kind ? parseRoutes(JSON.stringify(routes)) : undefined
      } catch {
        return undefined
      }
    },
    write(document) {
      next = { document }
      writing ??= writeAll().finally(() => {
        writing = undefined
      })
    },
    written: async () => writing,
  }
}
