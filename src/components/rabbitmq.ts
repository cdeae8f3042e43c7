/**
 * goms/rabbitmq: RabbitMQ by hand, for exchanges and queues that others have. Events of contracts need none of it; both share
 * one supervised connection.
 */
import type { Connection } from 'rabbitmq-client'
import { type Component, component } from '../core/component.ts'
import { GomsError } from '../core/errors.ts'
import { openRabbitConnection, type RabbitConnection } from './rabbitmq-connection.ts'
import { createRabbitHands, type RabbitHands } from './rabbitmq-hands.ts'

export type { HandledMessage, RabbitHands } from './rabbitmq-hands.ts'
export type { ConsumeFrom, PublishOptions, PublishTo } from './rabbitmq-orders.ts'

export interface RabbitMqOptions {
  /** `amqp://user:password@host:5672/vhost`, several nodes with `|`. @default the setting `amqpAddr` */
  readonly url?: string
  /** In health and log lines. @default 'rabbitmq' */
  readonly name?: string
}

/** What handlers find: publishing and consuming, and the client for everything else. */
export interface RabbitMq extends RabbitHands {
  /** That of the package rabbitmq-client, supervised: what is acquired from it ends with its connection. */
  readonly connection: Connection
}

interface Opened {
  readonly shared: RabbitConnection
  readonly hands: ReturnType<typeof createRabbitHands>
}

/** So long what is in hand may take at the end. */
const FINISH_MS = 4000

/**
 * A component for RabbitMQ: `uses: { mq: rabbitmq() }`. Needs the package rabbitmq-client. A broker that is away does not keep
 * the service from starting: what is published waits for it, and the admin listener says so.
 * Its start fails with a GomsError: GOMS_CONFIG_INVALID (no address, or none that is one), GOMS_PEER_MISSING.
 */
export function rabbitmq(options: RabbitMqOptions = {}): Component<RabbitMq> {
  const opened = new WeakMap<RabbitMq, Opened>()
  return component<RabbitMq>({
    name: options.name ?? 'rabbitmq',
    async start({ settings, log, clock }) {
      const address = options.url ?? settings.amqpAddr
      if (address === undefined) throw noAddress()
      const shared = await openRabbitConnection(address, { clock, log })
      const hands = createRabbitHands({ connection: shared, clock, log })
      const value: RabbitMq = { publish: hands.publish, consume: hands.consume, connection: shared.client }
      opened.set(value, { shared, hands })
      return value
    },
    ready: (value) => opened.get(value)?.shared.away(),
    async close(value) {
      const { shared, hands } = opened.get(value) as Opened
      await hands.close(FINISH_MS)
      await shared.close()
    },
  })
}

function noAddress(): GomsError {
  return new GomsError('GOMS_CONFIG_INVALID', 'rabbitmq: there is no address', {
    detail: {
      found: 'no `amqpAddr`, and no `url` in code',
      expected: 'amqp://user:password@host:5672/vhost',
      fix: ['amqpAddr: amqp://guest:guest@127.0.0.1:5672', 'or rabbitmq({ url: … })'],
    },
  })
}
