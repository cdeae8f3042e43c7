/** Shares the routes of the files when they are saved, for a process that is allowed to (`publishRoutes`). */
import type { Loaded } from '../config/load.ts'
import { placeOfOrigin, toError } from '../config/mistake.ts'
import type { SharedSet } from '../config/shared-set.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Registry } from '../registry/registry.ts'
import { checkRoutes } from './check-routes.ts'
import { pushRoutes, readRoutes } from './push-routes.ts'

export interface PublisherDeps {
  readonly registry: Pick<Registry, 'routes' | 'view'>
  /** Who publishes. */
  by(): string
  readonly log: Log
}

/** What to tell of each good save that changed routes: one is shared after the other, those in between are left out. */
export function createPublisher({ registry, by, log }: PublisherDeps): (saved: Loaded) => void {
  let next: Loaded | undefined
  let busy = false

  async function publish({ shareable }: Loaded): Promise<void> {
    const { mistakes, doubts } = checkRoutes(shareable, registry.view)
    if (mistakes.length > 0) throw toError(mistakes)
    for (const { message, origin, at } of doubts) {
      log.warn(`routes: ${origin ? `${placeOfOrigin(origin, at)}: ` : ''}${message}`)
    }
    const set = shareable.value as SharedSet
    if (Object.keys(set).length === 0) throw new GomsError('GOMS_CONFIG_INVALID', 'the files say nothing of routes')
    const written = await pushRoutes(registry.routes, { by: by(), set }, await readRoutes(registry.routes))
    if (written) log.info(`routes: number ${written.number} was published from the files that were saved`)
  }

  async function work(): Promise<void> {
    for (let one = next; one !== undefined; one = next) {
      next = undefined
      await publish(one).catch((thrown) => refuse(GomsError.from(thrown)))
    }
    busy = false
  }

  function refuse({ code, message, detail }: GomsError): void {
    log.error(`routes: what was saved is not published: ${code}: ${message}`, { code })
    for (const line of detail?.frame?.split('\n') ?? []) log.error(line)
  }

  return (saved) => {
    next = saved
    if (busy) return
    busy = true
    void work()
  }
}
