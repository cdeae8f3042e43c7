/** One Watch stream of the embedded registry: its watches read the store's history, at the pace of the reader. */

import type { StreamMethod } from './embedded-grpc.ts'
import type { EventMessage, WatchResponse as WatchAnswer } from './etcd-answers.ts'
import { WatchResponse } from './etcd-answers.ts'
import { type WatchCreateRequest, WatchRequest } from './etcd-codec.ts'
import type { Store } from './store.ts'
import type { StoreEvent } from './store-history.ts'

interface Watcher {
  readonly id: bigint
  readonly key: string
  readonly rangeEnd: string
  readonly prevKv: boolean
  /** Event types that are left out. */
  readonly without: ReadonlySet<string>
  next: bigint
}

const MAX_WATCHES_PER_STREAM = 10_000
/** An answer ends at the first revision that brings it above; no revision is cut. */
const ANSWER_BYTES = 1024 * 1024
/** The watch id that answers for all watches of a stream. */
const ALL_WATCHES = -1n

export function createWatchMethod(store: Store, header: () => NonNullable<WatchAnswer['header']>): StreamMethod {
  return (stream) => {
    const watchers = new Map<bigint, Watcher>()
    let nextId = 0n
    let blocked = false
    let progressDue = false
    let pumpDue = false
    let open = true

    function send(answer: Partial<WatchAnswer>): void {
      if (!stream.send(WatchResponse.encode({ header: header(), ...answer }))) blocked = true
    }

    function create(request: Partial<WatchCreateRequest>): void {
      const { watchId = 0n, startRevision = 0n, key = '', rangeEnd = '', prevKv = false, filters = [] } = request
      const taken = watchId !== 0n && watchers.has(watchId)
      if (taken || watchers.size >= MAX_WATCHES_PER_STREAM) {
        const cancelReason = taken
          ? 'etcdserver: mvcc: duplicate watch ID'
          : `goms-embedded: ${watchers.size} watches on one stream`
        send({ watchId: ALL_WATCHES, created: true, canceled: true, cancelReason })
        return
      }
      while (watchers.has(nextId)) nextId++
      const id = watchId === 0n ? nextId++ : watchId
      watchers.set(id, {
        id,
        key: key === '' ? '\0' : key,
        rangeEnd,
        prevKv,
        without: new Set(filters.map((filter) => (filter === 0 ? 'put' : 'delete'))),
        next: startRevision > 0n ? startRevision : store.revision + 1n,
      })
      send({ watchId: id, created: true })
    }

    /** Sends one watcher what it has not seen yet, until it is up to date or the reader does not keep up. */
    function feed(watcher: Watcher): void {
      while (!blocked && watcher.next <= store.revision) {
        if (watcher.next < store.compactRevision) {
          watchers.delete(watcher.id)
          const cancelReason = 'etcdserver: mvcc: required revision has been compacted'
          send({ watchId: watcher.id, canceled: true, compactRevision: store.compactRevision, cancelReason })
          return
        }
        const { events, next } = firstPart(
          store.since(watcher.next, watcher.key, watcher.rangeEnd),
          store.revision + 1n,
        )
        watcher.next = next
        const wanted = events.filter((event) => !watcher.without.has(event.type))
        if (wanted.length > 0) send({ watchId: watcher.id, events: wanted.map((e) => toMessage(e, watcher.prevKv)) })
      }
    }

    function pump(): void {
      pumpDue = false
      if (!open) return
      for (const watcher of watchers.values()) feed(watcher)
      if (blocked || !progressDue) return
      progressDue = false
      send({ watchId: ALL_WATCHES })
    }

    function schedule(): void {
      if (pumpDue || blocked) return
      pumpDue = true
      queueMicrotask(pump)
    }

    const stopListening = store.onChange(schedule)
    stream.onDrain(() => {
      blocked = false
      schedule()
    })

    return {
      message(bytes) {
        const request = WatchRequest.decode(bytes)
        if (request.create) create(request.create)
        if (request.cancel) {
          const watchId = request.cancel.watchId ?? 0n
          if (watchers.delete(watchId)) send({ watchId, canceled: true })
        }
        if (request.progress) progressDue = true
        schedule()
      },
      closed() {
        open = false
        stopListening()
        watchers.clear()
      },
    }
  }
}

/** As many whole revisions as fit an answer, and the revision to go on from. */
function firstPart(events: readonly StoreEvent[], end: bigint): { events: readonly StoreEvent[]; next: bigint } {
  let bytes = 0
  for (const [index, event] of events.entries()) {
    const revision = event.kv.modRevision
    if (bytes > ANSWER_BYTES && events[index - 1]?.kv.modRevision !== revision)
      return { events: events.slice(0, index), next: revision }
    bytes += event.kv.key.length + event.kv.value.length + (event.before?.value.length ?? 0)
  }
  return { events, next: end }
}

function toMessage(event: StoreEvent, prevKv: boolean): EventMessage {
  const type = event.type === 'put' ? 0 : 1
  return prevKv && event.before ? { type, kv: event.kv, prevKv: event.before } : { type, kv: event.kv }
}
