/** Puts into effect what the registry holds of shared routes: at the start, and whenever it changes. */
import type { InForce } from '../config/in-force.ts'
import type { Loaded } from '../config/load.ts'
import { isSameSet, type SharedSet } from '../config/shared-set.ts'
import { atMost } from '../core/bounded.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Registry, RoutesDocument, SharedRoutes } from '../registry/registry.ts'
import { isLater, ROUTES_FORMAT, tooNew } from '../registry/routes-value.ts'
import type { KeptRoutes } from './kept-routes.ts'

interface Parts {
  readonly inForce: InForce
  readonly clock: Clock
  readonly log: Log
}

export interface OpenRoutesDeps extends Parts {
  readonly registry: Registry
  /** This process, as it signs what it publishes. */
  by(): string
}

export interface RoutesInForceDeps extends Parts {
  readonly routes: SharedRoutes
  /** Undefined: nothing is kept over the end of the process. */
  readonly kept?: KeptRoutes | undefined
  /** Takes what was saved. @default nothing is published */
  readonly publish?: ((saved: Loaded) => void) | undefined
}

/** Routes pushed one after the other are not applied each: after the first of them at most so often. */
const EVERY_MS = 100
/** What comes at once is taken at once. */
const SOON_MS = 10
/** For what is being kept when the process ends. */
const KEEP_MS = 500

/** Shared routes, in force as far as there are any, for a process of those settings. */
export async function openRoutes({ registry, by, ...parts }: OpenRoutesDeps): Promise<RoutesInForce> {
  const { clock, log } = parts
  const { runtimeDir: dir, project, publishRoutes } = parts.inForce.settings
  const { kind, routes } = registry
  const [kept, publisher] = await Promise.all([
    dir === undefined ? undefined : import('./kept-routes.ts'),
    publishRoutes ? import('./routes-publisher.ts') : undefined,
  ])
  const opened = new RoutesInForce({
    ...{ ...parts, routes },
    kept: dir === undefined ? undefined : kept?.keepRoutes({ dir, project, kind, clock, log }),
    publish: publisher?.createPublisher({ registry, by, log }),
  })
  await opened.start()
  if (publishRoutes) opened.sayDifference(parts.inForce.loaded)
  return opened
}

export class RoutesInForce {
  readonly #deps: RoutesInForceDeps
  /** Looked at last, good or not. */
  #seen: RoutesDocument | undefined
  #good: RoutesDocument | undefined
  #timer: Timer | undefined
  #takenAtMs = Number.NEGATIVE_INFINITY
  #unsubscribe: () => void = () => {}

  constructor(deps: RoutesInForceDeps) {
    this.#deps = deps
  }

  /** Undefined: the files' own routes are in force. */
  get number(): number | undefined {
    return this.#good?.set === undefined ? undefined : this.#good.number
  }

  /** Files that are good were saved. */
  publish(saved: Loaded): void {
    this.#deps.publish?.(saved)
  }

  /** Nothing is published at a start: whoever changed files meanwhile may wait for them to come into force. */
  sayDifference({ shareable }: Loaded): void {
    const set = this.#good?.set
    if (set === undefined || isSameSet(set as SharedSet, shareable.value as SharedSet)) return
    const what = `routes: the files say something else than number ${this.number}, which is in force`
    this.#deps.log.warn(`${what}; a save that changes them, or goms routes push, shares them`)
  }

  /** Before anybody is served. What was kept goes back into a registry that has lost it. Never rejects. */
  async start(): Promise<void> {
    const { routes, kept } = this.#deps
    const last = await kept?.read()
    const held = routes.current
    if (last === undefined || (held !== undefined && !isLater(last, held))) {
      this.#take(held)
      return
    }
    this.#take(last)
    if (this.#good !== last) return
    // Away already: it will ask for them itself once it is back and empty.
    const there = await routes.putBack(last).catch(() => last)
    this.#take(there ?? routes.current ?? last)
  }

  /** From now on. */
  follow(): void {
    this.#unsubscribe = this.#deps.routes.subscribe(() => this.#soon())
    // What changed since the start.
    this.#soon()
  }

  /** Bounded: a disk that hangs keeps nobody. */
  async close(): Promise<void> {
    const { kept, clock } = this.#deps
    this.#unsubscribe()
    this.#timer?.cancel()
    if (kept !== undefined) await atMost(clock, KEEP_MS, kept.written())
  }

  #soon(): void {
    if (this.#timer !== undefined) return
    const { clock, routes } = this.#deps
    const waitMs = Math.max(SOON_MS, this.#takenAtMs + EVERY_MS - clock.now())
    this.#timer = clock.after(waitMs, () => {
      this.#timer = undefined
      this.#takenAtMs = clock.now()
      this.#take(routes.current)
    })
  }

  #take(document: RoutesDocument | undefined): void {
    if (isSame(document, this.#seen)) return
    this.#seen = document
    const before = this.#good
    try {
      if (document !== undefined && document.format > ROUTES_FORMAT) throw tooNew(document)
      this.#deps.inForce.share(document)
    } catch (thrown) {
      this.#refuse(document, GomsError.from(thrown))
      return
    }
    this.#good = document
    this.#deps.kept?.write(document)
    this.#say(document, before)
  }

  #say(document: RoutesDocument | undefined, before: RoutesDocument | undefined): void {
    const { log } = this.#deps
    if (document === undefined) {
      const what = before === undefined ? 'what was shared' : `number ${before.number}`
      log.warn(`routes: ${what} is gone from the registry, the routes of the files are in force`)
      return
    }
    const { number, set, by, message } = document
    const whose = `by ${by}${message === undefined ? '' : `: ${message}`}`
    if (set === undefined)
      log.info(`routes: number ${number} withdraws them, those of the files are in force (${whose})`)
    else log.info(`routes: number ${number} is in force (${whose})`)
  }

  #refuse(document: RoutesDocument | undefined, { code, message }: GomsError): void {
    const stays = this.number === undefined ? 'those of the files stay' : `number ${this.number} stays`
    const what = `routes: number ${document?.number} is not taken, ${stays} in force`
    this.#deps.log.error(`${what}: ${code}: ${message}`, { code })
  }
}

/** Put back, or listed anew, it is the same. A number may have been given twice, by a registry that lost the first. */
function isSame(a: RoutesDocument | undefined, b: RoutesDocument | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.line === b.line && a.number === b.number && a.at === b.at
}
