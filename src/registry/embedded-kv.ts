/** A `Kv` whose store may be replaced by another one while it is used: how clients follow the embedded registry's host. */
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Kv, Watch, WatchHandler } from './kv.ts'

export interface SwitchingKv extends Kv {
  /**
   * Goes on with that store; undefined: there is none for now, and calls wait for the next, 1.5 s at most. The one before
   * is closed, its watches end, and a new one counts as a reconnect.
   */
  use(kv: Kv | undefined): void
}

/** Others take over from a host in less than that: then nobody notices that there was none. */
const WAIT_MS = 1500

export function createSwitchingKv(clock: Clock): SwitchingKv {
  let current: Kv | undefined
  let closed = false
  let offCurrent = (): void => {}
  const listeners = new Set<() => void>()
  /** Ends the watch with a cause, unless it is over. */
  const watches = new Set<(cause: unknown) => void>()
  const waiting = new Set<(kv: Kv | undefined) => void>()

  const reconnected = (): void => {
    for (const listener of [...listeners]) listener()
  }

  function store(): Kv | Promise<Kv> {
    if (current) return current
    if (closed) throw away()
    return new Promise((resolve, reject) => {
      const timer = clock.after(WAIT_MS, () => arrived(undefined))
      function arrived(kv: Kv | undefined): void {
        timer.cancel()
        waiting.delete(arrived)
        if (kv) resolve(kv)
        else reject(away())
      }
      waiting.add(arrived)
    })
  }

  function tellWaiting(kv: Kv | undefined): void {
    for (const arrived of [...waiting]) arrived(kv)
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
      if (!kv) return
      tellWaiting(kv)
      reconnected()
    },
    range: async (key, options) => (await store()).range(key, options),
    put: async (key, value, options) => (await store()).put(key, value, options),
    delete: async (key) => (await store()).delete(key),
    txn: async (compare, success, failure) => (await store()).txn(compare, success, failure),
    grant: async (ttlSeconds) => (await store()).grant(ttlSeconds),
    keepAlive: async (lease) => (await store()).keepAlive(lease),
    revoke: async (lease) => (await store()).revoke(lease),
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
      closed = true
      const before = current
      current = undefined
      offCurrent()
      watches.clear()
      tellWaiting(undefined)
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
