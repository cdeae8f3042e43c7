/** One service of a process at the store of events: claims what waits, the oldest first, and writes down what became of it. */
import type { Clock, Timer } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Kv, Operation } from '../registry/kv.ts'
import type { DeadLetter, Delivery, HandleDelivery, SubscriptionOptions, Verdict } from './broker.ts'
import type { KvHold } from './kv-hold.ts'
import { type EventKeys, toText, type Waiting } from './kv-keys.ts'
import type { EventMirror, Held } from './kv-mirror.ts'

export interface KvConsumerDeps {
  readonly kv: Kv
  readonly keys: EventKeys
  readonly mirror: EventMirror
  readonly hold: KvHold
  readonly clock: Clock
  readonly log: Log
}

export interface KvConsumer {
  /** Writes down what it wants, where that is not among the `found` keys. */
  subscribe(found: ReadonlySet<string>): Promise<void>
  /** Something may have changed. */
  look(): void
  /** Resolves when nothing is in hand. */
  drain(): Promise<void>
  close(): Promise<void>
}

/** Tries to write down a verdict: longer than any claim lasts. */
const MOST_TRIES = 30
const TRY_AGAIN_MS = 300
/** Of one service; the oldest go. */
const MOST_DEAD = 1000

export function createKvConsumer(
  options: SubscriptionOptions,
  handle: HandleDelivery,
  { kv, keys, mirror, hold, clock, log }: KvConsumerDeps,
): KvConsumer {
  const { service, concurrency } = options
  /** What this process claims or has in hand. */
  const mine = new Set<string>()
  const idle: (() => void)[] = []
  let draining = false
  let closed = false
  let timer: Timer | undefined

  function look(): void {
    timer?.cancel()
    if (draining || mine.size >= concurrency) return
    const now = clock.wallMs()
    const free: string[] = []
    let nextMs = Number.POSITIVE_INFINITY
    // They stand in the order in which they came.
    for (const [seq, { value }] of mirror.waiting(service)) {
      if (mine.size + free.length >= concurrency) break
      if (mine.has(seq) || mirror.isClaimed(service, seq)) continue
      if (value.notBeforeMs > now) nextMs = Math.min(nextMs, value.notBeforeMs)
      else free.push(seq)
    }
    for (const seq of free) void work(seq)
    if (nextMs !== Number.POSITIVE_INFINITY) timer = clock.after(Math.max(1, nextMs - now), look)
  }

  async function work(seq: string): Promise<void> {
    mine.add(seq)
    try {
      const claimed = await claim(seq, mirror.waiting(service).get(seq))
      if (claimed === undefined) return
      const verdict = await handle(toDelivery(claimed))
      // Whoever takes it over after a close handles it once more.
      if (!closed) await insist(() => settle(seq, claimed, verdict))
    } catch (error) {
      log.warn(`events: ${service}: what became of an event could not be written down: ${String(error)}`)
    } finally {
      mine.delete(seq)
      if (mine.size === 0) for (const resolve of idle.splice(0)) resolve()
      look()
    }
  }

  /** Undefined: another one was faster. */
  async function claim(seq: string, held: Held<Waiting> | undefined): Promise<Waiting | undefined> {
    if (held === undefined) return undefined
    const lease = await hold.lease()
    const begun: Waiting = { ...held.value, deliveries: held.value.deliveries + 1 }
    const { succeeded } = await kv.txn(
      [
        { key: keys.claim(service, seq), createRevision: 0n },
        { key: keys.waiting(service, seq), modRevision: held.modRevision },
      ],
      [
        { put: { key: keys.claim(service, seq), value: '', lease } },
        { put: { key: keys.waiting(service, seq), value: toText(begun) } },
      ],
    )
    return succeeded ? begun : undefined
  }

  async function settle(seq: string, { message, deliveries }: Waiting, verdict: Verdict): Promise<void> {
    const [waiting, claimKey] = [keys.waiting(service, seq), keys.claim(service, seq)]
    const done: Operation[] = [{ delete: { key: claimKey } }]
    if (verdict.kind === 'again') {
      const later: Waiting = { message, deliveries, notBeforeMs: clock.wallMs() + verdict.afterMs }
      done.push({ put: { key: waiting, value: toText(later) } })
    } else {
      done.push({ delete: { key: waiting } })
    }
    if (verdict.kind === 'dead') {
      const letter: DeadLetter = { ...message, deliveries, reason: verdict.reason, diedAtMs: clock.wallMs() }
      done.push({ put: { key: keys.dead(service, seq), value: toText(letter) } })
      const dead = [...mirror.dead(service).keys()].sort()
      for (const old of dead.slice(0, Math.max(0, dead.length - MOST_DEAD + 1))) {
        done.push({ delete: { key: keys.dead(service, old) } })
        log.warn(`events: ${service}: more than ${MOST_DEAD} dead letters, the oldest is gone`)
      }
    }
    await kv.txn([], done)
  }

  /** The store may be away for a moment. */
  async function insist(write: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await write()
        return
      } catch (error) {
        if (tries >= MOST_TRIES || closed) throw error
        await new Promise<void>((resolve) => clock.after(TRY_AGAIN_MS, resolve))
      }
    }
  }

  return {
    async subscribe(found) {
      for (const name of options.names) {
        const key = keys.subscription(service, name)
        if (!found.has(key)) await kv.put(key, '')
      }
    },
    look,
    async drain() {
      draining = true
      timer?.cancel()
      if (mine.size > 0) await new Promise<void>((resolve) => idle.push(resolve))
    },
    async close() {
      draining = true
      closed = true
      timer?.cancel()
      await Promise.all([...mine].map((seq) => kv.delete(keys.claim(service, seq)).catch(() => {})))
    },
  }
}

function toDelivery({ message, deliveries }: Waiting): Delivery {
  const { headers, body, ...known } = message
  return {
    ...known,
    delivery: deliveries,
    header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
    payload: () => JSON.parse(body),
  }
}
