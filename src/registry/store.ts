/**
 * A store in memory that behaves as etcd v3 does: revisions, leases, transactions, and a bounded history for watches.
 * Source: https://etcd.io/docs/v3.4/learning/data_model/
 */
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { KeyValue } from './kv.ts'
import { createHistory, type HistoryLimits, type StoreEvent } from './store-history.ts'
import { createLeases, type Lease, type Leases } from './store-lease.ts'

export interface StoreOptions {
  readonly clock: Clock
  /** From 0 (inclusive) to 1 (exclusive). @default Math.random */
  readonly random?: (() => number) | undefined
  /** Revision of the empty store, above that of any store before it. @default microseconds since 1970 */
  readonly startRevision?: bigint | undefined
  readonly history?: HistoryLimits | undefined
  /** Keys and values together. @default 64 MiB */
  readonly maxBytes?: number | undefined
}

export interface PutOptions {
  readonly lease?: bigint | undefined
  /** Keep the value that is there. */
  readonly ignoreValue?: boolean | undefined
  /** Keep the lease that is there. */
  readonly ignoreLease?: boolean | undefined
}

/** What may be written in one go; all of it carries the same revision. */
export interface StoreWrite {
  /** @returns what was there before. @throws GomsError NOT_FOUND lease, INVALID_ARGUMENT, RESOURCE_EXHAUSTED */
  put(key: string, value: string, options?: PutOptions): KeyValue | undefined
  /** @returns what was deleted */
  delete(key: string, rangeEnd?: string): readonly KeyValue[]
}

export interface Store {
  /** Rises by one with each write that changed anything. */
  readonly revision: bigint
  /** The lowest revision that watches and reads may start from. */
  readonly compactRevision: bigint
  /** Revision at which this incarnation began. */
  readonly startRevision: bigint
  readonly sizeBytes: number
  /**
   * Sorted by key. `rangeEnd` is exclusive; empty: the one key; `\0`: every key from `key` on. Keys are compared by UTF-16
   * units, which is etcd's order for ASCII.
   * @throws GomsError OUT_OF_RANGE for a `revision` (0n: now) that is compacted or has not been
   */
  range(key: string, rangeEnd?: string, revision?: bigint): readonly KeyValue[]
  /** All of it or, if `fn` throws, nothing. */
  write<T>(fn: (write: StoreWrite) => T): T
  /** Events of that revision or later, oldest first. Only for `from >= compactRevision`. */
  since(from: bigint, key: string, rangeEnd: string): readonly StoreEvent[]
  /** Calls back after each write that changed anything. Returns how to stop. */
  onChange(listener: () => void): () => void
  /** Grants, renewals and lookups; a lease is given back with `revoke`. */
  readonly leases: Pick<Leases, 'grant' | 'keepAlive' | 'leftSeconds' | 'get' | 'ids'>
  /** Deletes the lease and its keys. @throws GomsError NOT_FOUND */
  revoke(lease: bigint): void
  /** No lease expires any more. */
  close(): void
}

/** Whether a range as etcd writes it holds that key. */
function isWithin(candidate: string, key: string, rangeEnd: string): boolean {
  if (rangeEnd === '') return candidate === key
  return candidate >= key && (rangeEnd === '\0' || candidate < rangeEnd)
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024

export function createStore(options: StoreOptions): Store {
  const random = options.random ?? Math.random
  // Microseconds: a later incarnation begins above this one unless it wrote more than 1000 times a millisecond.
  const startRevision =
    options.startRevision ?? BigInt(options.clock.wallMs()) * 1000n + BigInt(Math.floor(random() * 1000))
  const maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
  const history = createHistory(startRevision, options.history)
  const live = new Map<string, KeyValue>()
  const sorted: string[] = []
  const listeners = new Set<() => void>()
  const leases = createLeases({ clock: options.clock, random, expired: dropKeys })
  let revision = startRevision
  let sizeBytes = 0
  let pending: StoreEvent[] | undefined

  /** Index of the first key that is not below. */
  function indexOf(key: string): number {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sorted[middle] as string) < key) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The one place that changes what is there, index, size and leases included. */
  function set(key: string, after: KeyValue | undefined): void {
    const before = live.get(key)
    if (before) {
      sizeBytes -= key.length + before.value.length
      leases.get(before.lease)?.keys.delete(key)
    }
    if (after) {
      sizeBytes += key.length + after.value.length
      leases.get(after.lease)?.keys.add(key)
      if (!before) sorted.splice(indexOf(key), 0, key)
      live.set(key, after)
    } else if (before) {
      sorted.splice(indexOf(key), 1)
      live.delete(key)
    }
  }

  function range(key: string, rangeEnd = ''): KeyValue[] {
    if (rangeEnd === '') {
      const kv = live.get(key)
      return kv ? [kv] : []
    }
    const to = rangeEnd === '\0' ? sorted.length : indexOf(rangeEnd)
    return sorted.slice(indexOf(key), to).map((k) => live.get(k) as KeyValue)
  }

  /** What was there then: today's picture with the later events taken back. */
  function rangeAt(key: string, rangeEnd: string, at: bigint): KeyValue[] {
    if (at > revision) throw new GomsError('OUT_OF_RANGE', 'etcdserver: mvcc: required revision is a future revision')
    if (at < history.compactRevision)
      throw new GomsError('OUT_OF_RANGE', 'etcdserver: mvcc: required revision has been compacted')
    const then = new Map(range(key, rangeEnd).map((kv) => [kv.key, kv]))
    for (const event of history.since(at + 1n).toReversed()) {
      if (!isWithin(event.kv.key, key, rangeEnd)) continue
      if (event.before) then.set(event.kv.key, event.before)
      else then.delete(event.kv.key)
    }
    return [...then.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
  }

  function record(event: StoreEvent): void {
    set(event.kv.key, event.type === 'put' ? event.kv : undefined)
    pending?.push(event)
  }

  const writer: StoreWrite = {
    put(key, value, { lease = 0n, ignoreValue = false, ignoreLease = false } = {}) {
      const before = live.get(key)
      if (key === '') throw new GomsError('INVALID_ARGUMENT', 'etcdserver: key is not provided')
      if ((ignoreValue || ignoreLease) && !before) throw new GomsError('INVALID_ARGUMENT', 'etcdserver: key not found')
      if (lease !== 0n && !leases.get(lease)) throw new GomsError('NOT_FOUND', 'etcdserver: requested lease not found')
      if (sizeBytes + key.length + value.length > maxBytes)
        throw new GomsError('RESOURCE_EXHAUSTED', 'etcdserver: mvcc: database space exceeded')
      const kv: KeyValue = {
        key,
        value: ignoreValue && before ? before.value : value,
        createRevision: before?.createRevision ?? revision + 1n,
        modRevision: revision + 1n,
        version: (before?.version ?? 0n) + 1n,
        lease: ignoreLease && before ? before.lease : lease,
      }
      record({ type: 'put', kv, before })
      return before
    },
    delete(key, rangeEnd) {
      const found = range(key, rangeEnd)
      for (const before of found) {
        const gone = { key: before.key, value: '', createRevision: 0n, version: 0n, lease: 0n }
        record({ type: 'delete', kv: { ...gone, modRevision: revision + 1n }, before })
      }
      return found
    },
  }

  function write<T>(fn: (write: StoreWrite) => T): T {
    pending = []
    try {
      const result = fn(writer)
      const events = pending
      pending = undefined
      if (events.length > 0) {
        revision += 1n
        history.add(events)
        for (const listener of [...listeners]) listener()
      }
      return result
    } catch (thrown) {
      for (const event of (pending ?? []).toReversed()) set(event.kv.key, event.before)
      pending = undefined
      throw thrown
    }
  }

  function dropKeys(lease: Lease): void {
    // Sorted, so that everybody sees the same order whoever wrote first; one revision, as in etcd.
    const keys = [...lease.keys].sort()
    write((w) => {
      for (const key of keys) w.delete(key)
    })
  }

  return {
    get revision() {
      return revision
    },
    get compactRevision() {
      return history.compactRevision
    },
    startRevision,
    get sizeBytes() {
      return sizeBytes
    },
    range: (key, rangeEnd = '', at = 0n) => (at === 0n ? range(key, rangeEnd) : rangeAt(key, rangeEnd, at)),
    write,
    since: (from, key, rangeEnd) => history.since(from).filter((event) => isWithin(event.kv.key, key, rangeEnd)),
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    leases,
    revoke(id) {
      const lease = leases.remove(id)
      if (!lease) throw new GomsError('NOT_FOUND', 'etcdserver: requested lease not found')
      dropKeys(lease)
    },
    close: () => leases.close(),
  }
}
