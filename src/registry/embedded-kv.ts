/** A `Kv` whose store may be replaced by another one while it is used: how clients follow the embedded registry's host. */
import { GomsError } from '../core/errors.ts'
import type { Kv, Watch, WatchHandler } from './kv.ts'

export interface SwitchingKv extends Kv {
  /**
   * Goes on with that store; undefined: there is none for now, and calls fail at once with UNAVAILABLE. The one before is
   * closed, its watches end, and a new one counts as a reconnect.
   */
  use(kv: Kv | undefined): void
}

export function createSwitchingKv(): SwitchingKv {
  let current: Kv | undefined
  let offCurrent = (): void => {}
  const listeners = new Set<() => void>()
  /** Ends the watch with a cause, unless it is over. */
  const watches = new Set<(cause: unknown) => void>()

  const reconnected = (): void => {
    for (const listener of [...listeners]) listener()
  }

  function store(): Kv {
    if (current) return current
    throw away()
  }

  return {
    get endpoint() {
      return current?.endpoint
    },
    use(kv) {
      const before = current
      current = kv
      offCurrent()
      offCurrent = kv?.onReconnect(reconnected) ?? (() => {})
      for (const end of [...watches]) end(away())
      void before?.close().catch(() => {})
      if (kv) reconnected()
    },
    range: async (key, options) => store().range(key, options),
    put: async (key, value, options) => store().put(key, value, options),
    delete: async (key) => store().delete(key),
    txn: async (compare, success, failure) => store().txn(compare, success, failure),
    grant: async (ttlSeconds) => store().grant(ttlSeconds),
    keepAlive: async (lease) => store().keepAlive(lease),
    revoke: async (lease) => store().revoke(lease),
    watch(prefix, fromRevision, handler) {
      if (current) return follow(current, prefix, fromRevision, handler)
      queueMicrotask(() => handler.closed(away()))
      return { progress() {}, close() {} }
    },
    onReconnect(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      const before = current
      current = undefined
      offCurrent()
      watches.clear()
      await before?.close()
    },
  }

  function follow(kv: Kv, prefix: string, fromRevision: bigint, handler: WatchHandler): Watch {
    let open = true
    const over = (tell: () => void): void => {
      if (!open) return
      open = false
      watches.delete(end)
      tell()
    }
    const watch = kv.watch(prefix, fromRevision, {
      events(events, revision) {
        if (open) handler.events(events, revision)
      },
      compacted: (revision) => over(() => handler.compacted(revision)),
      closed: (cause) => over(() => handler.closed(cause)),
    })
    const end = (cause: unknown): void =>
      over(() => {
        watch.close()
        handler.closed(cause)
      })
    watches.add(end)
    return {
      progress() {
        if (open) watch.progress()
      },
      close: () => over(() => watch.close()),
    }
  }
}

function away(): GomsError {
  return new GomsError('UNAVAILABLE', 'embedded registry: its host is gone, the next one is being found')
}
