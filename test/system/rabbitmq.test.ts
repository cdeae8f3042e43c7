/** Events over a real RabbitMQ. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe } from 'vitest'
import { createRabbitBroker } from '../../src/components/rabbitmq-broker.ts'
import { openRabbitConnection } from '../../src/components/rabbitmq-connection.ts'
import { systemClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import { describeBroker } from '../../src/events/broker.suite.ts'
import type { Broker } from '../../src/events/broker.ts'
import { RABBITMQ_START_MS, type RabbitMq, rabbitmqMissing, startRabbitMq } from '../support/rabbitmq.ts'

let rabbit: RabbitMq

describe.skipIf(rabbitmqMissing !== undefined)(rabbitmqMissing ?? 'RabbitMQ', () => {
  beforeAll(async () => {
    rabbit = await startRabbitMq()
  }, RABBITMQ_START_MS)
  afterAll(() => rabbit.close())

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
})
