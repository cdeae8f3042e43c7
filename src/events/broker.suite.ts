/** What every broker must do: one suite for the store of events and for RabbitMQ. */
import { randomUUID } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import type { Broker, Delivery, EventMessage, SubscriptionOptions, Verdict } from './broker.ts'
import { HANDLED } from './verdict.ts'

export interface BrokerRig {
  /** A process's broker; all of a rig share what they keep. */
  open(): Promise<Broker>
  close(): Promise<void>
}

const WAITS = [50, 100]

/** @param createRig a project of its own each time */
export function describeBroker(name: string, createRig: () => Promise<BrokerRig>): void {
  describe(name, () => {
    let rig: BrokerRig | undefined
    afterEach(async () => {
      await rig?.close()
      rig = undefined
    })

    const open = async (): Promise<Broker> => {
      rig ??= await createRig()
      return rig.open()
    }

    it('delivers what is emitted, as it was, to every service that asked for it and to one node of each', async () => {
      const [emitting, mailing, other, stats] = [await open(), await open(), await open(), await open()]
      const mail = await listen(mailing, 'mail')
      const again = await listen(other, 'mail')
      const counted = await listen(stats, 'stats')
      const sent = Array.from({ length: 20 }, (_, at) => message({ body: JSON.stringify({ at, text: 'für 中文' }) }))
      for (const one of sent) await emitting.publish(one, 5000)
      await until(() => mail.got.length + again.got.length === 20 && counted.got.length === 20)
      const ids = [...mail.got, ...again.got].map(({ id }) => id)
      expect(new Set(ids).size).toBe(20)
      const [first] = sent
      const got = counted.got.find(({ id }) => id === first?.id)
      expect(shown(got)).toEqual({ ...first, delivery: 1 })
    })

    it('keeps what is emitted while no node of a service is up', async () => {
      const mailing = await open()
      const subscription = await listen(mailing, 'mail')
      await mailing.close()
      expect(subscription.got).toEqual([])
      const emitting = await open()
      const one = message()
      await emitting.publish(one, 5000)
      const mail = await listen(await open(), 'mail')
      await until(() => mail.got.length === 1)
      expect(mail.got[0]?.id).toBe(one.id)
    })

    it('leaves out what nobody asked for', async () => {
      const broker = await open()
      const mail = await listen(broker, 'mail')
      await broker.publish(message({ name: 'order.cancelled' }), 5000)
      await broker.publish(message(), 5000)
      await until(() => mail.got.length === 1)
      await sleep(100)
      expect(mail.got.map(({ name }) => name)).toEqual(['order.submitted'])
    })

    it('delivers again after the wait that the verdict says, counting, and to the dead letters in the end', async () => {
      const broker = await open()
      const at: number[] = []
      const mail = await listen(broker, 'mail', (delivered) => {
        if (delivered.payload() !== 'poison') return HANDLED
        at.push(performance.now())
        const afterMs = WAITS[delivered.delivery - 1]
        return afterMs === undefined
          ? { kind: 'dead', reason: 'no more' }
          : { kind: 'again', afterMs, reason: 'not yet' }
      })
      const poison = message({ body: '"poison"' })
      await broker.publish(poison, 5000)
      for (let i = 0; i < 10; i++) await broker.publish(message(), 5000)
      await until(() => mail.got.length === 13)
      expect(mail.got.filter(({ id }) => id === poison.id).map(({ delivery }) => delivery)).toEqual([1, 2, 3])
      expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(45)
      expect((at[2] ?? 0) - (at[1] ?? 0)).toBeGreaterThanOrEqual(95)
      await until(async () => (await broker.deadLetters('mail', 10)).length === 1)
      const [letter] = await broker.deadLetters('mail', 10)
      expect(letter).toMatchObject({ id: poison.id, body: '"poison"', from: 'order', deliveries: 3, reason: 'no more' })
      expect(Math.abs((letter?.diedAtMs ?? 0) - Date.now())).toBeLessThan(60_000)
      // Looking takes nothing away.
      expect(await broker.deadLetters('mail', 10)).toHaveLength(1)
      expect(await broker.deadLetters('nobody', 10)).toEqual([])
    })

    it('replays dead letters, all or some, as if they were new', async () => {
      const broker = await open()
      let well = false
      const mail = await listen(broker, 'mail', () => (well ? HANDLED : { kind: 'dead', reason: 'broken' }))
      const sent = [message(), message({ expiresAtMs: Date.now() + 60_000 }), message()]
      for (const one of sent) await broker.publish(one, 5000)
      await until(async () => (await broker.deadLetters('mail', 10)).length === 3)
      well = true
      expect(await broker.replay('mail', new Set([sent[1]?.id ?? '']))).toBe(1)
      await until(() => mail.got.length === 4)
      expect(shown(mail.got[3])).toEqual({ ...sent[1], expiresAtMs: undefined, delivery: 1 })
      expect(await broker.replay('mail', undefined)).toBe(2)
      await until(() => mail.got.length === 6)
      expect(await broker.deadLetters('mail', 10)).toEqual([])
    })

    it('gives no more at a time than asked for', async () => {
      const broker = await open()
      let now = 0
      let most = 0
      const mail = await listen(
        broker,
        'mail',
        async () => {
          most = Math.max(most, ++now)
          await sleep(5)
          now--
          return HANDLED
        },
        { concurrency: 3 },
      )
      await Promise.all(Array.from({ length: 30 }, () => broker.publish(message(), 5000)))
      await until(() => mail.got.length === 30)
      expect(most).toBe(3)
    })

    it('takes no more once it drains, and finishes what it has', async () => {
      const broker = await open()
      let finish = (): void => {}
      const finished = new Promise<void>((resolve) => {
        finish = resolve
      })
      const one = await listen(broker, 'mail', async () => {
        await finished
        return HANDLED
      })
      await broker.publish(message(), 5000)
      await until(() => one.got.length === 1)
      let drained = false
      const draining = one.subscription.drain().then(() => {
        drained = true
      })
      await sleep(50)
      expect(drained).toBe(false)
      const later = message()
      await broker.publish(later, 5000)
      const next = await listen(await open(), 'mail')
      await until(() => next.got.length === 1)
      expect(next.got[0]?.id).toBe(later.id)
      finish()
      await draining
      await sleep(100)
      await one.subscription.close()
      await sleep(100)
      expect([one.got.length, next.got.length]).toEqual([1, 1])
    })

    it('gives what a process had in hand to another when it goes, and counts it', async () => {
      const broker = await open()
      const first = await open()
      const stuck = await listen(first, 'mail', () => new Promise<Verdict>(() => {}))
      const one = message()
      await broker.publish(one, 5000)
      await until(() => stuck.got.length === 1)
      const next = await listen(broker, 'mail')
      await first.close()
      await until(() => next.got.length === 1)
      expect(next.got[0]).toMatchObject({ id: one.id, delivery: 2 })
    })

    it('says that it can be used', async () => {
      const broker = await open()
      await broker.publish(message(), 5000)
      expect(broker.away()).toBeUndefined()
    })
  })
}

interface Listening {
  readonly got: Delivery[]
  readonly subscription: Awaited<ReturnType<Broker['subscribe']>>
}

async function listen(
  broker: Broker,
  service: string,
  handle: (delivery: Delivery) => Verdict | Promise<Verdict> = () => HANDLED,
  options: Partial<SubscriptionOptions> = {},
): Promise<Listening> {
  const got: Delivery[] = []
  const subscription = await broker.subscribe(
    { service, names: ['order.submitted'], concurrency: 8, retryWaitsMs: WAITS, ...options },
    async (delivery) => {
      got.push(delivery)
      return handle(delivery)
    },
  )
  return { got, subscription }
}

function message(given: Partial<EventMessage> = {}): EventMessage {
  return {
    id: randomUUID(),
    name: 'order.submitted',
    from: 'order',
    headers: { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` },
    body: '{}',
    emittedAtMs: Date.now(),
    expiresAtMs: undefined,
    ...given,
  }
}

/** What a delivery says, as a message does. */
function shown(delivery: Delivery | undefined): unknown {
  if (delivery === undefined) return undefined
  const { id, name, from, emittedAtMs, expiresAtMs } = delivery
  const headers = { traceparent: delivery.header('traceparent') }
  return {
    id,
    name,
    from,
    headers,
    body: JSON.stringify(delivery.payload()),
    emittedAtMs,
    expiresAtMs,
    delivery: delivery.delivery,
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 10_000
  while (!(await holds())) {
    if (Date.now() > endMs) throw new Error('it did not come to that within 10 s')
    await sleep(10)
  }
}
