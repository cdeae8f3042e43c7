/** What stands in the store of events, kept live: listed once, watched, and listed again whenever the watch ends. */
import { fullJitterMs } from '../core/backoff.ts'
import type { Clock, Timer } from '../core/clock.ts'
import type { KeyValue, Kv, Watch, WatchEvent } from '../registry/kv.ts'
import type { DeadLetter } from './broker.ts'
import { type EventKeys, fromText, type Waiting } from './kv-keys.ts'

export interface Held<T> {
  readonly value: T
  readonly modRevision: bigint
}

export interface EventMirror {
  /** By `seq`, unsorted. */
  waiting(service: string): ReadonlyMap<string, Held<Waiting>>
  dead(service: string): ReadonlyMap<string, Held<DeadLetter>>
  isClaimed(service: string, seq: string): boolean
  readonly connected: boolean
  start(): Promise<void>
  stop(): void
}

/** @param changed told after each change. @param listed told after each listing, with the keys that there are */
export function createEventMirror(
  kv: Kv,
  keys: EventKeys,
  clock: Clock,
  changed: () => void,
  listed: (found: ReadonlySet<string>) => void,
): EventMirror {
  const waiting = new Map<string, Map<string, Held<Waiting>>>()
  const dead = new Map<string, Map<string, Held<DeadLetter>>>()
  const claims = new Set<string>()
  let watch: Watch | undefined
  let timer: Timer | undefined
  let failures = 0
  let stopped = false

  function put(key: string, text: string, modRevision: bigint): void {
    const about = keys.parse(key)
    if (about === undefined || about.kind === 'subscription') return
    const { kind, service, seq } = about
    if (kind === 'claim') claims.add(`${service}/${seq}`)
    else if (kind === 'waiting') set(waiting, service, seq, fromText<Waiting>(text), modRevision)
    else set(dead, service, seq, fromText<DeadLetter>(text), modRevision)
  }

  function remove(key: string): void {
    const about = keys.parse(key)
    if (about === undefined || about.kind === 'subscription') return
    const { kind, service, seq } = about
    if (kind === 'claim') claims.delete(`${service}/${seq}`)
    else (kind === 'waiting' ? waiting : dead).get(service)?.delete(seq)
  }

  function take(kvs: readonly KeyValue[]): void {
    waiting.clear()
    dead.clear()
    claims.clear()
    for (const { key, value, modRevision } of kvs) put(key, value, modRevision)
  }

  function apply(events: readonly WatchEvent[]): void {
    for (const { type, kv: held } of events) {
      if (type === 'put') put(held.key, held.value, held.modRevision)
      else remove(held.key)
    }
    if (events.length > 0) changed()
  }

  async function list(): Promise<void> {
    const { kvs, revision } = await kv.range(keys.prefix, { prefix: true })
    if (stopped) return
    take(kvs)
    failures = 0
    const mine = kv.watch(keys.prefix, revision + 1n, {
      events: (events) => {
        if (watch === mine) apply(events)
      },
      compacted: () => again(mine),
      closed: () => again(mine),
    })
    watch = mine
    listed(new Set(kvs.map(({ key }) => key)))
    changed()
  }

  function again(of: Watch | undefined): void {
    if (stopped || watch !== of) return
    watch = undefined
    timer?.cancel()
    timer = clock.after(20 + fullJitterMs(failures++, { baseMs: 50, maxMs: 1000 }), () => {
      list().catch(() => again(undefined))
    })
  }

  return {
    waiting: (service) => waiting.get(service) ?? EMPTY,
    dead: (service) => dead.get(service) ?? EMPTY,
    isClaimed: (service, seq) => claims.has(`${service}/${seq}`),
    get connected() {
      return watch !== undefined
    },
    start: list,
    stop() {
      stopped = true
      timer?.cancel()
      watch?.close()
      watch = undefined
    },
  }
}

const EMPTY: ReadonlyMap<string, Held<never>> = new Map()

function set<T>(
  all: Map<string, Map<string, Held<T>>>,
  service: string,
  seq: string,
  value: T | undefined,
  modRevision: bigint,
): void {
  if (value === undefined) return
  const ofService = all.get(service) ?? new Map<string, Held<T>>()
  all.set(service, ofService.set(seq, { value, modRevision }))
}
