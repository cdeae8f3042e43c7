/** Publishing to exchanges of any kind and consuming queues, as the original's helpers did, with confirms, retries and dead letters. */
import type { AsyncMessage } from 'rabbitmq-client'
import { atMost, within } from '../core/bounded.ts'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { checkWaits, integerOption } from '../core/option-check.ts'
import { HANDLED, RETRY_WAITS_MS, verdictOn } from '../events/verdict.ts'
import type { RabbitConnection } from './rabbitmq-connection.ts'
import { type Answer, createRabbitConsumer, type RabbitConsumer } from './rabbitmq-consumer.ts'
import { bodyOf, deliveryOf } from './rabbitmq-message.ts'
import { createMover } from './rabbitmq-mover.ts'
import { createRabbitPublisher } from './rabbitmq-publisher.ts'
import {
  type ConsumeFrom,
  checkTarget,
  checkText,
  declareQueue,
  declareTarget,
  type PublishOptions,
  type PublishTo,
  written,
} from './rabbitmq-targets.ts'

/** A message as its handler gets it. */
export interface HandledMessage {
  /** What was JSON is read, what was text is a string; else the bytes. */
  readonly body: unknown
  readonly bytes: Buffer
  readonly exchange: string
  readonly routingKey: string
  readonly messageId: string | undefined
  readonly headers: Readonly<Record<string, unknown>>
  /** 1 for the first. */
  readonly delivery: number
}

export interface RabbitMessaging {
  /**
   * Resolves once RabbitMQ has it for good.
   * @param body a text, bytes, or anything else as JSON
   * @throws GomsError UNAVAILABLE (not confirmed in time; it may have arrived), RESOURCE_EXHAUSTED (10 000 wait), INVALID_ARGUMENT
   */
  publish(to: PublishTo, body: unknown, options?: PublishOptions): Promise<void>
  /**
   * Consumes a queue until it is closed: each message is acknowledged after its handler, and comes again when that threw.
   * Resolves when messages come, or after 10 s with a RabbitMQ that is away: they come when it is back.
   */
  consume(
    from: ConsumeFrom,
    handle: (message: HandledMessage) => void | Promise<void>,
  ): Promise<{ close(): Promise<void> }>
}

export interface RabbitMessagingDeps {
  readonly connection: RabbitConnection
  readonly clock: Clock
  readonly log: Log
}

const TIMEOUT_MS = 10_000
const MAX_TIMEOUT_MS = 3_600_000
const FIRST_MS = 10_000
const CONCURRENCY = 16
/** Targets that are declared anew with each channel. */
const MOST_TARGETS = 10_000

export function createRabbitMessaging(
  deps: RabbitMessagingDeps,
): RabbitMessaging & { close(withinMs: number): Promise<void> } {
  const { connection, clock, log } = deps
  const targets = new Map<string, PublishTo>()
  const consumers = new Set<RabbitConsumer>()
  const publisher = createRabbitPublisher({
    ...deps,
    async setup(channel) {
      for (const target of targets.values()) await declareTarget(channel, target)
    },
  })

  /** Once for each; with a new channel all of them are declared again. */
  async function declare(key: string, to: PublishTo): Promise<void> {
    const channel = await connection.acquire()
    channel.on('error', () => {})
    try {
      await declareTarget(channel, to)
    } finally {
      await channel.close()
    }
    if (targets.size < MOST_TARGETS) targets.set(key, to)
  }

  return {
    async publish(to, body, { headers, messageId, persistent = true, timeoutMs = TIMEOUT_MS } = {}) {
      checkTarget(to)
      integerOption('publish', 'timeoutMs', timeoutMs, [1, MAX_TIMEOUT_MS], 'INVALID_ARGUMENT')
      const { exchange, routingKey = '' } = to
      const { bytes, contentType } = written(body)
      const startedMs = clock.now()
      const key = JSON.stringify([exchange, to.type, to.queue, to.queue && routingKey])
      if (exchange !== '' && !targets.has(key)) {
        await within(clock, timeoutMs, declare(key, to), () => {
          throw new GomsError('UNAVAILABLE', `rabbitmq: ${connection.away() ?? 'it is slow'}`)
        })
      }
      await publisher.send(
        {
          ...{ exchange, routingKey, contentType, durable: persistent },
          ...(messageId !== undefined && { messageId }),
          ...(headers !== undefined && { headers: { ...headers } }),
        },
        bytes,
        Math.max(1, timeoutMs - (clock.now() - startedMs)),
      )
    },
    async consume(from, handle) {
      const { queue, concurrency = CONCURRENCY, retryWaitsMs = RETRY_WAITS_MS } = from
      checkText('consume', 'queue', queue)
      integerOption('consume', 'concurrency', concurrency, [1, 10_000], 'INVALID_ARGUMENT')
      checkWaits('consume', 'retryWaitsMs', retryWaitsMs, 'INVALID_ARGUMENT')
      const retry = (waitMs: number): string => `${queue}.retry.${waitMs}`
      const mover = createMover(publisher, { dead: `${queue}.dead`, retry }, log)
      const consumer = createRabbitConsumer(
        {
          ...{ queue, concurrency, prefetch: concurrency * 2 },
          setup: (channel) => declareQueue(channel, from, retryWaitsMs, retry),
          async handle(message): Promise<Answer> {
            const verdict = await verdictOf(message, handle, retryWaitsMs)
            if (verdict.kind !== 'handled') log.warn(`${queue}: a message was not handled: ${verdict.reason}`)
            return mover.carryOut(message, verdict)
          },
        },
        { connection, clock, log },
      )
      consumers.add(consumer)
      await consumer.started(FIRST_MS)
      return {
        async close() {
          consumers.delete(consumer)
          await consumer.drain()
          await consumer.close()
        },
      }
    },
    async close(withinMs) {
      const drained = Promise.all([...consumers].map((consumer) => consumer.drain()))
      await atMost(clock, withinMs / 2, drained)
      await Promise.all([...consumers].map((consumer) => consumer.close()))
      await publisher.close(withinMs / 2)
    },
  }
}

async function verdictOf(
  message: AsyncMessage,
  handle: (message: HandledMessage) => void | Promise<void>,
  waitsMs: readonly number[],
): Promise<ReturnType<typeof verdictOn>> {
  const delivery = deliveryOf(message)
  try {
    const { body, exchange, routingKey, messageId, headers = {} } = message
    await handle({ body, bytes: bodyOf(message), exchange, routingKey, messageId, headers, delivery })
    return HANDLED
  } catch (thrown) {
    return verdictOn(thrown, delivery, waitsMs)
  }
}
