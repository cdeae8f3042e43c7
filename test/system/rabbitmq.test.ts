/** Events over a real RabbitMQ. */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Served, serve } from '../../src/app/serve.ts'
import { type HandledMessage, type RabbitMq as RabbitMqValue, rabbitmq } from '../../src/components/rabbitmq.ts'
import { createRabbitBroker } from '../../src/components/rabbitmq-broker.ts'
import { openRabbitConnection, type RabbitConnection } from '../../src/components/rabbitmq-connection.ts'
import { systemClock } from '../../src/core/clock.ts'
import type { GomsError } from '../../src/core/errors.ts'
import { silentLog } from '../../src/core/log.ts'
import { describeBroker } from '../../src/events/broker.suite.ts'
import type { Broker, EventMessage } from '../../src/events/broker.ts'
import { HANDLED } from '../../src/events/verdict.ts'
import { service } from '../../src/service/service.ts'
import { RABBITMQ_START_MS, type RabbitMq, rabbitmqMissing, startRabbitMq } from '../support/rabbitmq.ts'

let rabbit: RabbitMq

describe.skipIf(rabbitmqMissing !== undefined)(rabbitmqMissing ?? 'RabbitMQ', () => {
  beforeAll(async () => {
    rabbit = await startRabbitMq()
  }, RABBITMQ_START_MS)
  afterAll(() => rabbit.close())

  describe('whose exchanges and queues go', () => {
    const project = `p${randomBytes(4).toString('hex')}`
    const deps = { clock: systemClock, log: silentLog }
    let broker: Broker
    let admin: RabbitConnection
    beforeEach(async () => {
      broker = createRabbitBroker({ connection: await openRabbitConnection(rabbit.url, deps), project, ...deps })
      admin = await openRabbitConnection(`${rabbit.url}?admin`, deps)
    })
    afterEach(async () => {
      await broker.close()
      await admin.close()
    })

    const message = (id: string): EventMessage => ({
      ...{ id, name: 'order.submitted', from: 'order', headers: {}, body: '{}' },
      ...{ emittedAtMs: Date.now(), expiresAtMs: undefined },
    })

    async function subscribe(): Promise<Set<string>> {
      const got = new Set<string>()
      const options = { service: 'mail', names: ['order.submitted'], concurrency: 8, retryWaitsMs: [50] }
      await broker.subscribe(options, ({ id }) => {
        got.add(id)
        return HANDLED
      })
      return got
    }

    it('while it is away as much waits as there is room for, and what was not confirmed is told', async () => {
      await rabbit.stop()
      const sent = await Promise.allSettled(
        Array.from({ length: 10_001 }, (_, at) => broker.publish(message(`${at}`), 500)),
      )
      const codes = sent.map((one) => (one.status === 'rejected' ? (one.reason as GomsError).code : 'OK'))
      expect(codes.filter((code) => code === 'UNAVAILABLE')).toHaveLength(10_000)
      expect(codes.at(-1)).toBe('RESOURCE_EXHAUSTED')
      expect(broker.away()).toMatch(/^amqp:\/\/127\.0\.0\.1:\d+: /)
      await rabbit.start()
      await vi.waitFor(() => broker.publish(message('back'), 5000), 40_000)
      expect(broker.away()).toBeUndefined()
    }, 90_000)

    it('nothing confirmed is lost with a deleted exchange: it waits for its queues', async () => {
      const got = await subscribe()
      await broker.publish(message('before'), 5000)
      await admin.client.exchangeDelete({ exchange: `${project}.events` })
      await Promise.all(['a', 'b', 'c'].map((id) => broker.publish(message(id), 15_000)))
      await vi.waitFor(() => expect([...got].sort()).toEqual(['a', 'b', 'before', 'c']), 5000)
    }, 30_000)

    it('a deleted queue is made anew and consumed', async () => {
      const got = await subscribe()
      await admin.client.queueDelete({ queue: `${project}.events.mail` })
      await vi.waitFor(
        async () => {
          await broker.publish(message(`a${Date.now()}`), 5000)
          expect(got.size).toBeGreaterThan(0)
        },
        { timeout: 10_000, interval: 100 },
      )
    }, 30_000)

    it('what nobody listens to is emitted at once', async () => {
      await broker.publish({ ...message('alone'), name: 'order.unheard' }, 2000)
    })
  })

  describeBroker('as a broker', async () => {
    const project = `p${randomBytes(4).toString('hex')}`
    const brokers: Broker[] = []
    return {
      async open() {
        const deps = { clock: systemClock, log: silentLog }
        // The address in another spelling each time: processes do not share a connection.
        const connection = await openRabbitConnection(`${rabbit.url}?p=${brokers.length}`, deps)
        const broker = createRabbitBroker({ connection, project, ...deps })
        brokers.push(broker)
        return broker
      },
      async close() {
        await Promise.all(brokers.map((broker) => broker.close()))
      },
    }
  })

  describe('by hand', () => {
    const mq = rabbitmq()
    let served: Served | undefined
    afterEach(async () => {
      await served?.close('now')
      served = undefined
    })

    async function open(): Promise<RabbitMqValue> {
      const flags = { registry: 'memory', httpPort: '0', rpcPort: '0', drain: '0', amqpAddr: rabbit.url }
      const definition = service('mail', { uses: { mq }, rpc: { ping: () => 'pong' } })
      served = await serve(definition, { flags, env: {}, cwd: import.meta.dirname, log: silentLog })
      return mq.value
    }

    it('publishes to exchanges of every kind, and consumes their queues', async () => {
      const { publish, consume } = await open()
      const got: unknown[] = []
      const keep = ({ body, routingKey }: HandledMessage) => void got.push([routingKey, body])
      await consume({ queue: 'all', exchange: 'news', type: 'fanout' }, keep)
      await consume({ queue: 'sport', exchange: 'topics', type: 'topic', routingKey: ['sport.#', 'chess.*'] }, keep)
      await publish({ exchange: 'news', type: 'fanout' }, 'text 中文')
      await publish({ exchange: 'topics', type: 'topic', routingKey: 'sport.ski.jump' }, { far: 100 })
      await publish({ exchange: 'topics', type: 'topic', routingKey: 'politics' }, 'nobody wants it')
      await publish({ exchange: 'topics', type: 'topic', routingKey: 'chess.go' }, Buffer.from([1, 2]))
      await vi.waitFor(() => expect(got).toHaveLength(3), 5000)
      expect(got).toEqual(
        expect.arrayContaining([
          ['', 'text 中文'],
          ['sport.ski.jump', { far: 100 }],
          ['chess.go', Buffer.from([1, 2])],
        ]),
      )
    })

    it('keeps what is published as the original does, a durable direct exchange and its queue, until somebody consumes', async () => {
      const { publish, consume } = await open()
      await publish({ exchange: 'mails', routingKey: 'welcome', queue: 'welcome-mails' }, 'hello', { messageId: 'm1' })
      const got: HandledMessage[] = []
      await consume({ queue: 'welcome-mails', exchange: 'mails', routingKey: 'welcome' }, (message) => {
        got.push(message)
        if (message.delivery === 1) throw new Error('not yet')
      })
      await vi.waitFor(() => expect(got).toHaveLength(2), 5000)
      expect(got[1]).toMatchObject({ body: 'hello', messageId: 'm1', delivery: 2 })
    })

    it('puts what no handler took into the dead letters of the queue', async () => {
      const { publish, consume, connection } = await open()
      await consume({ queue: 'jobs', exchange: 'work', retryWaitsMs: [10] }, () => {
        throw new Error('never')
      })
      await publish({ exchange: 'work' }, { id: 1 })
      await vi.waitFor(async () => {
        const letter = await connection.basicGet({ queue: 'jobs.dead', noAck: true })
        expect(letter?.body).toEqual({ id: 1 })
        expect(letter?.headers).toMatchObject({ 'goms-reason': 'Error: never', 'goms-delivery': 2 })
      }, 5000)
    })

    it('says what is wrong with what is asked of it', async () => {
      const { publish, consume } = await open()
      await expect(publish({ exchange: 'x', type: 'round' as never }, 1)).rejects.toThrow(
        /expected `type`.*got `round`/,
      )
      await expect(publish({ exchange: 'x' }, undefined)).rejects.toThrow(/the body is no JSON \(undefined\)/)
      await expect(consume({ queue: '' }, () => {})).rejects.toThrow(/expected `queue` to be a name of 1 to 255 bytes/)
      await expect(publish({ exchange: 'x' }, 1, { timeoutMs: 0 })).rejects.toThrow(
        /^publish: expected `timeoutMs` to be an integer from 1 to 3600000, got `0`/,
      )
      await expect(consume({ queue: 'x', retryWaitsMs: [0.5] }, () => {})).rejects.toThrow(
        /^consume: expected `retryWaitsMs` to be at most 20 integers from 1 to 86400000, got `\[0\.5\]`/,
      )
      await expect(consume({ queue: 'x', concurrency: 0 }, () => {})).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
      })
    })

    it('has no start without an address, or with one that is none', async () => {
      const start = (url: string | undefined) =>
        serve(service('mail', { uses: { mq: rabbitmq(url === undefined ? {} : { url }) }, rpc: { ping: () => 1 } }), {
          ...{ flags: { registry: 'memory', httpPort: '0', rpcPort: '0' }, env: {}, cwd: import.meta.dirname },
          log: silentLog,
        })
      await expect(start(undefined)).rejects.toMatchObject({ code: 'GOMS_CONFIG_INVALID' })
      await expect(start('http://me:hunter2@host')).rejects.toThrow(
        /expected `amqpAddr` to be an address .* got `"http:\/\/host"`/,
      )
    })
  })
})
