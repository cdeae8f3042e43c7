/**
 * Events without a broker: they stand in the registry's own store, the embedded one's host or this process, and are gone with
 * it. What a real broker promises of delivery holds while that process lives.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Kv, Operation } from '../registry/kv.ts'
import type { Broker, DeadLetter, EventMessage } from './broker.ts'
import { createKvConsumer, type KvConsumer } from './kv-consumer.ts'
import { createKvHold } from './kv-hold.ts'
import { eventKeys, newSeq, toText } from './kv-keys.ts'
import { createEventMirror } from './kv-mirror.ts'

export interface KvBrokerDeps {
  readonly project: string
  readonly clock: Clock
  readonly log: Log
}

/** What waits for one service, in events. */
const MOST_WAITING = 10_000

/** @throws GomsError UNAVAILABLE while the store cannot be reached */
export async function createKvBroker(kv: Kv, { project, clock, log }: KvBrokerDeps): Promise<Broker> {
  const keys = eventKeys(project)
  const unique = randomBytes(4).toString('hex')
  const consumers = new Set<KvConsumer>()
  const hold = createKvHold(kv, clock)
  const mirror = createEventMirror(
    kv,
    keys,
    clock,
    () => {
      for (const consumer of consumers) consumer.look()
    },
    (found) => {
      for (const consumer of consumers) void consumer.subscribe(found).catch(() => {})
    },
  )
  await mirror.start()

  function full(service: string): GomsError | undefined {
    if (mirror.waiting(service).size < MOST_WAITING) return undefined
    return new GomsError('RESOURCE_EXHAUSTED', `events: ${MOST_WAITING} wait for "${service}" already`, {
      retryAfterMs: 1000,
    })
  }

  return {
    async publish(message) {
      const { kvs } = await kv.range(keys.subscriptions, { prefix: true })
      const services = kvs.flatMap(({ key }) => {
        const about = keys.parse(key)
        return about?.kind === 'subscription' && about.name === message.name ? [about.service] : []
      })
      const refused = services.map(full).find((error) => error !== undefined)
      if (refused !== undefined) throw refused
      if (services.length === 0) return
      const seq = newSeq(clock.wallMs(), unique)
      const value = toText({ message, deliveries: 0, notBeforeMs: 0 })
      await kv.txn(
        [],
        services.map((service) => ({ put: { key: keys.waiting(service, seq), value } })),
      )
    },
    async subscribe(options, handle) {
      const consumer = createKvConsumer(options, handle, { kv, keys, mirror, hold, clock, log })
      consumers.add(consumer)
      await consumer.subscribe(new Set())
      consumer.look()
      return {
        drain: () => consumer.drain(),
        async close() {
          consumers.delete(consumer)
          await consumer.close()
        },
      }
    },
    deadLetters: async (service, most) =>
      sorted(mirror.dead(service))
        .slice(0, most)
        .map(([, { value }]) => value),
    async replay(service, ids) {
      let replayed = 0
      for (const [seq, { value, modRevision }] of sorted(mirror.dead(service))) {
        if (ids !== undefined && !ids.has(value.id)) continue
        const again: Operation[] = [
          { put: { key: keys.waiting(service, seq), value: toText(anew(value)) } },
          { delete: { key: keys.dead(service, seq) } },
        ]
        const { succeeded } = await kv.txn([{ key: keys.dead(service, seq), modRevision }], again)
        if (succeeded) replayed++
      }
      return replayed
    },
    away: () => (mirror.connected ? undefined : 'the registry, which keeps the events, cannot be reached'),
    async close() {
      await Promise.all([...consumers].map((consumer) => consumer.close()))
      mirror.stop()
      await hold.close()
    },
  }
}

function sorted<T>(all: ReadonlyMap<string, T>): readonly (readonly [string, T])[] {
  return [...all].sort(([a], [b]) => (a < b ? -1 : 1))
}

function anew({ id, name, from, headers, body, emittedAtMs }: DeadLetter): {
  message: EventMessage
  deliveries: number
  notBeforeMs: number
} {
  // Whoever replays it wants it handled, however late it is.
  return {
    message: { id, name, from, headers, body, emittedAtMs, expiresAtMs: undefined },
    deliveries: 0,
    notBeforeMs: 0,
  }
}
