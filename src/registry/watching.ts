/**
 * Keeps the view equal to the registry: list, watch, apply; list again when the watch ends or the registry starts over;
 * and compare from time to time, because a watch that fails silently looks like one that has nothing to say.
 */
import { fullJitterMs } from '../core/backoff.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { everyMs, type Log } from '../core/log.ts'
import type { KeyValue, Kv, Watch, WatchEvent } from './kv.ts'
import { type Listing, prefixesOf, readListing } from './listing.ts'
import type { LiveView } from './view.ts'

export interface WatchingOptions {
  readonly project: string
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
}

/** What happened to a key that somebody asked to be told of. */
export interface KeyWatcher {
  /** The key as it stands now; undefined: it is gone. Called after every listing too. */
  seen(kv: KeyValue | undefined): void
  /** The registry started over: nothing of what it was told is there any more. */
  startedOver(): void
}

export interface Watching {
  /** One listing and the watches after it. @throws GomsError of the first call that fails */
  start(): Promise<void>
  /** Tells of one key. Returns how to stop. */
  follow(key: string, watcher: KeyWatcher): () => void
  /** The registry is slow to answer: for a while nodes that it says have gone may only have lost their lease with it. */
  doubt(): void
  readonly connected: boolean
  readonly revision: bigint
  /** When the registry was last heard of, on the clock. */
  readonly heardAtMs: number
  stop(): void
}

/** Comparing view and registry, and asking the watches for a sign of life; both jittered by a fifth. */
const RECONCILE_MS = 10_000
const PROGRESS_MS = 2000
/** An answer that takes longer, or an absence, means that leases may have ended while the registry slept. */
const STALL_MS = 400
/** By then all that live are registered again: they reconnect within about a second. */
const DOUBT_MS = 2000
/** Waits between listings that fail: an etcd that is back is noticed within a second. */
const BACKOFF = { baseMs: 50, maxMs: 1000 }
const STEADY_MS = 5000
const WARN_EVERY_MS = 10_000

export function createWatching(kv: Kv, view: LiveView, options: WatchingOptions): Watching {
  const { clock, log, random } = options
  const prefixes = prefixesOf(options.project)
  const followers = new Map<string, Set<KeyWatcher>>()
  const warn = everyMs(clock, WARN_EVERY_MS)
  let watches: Watch[] = []
  let epoch: string | undefined
  /** Everything up to there is in the view by a listing. */
  let listedRevision = 0n
  /** Where the watches began; no answer on them can be older. */
  let watchedFrom = 0n
  let revision = 0n
  let heardAtMs = clock.now()
  let connected = false
  let started = false
  let stopped = false
  let listing: Promise<void> | undefined
  /** Listings in a row that failed, or whose watches ended within {@link STEADY_MS}. */
  let failures = 0
  let listedAtMs = Number.NEGATIVE_INFINITY
  let awaySinceMs: number | undefined
  let lostAtMs = 0
  let retryTimer: Timer | undefined
  let reconcileTimer: Timer | undefined
  let progressTimer: Timer | undefined
  let stallTimer: Timer | undefined

  const list = () => readListing(kv, options.project)

  function heard(): void {
    heardAtMs = clock.now()
    connected = true
    if (awaySinceMs === undefined) return
    log.info(`registry: back after ${Math.round((clock.now() - awaySinceMs) / 100) / 10} s${at()}`)
    awaySinceMs = undefined
  }

  function lost(cause: unknown): void {
    connected = false
    if (awaySinceMs === undefined) lostAtMs = clock.now()
    awaySinceMs ??= heardAtMs
    const awayMs = clock.now() - awaySinceMs
    // A listing that fails once and works at once is nobody's business.
    if (failures > 0)
      warn(() =>
        log.warn(
          `registry: away for ${Math.round(awayMs / 100) / 10} s${at()}; going on with the last known nodes (${cause instanceof Error ? cause.message : String(cause)})`,
        ),
      )
  }

  function at(): string {
    return kv.endpoint === undefined ? '' : ` (${kv.endpoint})`
  }

  /** Puts a listing into the view. Returns whether the registry started over. */
  function take(listed: Listing): boolean {
    if (awaySinceMs !== undefined && clock.now() - lostAtMs >= STALL_MS) doubt()
    const startedOver = epoch !== undefined && (listed.epoch !== epoch || listed.revision < revision)
    if (startedOver) {
      log.warn(
        `registry: it started over (revision ${listed.revision} after ${revision}); known nodes stay until they are back`,
      )
      listedRevision = 0n
      revision = 0n
    }
    epoch = listed.epoch
    // A slow answer may be older than what the watches have brought meanwhile; the view compares key by key.
    view.replace(listed.kvs, listed.revision, startedOver)
    if (listed.revision > listedRevision) listedRevision = listed.revision
    if (listed.revision > revision) revision = listed.revision
    heard()
    for (const [key, set] of followers) {
      const held = listed.kvs.find((one) => one.key === key)
      for (const watcher of [...set]) {
        if (startedOver) watcher.startedOver()
        else watcher.seen(held)
      }
    }
    return startedOver
  }

  function closeWatches(): void {
    const old = watches
    watches = []
    for (const watch of old) watch.close()
  }

  async function synchronize(): Promise<void> {
    closeWatches()
    const listed = await list()
    if (stopped) return
    take(listed)
    listedAtMs = clock.now()
    watchedFrom = revision
    const group: Watch[] = []
    watches = group
    for (const prefix of prefixes) {
      const isCurrent = () => watches === group && !stopped
      group.push(
        kv.watch(prefix, watchedFrom + 1n, {
          events: (events, at) => {
            if (isCurrent()) apply(events, at)
          },
          compacted: (at) => {
            if (isCurrent()) again(new GomsError('UNAVAILABLE', `registry: history up to revision ${at} is gone`))
          },
          closed: (cause) => {
            if (isCurrent()) again(cause)
          },
        }),
      )
    }
    // One that failed at once took the others with it.
    if (watches !== group) for (const watch of group) watch.close()
  }

  function apply(events: readonly WatchEvent[], at: bigint): void {
    heard()
    if (at < watchedFrom) {
      again(new GomsError('UNAVAILABLE', `registry: revision ${at} after ${watchedFrom}`))
      return
    }
    for (const { type, kv: held } of events) {
      // What a listing has brought already must not be played again: a node could come back for a moment.
      if (held.modRevision <= listedRevision) continue
      // Advanced by what was delivered only: etcd 3.4 answers progress requests ahead of events.
      if (held.modRevision > revision) revision = held.modRevision
      if (type === 'put') view.put(held)
      else view.delete(held.key)
      for (const watcher of [...(followers.get(held.key) ?? [])]) watcher.seen(type === 'put' ? held : undefined)
    }
  }

  /** The picture may be stale: list again, at once the first time, then with growing waits. */
  function again(cause: unknown): void {
    closeWatches()
    if (connected && clock.now() - listedAtMs > STEADY_MS) failures = 0
    lost(cause)
    if (stopped || !started || listing) return
    retryTimer?.cancel()
    const waitMs = failures === 0 ? random() * 20 : 10 + fullJitterMs(failures, { ...BACKOFF, random })
    failures++
    retryTimer = clock.after(waitMs, () => void run())
  }

  function run(): Promise<void> {
    retryTimer?.cancel()
    listing ??= synchronize().then(
      () => {
        listing = undefined
        // A watch that ended while the listing was still under way.
        if (watches.length === 0) again(undefined)
      },
      (error: unknown) => {
        listing = undefined
        again(error)
      },
    )
    return listing
  }

  function reconcile(): void {
    reconcileTimer = clock.after(RECONCILE_MS * (0.8 + 0.4 * random()), reconcile)
    if (listing || watches.length === 0) return
    list().then(
      (listed) => {
        // Watches of a registry that started over are watches of one that is no more.
        if (!stopped && !listing && take(listed)) again(undefined)
      },
      (error: unknown) => lost(error),
    )
  }

  function progress(): void {
    progressTimer = clock.after(PROGRESS_MS * (0.8 + 0.4 * random()), progress)
    stallTimer?.cancel()
    const [watch] = watches
    if (!watch) return
    // One is enough: both travel on the same stream.
    watch.progress()
    expectAnswer(watch, clock.now())
  }

  function expectAnswer(watch: Watch, sentAtMs: number): void {
    stallTimer = clock.after(STALL_MS, () => {
      if (watches[0] !== watch || heardAtMs >= sentAtMs) return
      doubt()
      expectAnswer(watch, sentAtMs)
    })
  }

  function doubt(): void {
    view.doubt(clock.now() + DOUBT_MS)
  }

  const offReconnect = kv.onReconnect(() => {
    if (started && !stopped && watches.length === 0) void run()
  })

  return {
    async start() {
      await synchronize()
      started = true
      if (watches.length === 0) again(undefined)
      reconcileTimer = clock.after(RECONCILE_MS * (0.8 + 0.4 * random()), reconcile)
      progressTimer = clock.after(PROGRESS_MS * (0.8 + 0.4 * random()), progress)
    },
    follow(key, watcher) {
      const set = followers.get(key) ?? new Set()
      followers.set(key, set.add(watcher))
      return () => {
        set.delete(watcher)
        if (set.size === 0 && followers.get(key) === set) followers.delete(key)
      }
    },
    doubt,
    get connected() {
      return connected
    },
    get revision() {
      return revision
    },
    get heardAtMs() {
      return heardAtMs
    },
    stop() {
      stopped = true
      offReconnect()
      for (const timer of [retryTimer, reconcileTimer, progressTimer, stallTimer]) timer?.cancel()
      closeWatches()
    },
  }
}
