/** Leases of a store: keys that live only as long as somebody says so. A store that was stalled gives the stall back. */
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'

export interface Lease {
  readonly id: bigint
  readonly ttlSeconds: number
  readonly keys: Set<string>
  expiresAtMs: number
}

export interface LeasesOptions {
  readonly clock: Clock
  /** From 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number
  /** The lease is gone already; its keys are the caller's to delete. */
  readonly expired: (lease: Lease) => void
}

export interface Leases {
  /** @throws GomsError FAILED_PRECONDITION when that id exists, OUT_OF_RANGE, RESOURCE_EXHAUSTED above 100 000 */
  grant(ttlSeconds: number, id?: bigint): Lease
  /** Remaining TTL in seconds, 0 when there is no such lease. */
  keepAlive(id: bigint): number
  /** Remaining whole seconds, 0 when there is no such lease. */
  leftSeconds(id: bigint): number
  get(id: bigint): Lease | undefined
  /** Takes the lease away; its keys are the caller's to delete. */
  remove(id: bigint): Lease | undefined
  ids(): readonly bigint[]
  close(): void
}

/** How often expiry is looked at: a lease ends at most that much too late. */
const TICK_MS = 100
/** A tick later than this means that the process did not run: nobody's keep-alive could be taken. */
const STALL_MS = 400
const MAX_LEASES = 100_000
/** etcd's own bound: https://github.com/etcd-io/etcd/blob/main/server/lease/lessor.go (MaxLeaseTTL) */
const MAX_TTL_SECONDS = 9_000_000_000

export function createLeases({ clock, random, expired }: LeasesOptions): Leases {
  const leases = new Map<bigint, Lease>()
  let timer: Timer | undefined
  let dueMs = 0

  function schedule(): void {
    if (timer || leases.size === 0) return
    dueMs = clock.now() + TICK_MS
    timer = clock.after(TICK_MS, tick)
  }

  function tick(): void {
    timer = undefined
    const now = clock.now()
    const lateMs = now - dueMs
    if (lateMs > STALL_MS) for (const lease of leases.values()) lease.expiresAtMs += lateMs
    for (const lease of [...leases.values()]) {
      if (lease.expiresAtMs > now) continue
      leases.delete(lease.id)
      expired(lease)
    }
    schedule()
  }

  const freshId = (): bigint => {
    for (;;) {
      const id = (BigInt(Math.floor(random() * 2 ** 31)) << 32n) | BigInt(Math.floor(random() * 2 ** 32))
      if (id > 0n && !leases.has(id)) return id
    }
  }

  return {
    grant(ttlSeconds, id = 0n) {
      if (ttlSeconds > MAX_TTL_SECONDS) throw new GomsError('OUT_OF_RANGE', 'etcdserver: too large lease TTL')
      if (leases.has(id)) throw new GomsError('FAILED_PRECONDITION', 'etcdserver: lease already exists')
      if (leases.size >= MAX_LEASES) throw new GomsError('RESOURCE_EXHAUSTED', 'etcdserver: too many leases')
      const ttl = Math.max(1, Math.ceil(ttlSeconds))
      const lease: Lease = {
        id: id === 0n ? freshId() : id,
        ttlSeconds: ttl,
        keys: new Set(),
        expiresAtMs: clock.now() + ttl * 1000,
      }
      leases.set(lease.id, lease)
      schedule()
      return lease
    },
    keepAlive(id) {
      const lease = leases.get(id)
      if (!lease) return 0
      lease.expiresAtMs = clock.now() + lease.ttlSeconds * 1000
      return lease.ttlSeconds
    },
    leftSeconds(id) {
      const lease = leases.get(id)
      return lease ? Math.max(0, Math.floor((lease.expiresAtMs - clock.now()) / 1000)) : 0
    },
    get: (id) => leases.get(id),
    remove(id) {
      const lease = leases.get(id)
      leases.delete(id)
      return lease
    },
    ids: () => [...leases.keys()],
    close() {
      timer?.cancel()
      timer = undefined
      leases.clear()
    },
  }
}
