/** A `Kv` straight on a store in the same process: no port, no bytes. */
import type { CompareRequest, RequestOp } from './etcd-codec.ts'
import { toRangeEnd } from './etcd-codec.ts'
import type { Compare, Kv, Operation, Watch, WatchHandler } from './kv.ts'
import type { Store } from './store.ts'
import { answerTxn } from './store-api.ts'

/** Watches call back in a microtask of their own, never from within a write. */
export function createMemoryKv(store: Store): Kv {
  const watches = new Set<Watch>()
  const rangeEndOf = (key: string, prefix = false): string => (prefix ? toRangeEnd(key) : '')
  return {
    endpoint: 'memory',
    async range(key, options) {
      return { revision: store.revision, kvs: store.range(key, rangeEndOf(key, options?.prefix)) }
    },
    async put(key, value, options) {
      store.write((write) => write.put(key, value, options))
      return { revision: store.revision }
    },
    async delete(key) {
      const deleted = store.write((write) => write.delete(key)).length
      return { revision: store.revision, deleted }
    },
    async txn(compare, success, failure = []) {
      const { succeeded, responses } = answerTxn(store, {
        compare: compare.map(toCompareRequest),
        success: success.map(toRequestOp),
        failure: failure.map(toRequestOp),
      })
      return { revision: store.revision, succeeded, ranges: responses.map((response) => response.range?.kvs ?? []) }
    },
    async grant(ttlSeconds) {
      const lease = store.leases.grant(ttlSeconds)
      return { lease: lease.id, ttlSeconds: lease.ttlSeconds }
    },
    async keepAlive(lease) {
      return store.leases.keepAlive(lease)
    },
    async revoke(lease) {
      if (store.leases.get(lease)) store.revoke(lease)
    },
    watch(prefix, fromRevision, handler) {
      const watch = watchStore(store, prefix, fromRevision, handler, () => watches.delete(watch))
      watches.add(watch)
      return watch
    },
    onReconnect: () => () => {},
    async close() {
      for (const watch of [...watches]) watch.close()
    },
  }
}

function watchStore(store: Store, prefix: string, from: bigint, handler: WatchHandler, ended: () => void): Watch {
  let next = from
  let due = false
  let noticeDue = false
  let open = true

  function end(): void {
    open = false
    stopListening()
    ended()
  }

  function deliver(): void {
    due = false
    if (!open) return
    if (next < store.compactRevision) {
      end()
      handler.compacted(store.compactRevision)
      return
    }
    const revision = store.revision
    const events = store.since(next, prefix, toRangeEnd(prefix))
    if (revision >= next) next = revision + 1n
    if (events.length > 0 || noticeDue) handler.events(events, revision)
    noticeDue = false
  }

  function schedule(): void {
    if (due) return
    due = true
    queueMicrotask(deliver)
  }

  const stopListening = store.onChange(schedule)
  schedule()
  return {
    progress() {
      noticeDue = true
      schedule()
    },
    close: end,
  }
}

function toCompareRequest(compare: Compare): Partial<CompareRequest> {
  if ('modRevision' in compare) return { ...compare, target: 2 }
  if ('createRevision' in compare) return { ...compare, target: 1 }
  return { ...compare, target: 3 }
}

function toRequestOp(operation: Operation): RequestOp {
  if ('put' in operation) return { put: operation.put }
  if ('delete' in operation) return { deleteRange: operation.delete }
  return {
    range: { key: operation.range.key, rangeEnd: operation.range.prefix ? toRangeEnd(operation.range.key) : '' },
  }
}
