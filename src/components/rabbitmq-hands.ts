/** Publishing to exchanges of any kind and consuming queues, as the original's helpers did, with confirms, retries and dead letters. */
import type { AsyncMessage, Channel } from 'rabbitmq-client'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { HANDLED, RETRY_WAITS_MS, verdictOn } from '../events/verdict.ts'
import type { RabbitConnection } from './rabbitmq-connection.ts'
import { type Answer, createRabbitConsumer, type RabbitConsumer } from './rabbitmq-consumer.ts'
import { bodyOf, declareRetries, deliveryOf } from './rabbitmq-events.ts'
import { createMover } from './rabbitmq-mover.ts'
import { createRabbitPublisher } from './rabbitmq-publisher.ts'

type ExchangeType = 'direct' | 'topic' | 'fanout' | 'headers'

export interface PublishTo {
  /** Declared as durable; `''` is RabbitMQ's own, whose routing keys are names of queues. */
  readonly exchange: string
  /** @default 'direct' */
  readonly type?: ExchangeType
  /** @default '' */
  readonly routingKey?: string
  /** A durable queue that is declared and bound too, so that nothing is lost while nobody consumes. @default none */
  readonly queue?: string
}

export interface PublishOptions {
  readonly headers?: Readonly<Record<string, unknown>>
  readonly messageId?: string
  /** Kept on disk. @default true */
  readonly persistent?: boolean
  /** How long to wait for the confirm, 1 to 3600000. @default 10000 */
  readonly timeoutMs?: number
}

export interface ConsumeFrom {
  /** Declared as durable. */
  readonly queue: string
  /** `classic` is what the original declares; a queue keeps the kind that it was made with. @default 'classic' */
  readonly queueType?: 'classic' | 'quorum'
  /** Declared, and the queue bound to it. @default none */
  readonly exchange?: string
  /** @default 'direct' */
  readonly type?: ExchangeType
  /** One or several. @default '' */
  readonly routingKey?: string | readonly string[]
  /** Handlers at work at a time, 1 to 10000. @default 16 */
  readonly concurrency?: number
  /**
   * Waits before a message whose handler threw comes again; after the last it is put into `<queue>.dead`.
   * @default [200, 1000, 5000, 25000]
   */
  readonly retryWaitsMs?: readonly number[]
}

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

export interface RabbitHands {
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

export interface RabbitHandsDeps {
  readonly connection: RabbitConnection
  readonly clock: Clock
  readonly log: Log
}

const TIMEOUT_MS = 10_000
const FIRST_MS = 10_000
const CONCURRENCY = 16
/** Targets that are declared anew with each channel. */
const MOST_TARGETS = 10_000

export function createRabbitHands(deps: RabbitHandsDeps): RabbitHands & { close(withinMs: number): Promise<void> } {
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
  async function known(to: PublishTo): Promise<void> {
    const key = JSON.stringify([to.exchange, to.type, to.queue, to.queue && to.routingKey])
    if (targets.has(key) || to.exchange === '') return
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
      const { exchange, routingKey = '' } = to
      const { bytes, contentType } = written(body)
      const startedMs = clock.now()
      await within(clock, timeoutMs, known(to), () => connection.away())
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
      checkConcurrency(concurrency)
      const retry = (waitMs: number): string => `${queue}.retry.${waitMs}`
      const mover = createMover(publisher, { dead: `${queue}.dead`, retry }, log)
      const consumer = createRabbitConsumer(
        {
          ...{ queue, concurrency, prefetch: concurrency * 2 },
          setup: (channel) => declareQueue(channel, from, retryWaitsMs, retry),
          async handle(message): Promise<Answer> {
            const verdict = await verdictOf(message, handle, retryWaitsMs)
            if (verdict.kind !== 'handled') log.warn(`rabbitmq: ${queue}: a message was not handled: ${verdict.reason}`)
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
      await within(clock, withinMs / 2, drained, () => undefined).catch(() => {})
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

async function declareTarget(
  channel: Channel,
  { exchange, type = 'direct', routingKey = '', queue }: PublishTo,
): Promise<void> {
  await channel.exchangeDeclare({ exchange, type, durable: true })
  if (queue === undefined) return
  await channel.queueDeclare({ queue, durable: true })
  await channel.queueBind({ exchange, queue, routingKey })
}

async function declareQueue(
  channel: Channel,
  { queue, queueType = 'classic', exchange, type = 'direct', routingKey = '' }: ConsumeFrom,
  waitsMs: readonly number[],
  retry: (waitMs: number) => string,
): Promise<void> {
  // The original's queues say nothing of their kind: a declaration that does would not be the same.
  const kind = queueType === 'quorum' ? { arguments: { 'x-queue-type': 'quorum' as const } } : {}
  await channel.queueDeclare({ queue, durable: true, ...kind })
  await channel.queueDeclare({ queue: `${queue}.dead`, durable: true })
  await declareRetries(channel, queue, retry, waitsMs)
  if (exchange === undefined || exchange === '') return
  await channel.exchangeDeclare({ exchange, type, durable: true })
  for (const key of typeof routingKey === 'string' ? [routingKey] : routingKey) {
    await channel.queueBind({ exchange, queue, routingKey: key })
  }
}

function written(body: unknown): { bytes: Buffer; contentType: string } {
  if (Buffer.isBuffer(body)) return { bytes: body, contentType: 'application/octet-stream' }
  if (body instanceof Uint8Array) return { bytes: Buffer.from(body), contentType: 'application/octet-stream' }
  if (typeof body === 'string') return { bytes: Buffer.from(body), contentType: 'text/plain' }
  const json = JSON.stringify(body)
  if (json === undefined) throw new GomsError('INVALID_ARGUMENT', `publish: the body is no JSON (${typeof body})`)
  return { bytes: Buffer.from(json), contentType: 'application/json' }
}

function checkTarget({ exchange, type, queue }: PublishTo): void {
  if (typeof exchange !== 'string') checkText('publish', 'exchange', exchange)
  if (queue !== undefined) checkText('publish', 'queue', queue)
  if (type === undefined || ['direct', 'topic', 'fanout', 'headers'].includes(type)) return
  throw new GomsError(
    'INVALID_ARGUMENT',
    `publish: expected \`type\` to be direct, topic, fanout or headers, got \`${type}\``,
  )
}

function checkConcurrency(concurrency: number): void {
  if (Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 10_000) return
  const found = `\`${String(concurrency)}\` (${typeof concurrency})`
  throw new GomsError(
    'INVALID_ARGUMENT',
    `consume: expected \`concurrency\` to be an integer from 1 to 10000, got ${found}`,
  )
}

/** AMQP has 255 bytes for a name. */
function checkText(what: string, option: string, text: unknown): void {
  if (typeof text === 'string' && text !== '' && Buffer.byteLength(text) <= 255) return
  const found = `\`${String(text).slice(0, 80)}\` (${typeof text})`
  throw new GomsError(
    'INVALID_ARGUMENT',
    `${what}: expected \`${option}\` to be a name of 1 to 255 bytes, got ${found}`,
  )
}

async function within(clock: Clock, ms: number, work: Promise<unknown>, why: () => string | undefined): Promise<void> {
  let cancel = (): void => {}
  const late = new Promise<never>((_, reject) => {
    const timer = clock.after(ms, () => reject(new GomsError('UNAVAILABLE', `rabbitmq: ${why() ?? 'it is slow'}`)))
    cancel = () => timer.cancel()
  })
  try {
    await Promise.race([work, late])
  } finally {
    cancel()
  }
}
