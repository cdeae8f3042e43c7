/** What happened in a store, in order and bounded: watches read it from a revision on, and learn when that is gone. */
import type { KeyValue } from './kv.ts'

export interface StoreEvent {
  readonly type: 'put' | 'delete'
  /** After a delete only the key and the revision of the delete mean anything, as in etcd. */
  readonly kv: KeyValue
  readonly before: KeyValue | undefined
}

export interface HistoryLimits {
  /** @default 10000 */
  readonly maxEvents?: number | undefined
  /** Keys and values. @default 16 MiB */
  readonly maxBytes?: number | undefined
}

export interface History {
  /** The lowest revision that can still be read from. */
  readonly compactRevision: bigint
  add(events: readonly StoreEvent[]): void
  /** Events of that revision or later, oldest first. Only for `from >= compactRevision`. */
  since(from: bigint): readonly StoreEvent[]
}

const bytesOf = (event: StoreEvent): number =>
  event.kv.key.length + event.kv.value.length + (event.before?.value.length ?? 0) + 100

export function createHistory(startRevision: bigint, limits: HistoryLimits = {}): History {
  const maxEvents = limits.maxEvents ?? 10_000
  const maxBytes = limits.maxBytes ?? 16 * 1024 * 1024
  let events: StoreEvent[] = []
  /** Events before this index are gone; the array is cut only now and then. */
  let first = 0
  let bytes = 0
  let compactRevision = startRevision

  /** Drops the oldest revision as a whole: half a transaction must not be seen. */
  function dropOldest(): void {
    const revision = events[first]?.kv.modRevision
    if (revision === undefined) return
    while (events[first]?.kv.modRevision === revision) {
      bytes -= bytesOf(events[first] as StoreEvent)
      first++
    }
    compactRevision = revision + 1n
    if (first > 1000 && first * 2 > events.length) {
      events = events.slice(first)
      first = 0
    }
  }

  return {
    get compactRevision() {
      return compactRevision
    },
    add(added) {
      for (const event of added) {
        events.push(event)
        bytes += bytesOf(event)
      }
      while (events.length - first > maxEvents || (bytes > maxBytes && events.length > first)) dropOldest()
    },
    since(from) {
      let low = first
      let high = events.length
      while (low < high) {
        const middle = (low + high) >> 1
        if ((events[middle] as StoreEvent).kv.modRevision < from) low = middle + 1
        else high = middle
      }
      return events.slice(low)
    },
  }
}
