/** Events over RabbitMQ: confirmed, kept in quorum queues, delivered until they are handled. */
import type { AsyncMessage, Channel } from 'rabbitmq-client'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Broker, HandleDelivery, SubscriptionOptions } from '../events/broker.ts'
import type { RabbitConnection } from './rabbitmq-connection.ts'
import { type Answer, createRabbitConsumer, type RabbitConsumer } from './rabbitmq-consumer.ts'
import { declareExchange, declareQueues, type EventQueues, eventQueues, exchangeOf } from './rabbitmq-events.ts'
import { readLetters, replayLetters } from './rabbitmq-letters.ts'
import { deliveryOf, HEADER, RabbitDelivery, redeliveriesOf, toEnvelope } from './rabbitmq-message.ts'
import { createMover, type Mover } from './rabbitmq-mover.ts'
import { createRabbitPublisher } from './rabbitmq-publisher.ts'

export interface RabbitBrokerDeps {
  readonly connection: RabbitConnection
  readonly project: string
  readonly clock: Clock
  readonly log: Log
}

/** Messages that are here for each that is handled: the broker's answer is not waited for in between. */
const PREFETCH = 4
/** Lost with their consumers so often, messages are handled one at a time, so that the others are not lost with the one at fault. */
const SUSPECT_AT = 2
/** How long a subscription waits for a broker that is away before the service goes on without it. */
const FIRST_MS = 10_000
const FLUSH_MS = 2000

export function createRabbitBroker({ connection, project, clock, log }: RabbitBrokerDeps): Broker {
  const exchange = exchangeOf(project)
  const setup = (channel: Channel): Promise<void> => declareExchange(channel, exchange)
  const publisher = createRabbitPublisher({ connection, clock, log, setup })
  const consumers = new Set<RabbitConsumer>()

  return {
    publish(message, withinMs) {
      return publisher.send(toEnvelope(message, exchange), Buffer.from(message.body), withinMs)
    },
    async subscribe(options, handle) {
      const queues = eventQueues(project, options.service)
      const mover = createMover(publisher, queues, log)
      const own = consumersOf(options, queues, mover, handle).map((consumer) =>
        createRabbitConsumer(consumer, { connection, clock, log }),
      )
      for (const consumer of own) consumers.add(consumer)
      await Promise.all(own.map((consumer) => consumer.started(FIRST_MS)))
      return {
        async drain() {
          await Promise.all(own.map((consumer) => consumer.drain()))
        },
        async close() {
          for (const consumer of own) consumers.delete(consumer)
          await Promise.all(own.map((consumer) => consumer.close()))
        },
      }
    },
    deadLetters: (service, most) => readLetters(connection, eventQueues(project, service), most),
    replay: (service, ids) => replayLetters(connection, publisher, eventQueues(project, service), ids),
    away: () => connection.away(),
    async close() {
      await Promise.all([...consumers].map((consumer) => consumer.close()))
      await publisher.close(FLUSH_MS)
      await connection.close()
    },
  }
}

/** That of what is new, and that of what was lost with its consumers. */
function consumersOf(
  { names, concurrency, retryWaitsMs }: SubscriptionOptions,
  queues: EventQueues,
  mover: Mover,
  handle: HandleDelivery,
): Parameters<typeof createRabbitConsumer>[0][] {
  const setup = (channel: Channel): Promise<void> => declareQueues(channel, queues, names, retryWaitsMs)
  function deliver(message: AsyncMessage): Answer | Promise<Answer> {
    const verdict = handle(new RabbitDelivery(message))
    if (verdict instanceof Promise) return verdict.then((settled) => mover.carryOut(message, settled))
    return mover.carryOut(message, verdict)
  }
  /** On their way from one queue to the other. */
  const moving = new Set<Promise<Answer>>()
  const suspect = (message: AsyncMessage): Promise<Answer> => {
    const moved = mover.move(message, queues.suspects, { [HEADER.delivery]: deliveryOf(message) })
    moving.add(moved)
    // Once it is acknowledged, a turn later.
    void moved.then(() => setImmediate(() => moving.delete(moved)))
    return moved
  }
  /** A suspect that ends this process would leave what is being moved in both queues. */
  async function deliverSuspect(message: AsyncMessage): Promise<Answer> {
    while (moving.size > 0) {
      await Promise.all(moving)
      await new Promise(setImmediate)
    }
    return deliver(message)
  }
  return [
    {
      queue: queues.main,
      concurrency,
      prefetch: concurrency * PREFETCH,
      setup,
      handle: (message) => (redeliveriesOf(message) >= SUSPECT_AT ? suspect(message) : deliver(message)),
    },
    // One at a time, so that the queue's count is that of handlers which were begun.
    { queue: queues.suspects, concurrency: 1, prefetch: 1, setup, handle: deliverSuspect },
  ]
}
