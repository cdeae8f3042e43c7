/** Where events are kept at RabbitMQ: an exchange, and the queues of each service. docs/protocol.md tells it to those who speak it themselves. */
import type { Channel } from 'rabbitmq-client'

/** The queues of one service. */
export interface EventQueues {
  /** A topic exchange for all events of the project. */
  readonly exchange: string
  /** What the nodes of the service share. */
  readonly main: string
  /** What was lost with its consumer again and again, handled one at a time. */
  readonly suspects: string
  readonly dead: string
  retry(waitMs: number): string
}

export function eventQueues(project: string, service: string): EventQueues {
  const main = `${project}.events.${service}`
  return {
    exchange: exchangeOf(project),
    main,
    suspects: `${main}.suspects`,
    dead: `${main}.dead`,
    retry: (waitMs) => `${main}.retry.${waitMs}`,
  }
}

export const exchangeOf = (project: string): string => `${project}.events`

export async function declareExchange(channel: Channel, exchange: string): Promise<void> {
  await channel.exchangeDeclare({ exchange, type: 'topic', durable: true })
}

/** All that a service needs; what is there already stays as it is. */
export async function declareQueues(
  channel: Channel,
  queues: EventQueues,
  names: readonly string[],
  waitsMs: readonly number[],
): Promise<void> {
  const quorum = { 'x-queue-type': 'quorum' } as const
  await declareExchange(channel, queues.exchange)
  await channel.queueDeclare({ queue: queues.main, durable: true, arguments: quorum })
  await channel.queueDeclare({ queue: queues.suspects, durable: true, arguments: quorum })
  // Classic: whoever looks at letters gives them back, and quorum queues of RabbitMQ 4 drop what was given back 20 times.
  await channel.queueDeclare({ queue: queues.dead, durable: true })
  await declareRetries(channel, queues.main, queues.retry, waitsMs)
  for (const routingKey of names) await channel.queueBind({ exchange: queues.exchange, queue: queues.main, routingKey })
}

/** Queues from which messages come back to `main`, each after its time. */
export async function declareRetries(
  channel: Channel,
  main: string,
  nameOf: (waitMs: number) => string,
  waitsMs: readonly number[],
): Promise<void> {
  for (const waitMs of new Set(waitsMs)) {
    await channel.queueDeclare({
      queue: nameOf(waitMs),
      durable: true,
      arguments: {
        'x-queue-type': 'quorum',
        'x-message-ttl': waitMs,
        'x-dead-letter-exchange': '',
        'x-dead-letter-routing-key': main,
        // Else a message whose time is over could be lost on its way back.
        'x-dead-letter-strategy': 'at-least-once',
        'x-overflow': 'reject-publish',
      },
    })
  }
}
