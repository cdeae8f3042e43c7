/** Dead letters at RabbitMQ: looked at without being taken, and put back into the queue of their service. */
import type { Channel, SyncMessage } from 'rabbitmq-client'
import type { DeadLetter } from '../events/broker.ts'
import type { RabbitConnection } from './rabbitmq-connection.ts'
import type { EventQueues } from './rabbitmq-events.ts'
import { bodyOf, HEADER, movedTo, toDeadLetter } from './rabbitmq-message.ts'
import type { RabbitPublisher } from './rabbitmq-publisher.ts'

const MOVE_MS = 10_000

export function readLetters(
  connection: RabbitConnection,
  queues: EventQueues,
  most: number,
): Promise<readonly DeadLetter[]> {
  return withLetters(connection, queues, most, async (_channel, message, into: DeadLetter[]) => {
    into.push(toDeadLetter(message))
  })
}

export async function replayLetters(
  connection: RabbitConnection,
  publisher: RabbitPublisher,
  queues: EventQueues,
  ids: ReadonlySet<string> | undefined,
): Promise<number> {
  const replayed = await withLetters(
    connection,
    queues,
    Number.POSITIVE_INFINITY,
    async (channel, message, into: 1[]) => {
      if (ids !== undefined && !ids.has(message.messageId ?? '')) return
      // Into its queue first: one that is there twice is better than one that is gone.
      const { headers, ...envelope } = movedTo(message, queues.main, {})
      // Whoever replays it wants it handled, however late it is.
      const { [HEADER.expires]: _, ...kept } = headers ?? {}
      await publisher.send({ ...envelope, headers: kept }, bodyOf(message), MOVE_MS, true)
      channel.basicAck({ deliveryTag: message.deliveryTag })
      into.push(1)
    },
  )
  return replayed.length
}

/** Takes one after the other, as many as there were; what is not acknowledged goes back, in its order, with the channel. */
async function withLetters<T>(
  connection: RabbitConnection,
  { dead }: EventQueues,
  most: number,
  each: (channel: Channel, message: SyncMessage, into: T[]) => Promise<void>,
): Promise<T[]> {
  const channel = await connection.acquire()
  channel.on('error', () => {})
  const into: T[] = []
  try {
    for (let left = Math.min(most, await countOf(channel, dead)); left > 0; left--) {
      const message = await channel.basicGet({ queue: dead })
      if (message === undefined) break
      await each(channel, message, into)
    }
  } finally {
    await channel.close()
  }
  return into
}

/** Looking makes no queue. */
async function countOf(channel: Channel, queue: string): Promise<number> {
  try {
    return (await channel.queueDeclare({ queue, passive: true })).messageCount
  } catch (error) {
    if ((error as { code?: unknown }).code === 'NOT_FOUND') return 0
    throw error
  }
}
