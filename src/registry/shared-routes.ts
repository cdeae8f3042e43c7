/**
 * The routes that all processes of a project share: kept as the registry has them, written with what was before them, and
 * put back into a registry that started over.
 */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { KeyValue, Kv, Operation } from './kv.ts'
import { ownKeys } from './node-key.ts'
import type { RoutesDocument, RoutesShelf, SharedRoutes } from './registry.ts'
import { isLater, MAX_HISTORY, nextRoutes, parseRoutes, toRoutesText } from './routes-value.ts'
import type { Watching } from './watching.ts'

export interface SharedRoutesOptions {
  readonly project: string
  readonly clock: Clock
  readonly log: Log
}

/** Somebody writes between our look and our write; more often than this is no accident. */
const MAX_TURNS = 5

export function createSharedRoutes(
  kv: Kv,
  watching: Watching,
  { project, clock, log }: SharedRoutesOptions,
): SharedRoutes & { stop(): void } {
  const keys = ownKeys(project)
  const listeners = new Set<() => void>()
  let current: RoutesDocument | undefined
  /** Of what was taken over last: listings may be older than what the watch has brought. */
  let revision = 0n
  /** The registry started over, and it is not known yet what it holds. */
  let lost = false
  let settling: Promise<void> | undefined
  let again = false

  function take(kv: KeyValue): void {
    lost = false
    if (kv.modRevision <= revision) return
    revision = kv.modRevision
    const document = parseRoutes(kv.value)
    if (document) become(document)
    else log.error(`registry: ${keys.routes} holds no routes (${kv.value.length} bytes); the last good ones stay`)
  }

  function become(document: RoutesDocument | undefined): void {
    current = document
    for (const listener of [...listeners]) listener()
  }

  /** Asks the registry itself: a listing that lacks the key may be older than the key. */
  async function settle(): Promise<void> {
    const { kvs, revision: at } = await kv.range(keys.routes)
    const [held] = kvs
    if (lost && current !== undefined) {
      await putBack(current)
      // What stands there now, ours or another's, has come by the watch or comes now.
      const after = (await kv.range(keys.routes)).kvs[0]
      if (after) take(after)
    } else if (held) take(held)
    else if (at >= revision) {
      lost = false
      revision = at
      if (current !== undefined) become(undefined)
    }
  }

  /** One at a time; while the registry is away the next listing comes by here again. */
  function settleSoon(): void {
    if (settling !== undefined) {
      again = true
      return
    }
    again = false
    settling = settle()
      .catch(() => {})
      .finally(() => {
        settling = undefined
        if (again) settleSoon()
      })
  }

  /** Writes it, and its place in the history, where the key is still at that revision. */
  async function put(document: RoutesDocument, modRevision: bigint, gone: readonly string[]): Promise<boolean> {
    const value = toRoutesText(document)
    const puts: Operation[] = [{ put: { key: keys.routes, value } }, { put: { key: historyKey(document), value } }]
    const deletes: Operation[] = gone.map((key) => ({ delete: { key } }))
    return (await kv.txn([{ key: keys.routes, modRevision }], [...puts, ...deletes])).succeeded
  }

  function historyKey({ number }: RoutesDocument): string {
    return keys.routesHistory + String(number).padStart(10, '0')
  }

  async function putBack(document: RoutesDocument): Promise<RoutesDocument | undefined> {
    for (let turn = 0; turn < MAX_TURNS; turn++) {
      const [held] = (await kv.range(keys.routes)).kvs
      const there = held && parseRoutes(held.value)
      if (held && !(there && isLater(document, there))) return there
      if (await put(document, held?.modRevision ?? 0n, [])) {
        log.info(`registry: number ${document.number} of the shared routes was missing and is put back`)
        return document
      }
    }
    return current
  }

  async function read(): Promise<RoutesShelf> {
    const { ranges } = await kv.txn(
      [],
      [{ range: { key: keys.routes } }, { range: { key: keys.routesHistory, prefix: true } }],
    )
    const [held] = ranges[0] ?? []
    const history = (ranges[1] ?? []).flatMap(({ value }) => parseRoutes(value) ?? [])
    history.sort((a, b) => b.number - a.number)
    return { current: held && parseRoutes(held.value), history, modRevision: held?.modRevision ?? 0n }
  }

  const unfollow = watching.follow(keys.routes, {
    seen(kv) {
      if (kv && !lost) take(kv)
      else if (lost || current !== undefined) settleSoon()
    },
    startedOver() {
      lost = true
      revision = 0n
      settleSoon()
    },
  })
  return {
    get current() {
      return current
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    read,
    async write(shelf, change) {
      const document = nextRoutes(shelf, change, clock.wallMs())
      const gone = shelf.history.filter(({ number }) => number <= document.number - MAX_HISTORY)
      return (await put(document, shelf.modRevision, gone.map(historyKey))) ? document : undefined
    },
    putBack,
    stop: unfollow,
  }
}
