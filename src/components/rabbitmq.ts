/**
 * goms/rabbitmq: RabbitMQ by hand, for exchanges and queues that others have. Events of contracts need none of it; both share
 * one supervised connection.
 */
import type { Connection } from 'rabbitmq-client'
import { type Component, component } from '../core/component.ts'
import { noAddress } from './no-address.ts'
import { openRabbitConnection, type RabbitConnection } from './rabbitmq-connection.ts'
import { createRabbitMessaging, type RabbitMessaging } from './rabbitmq-messaging.ts'

export type { HandledMessage, RabbitMessaging } from './rabbitmq-messaging.ts'
export type { ConsumeFrom, PublishOptions, PublishTo } from './rabbitmq-targets.ts'

export interface RabbitMqOptions {
  /** `amqp://user:password@host:5672/vhost`, several nodes with `|`. @default the setting `amqpAddr` */
  readonly url?: string
  /** In health and log lines. @default 'rabbitmq' */
  readonly name?: string
}

/** What handlers find: publishing and consuming, and the client for everything else. */
export interface RabbitMq extends RabbitMessaging {
  /** That of the package rabbitmq-client, supervised: what is acquired from it ends with its connection. */
  readonly connection: Connection
}

interface Opened {
  readonly shared: RabbitConnection
  readonly messaging: ReturnType<typeof createRabbitMessaging>
}

const SAID = {
  setting: ['amqpAddr', 'amqp://guest:guest@127.0.0.1:5672', 'GOMS_AMQP_ADDR'],
  instead: 'rabbitmq({ url: … })',
} as const
/** So long what is in hand may take at the end. */
const FINISH_MS = 4000

/**
 * A component for RabbitMQ: `uses: { mq: rabbitmq() }`. Needs the package rabbitmq-client. A broker that is away does not keep
 * the service from starting: what is published waits for it, and the admin listener says so.
 * Its start fails with a GomsError: GOMS_CONFIG_INVALID (no address, or none that is one), GOMS_PEER_MISSING.
 */
export function rabbitmq(options: RabbitMqOptions = {}): Component<RabbitMq> {
  const opened = new WeakMap<RabbitMq, Opened>()
  const { name = 'rabbitmq' } = options
  return component<RabbitMq>({
    name,
    async start({ settings, log, clock }) {
      const address = options.url ?? settings.amqpAddr
      if (address === undefined) throw noAddress({ ...SAID, name })
      const shared = await openRabbitConnection(address, { clock, log })
      const messaging = createRabbitMessaging({ connection: shared, clock, log })
      const value: RabbitMq = { publish: messaging.publish, consume: messaging.consume, connection: shared.client }
      opened.set(value, { shared, messaging })
      return value
    },
    ready: (value) => opened.get(value)?.shared.away(),
    async close(value) {
      const { shared, messaging } = opened.get(value) as Opened
      await messaging.close(FINISH_MS)
      await shared.close()
    },
  })
}
