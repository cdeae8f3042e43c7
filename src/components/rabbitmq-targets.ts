/** What is asked of RabbitMQ by hand: where to publish, from where to consume, checked and declared. */
import type { Channel } from 'rabbitmq-client'
import { GomsError } from '../core/errors.ts'
import { wrongOption } from '../core/option-check.ts'
import { declareRetries } from './rabbitmq-events.ts'

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
   * Waits before a message whose handler threw comes again; after the last, or at once when
   * that was INVALID_ARGUMENT or OUT_OF_RANGE, it is put into `<queue>.dead`.
   * @default [200, 1000, 5000, 25000]
   */
  readonly retryWaitsMs?: readonly number[]
}

export async function declareTarget(
  channel: Channel,
  { exchange, type = 'direct', routingKey = '', queue }: PublishTo,
): Promise<void> {
  await channel.exchangeDeclare({ exchange, type, durable: true })
  if (queue === undefined) return
  await channel.queueDeclare({ queue, durable: true })
  await channel.queueBind({ exchange, queue, routingKey })
}

export async function declareQueue(
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

export function written(body: unknown): { bytes: Buffer; contentType: string } {
  if (Buffer.isBuffer(body)) return { bytes: body, contentType: 'application/octet-stream' }
  if (body instanceof Uint8Array) return { bytes: Buffer.from(body), contentType: 'application/octet-stream' }
  if (typeof body === 'string') return { bytes: Buffer.from(body), contentType: 'text/plain' }
  const json = JSON.stringify(body)
  if (json === undefined) throw new GomsError('INVALID_ARGUMENT', `publish: the body is no JSON (${typeof body})`)
  return { bytes: Buffer.from(json), contentType: 'application/json' }
}

export function checkTarget({ exchange, type, queue }: PublishTo): void {
  if (typeof exchange !== 'string') checkText('publish', 'exchange', exchange)
  if (queue !== undefined) checkText('publish', 'queue', queue)
  if (type === undefined || ['direct', 'topic', 'fanout', 'headers'].includes(type)) return
  throw wrongOption('publish', 'type', 'direct, topic, fanout or headers', type, 'INVALID_ARGUMENT')
}

/** AMQP has 255 bytes for a name. */
export function checkText(what: string, option: string, text: unknown): void {
  if (typeof text === 'string' && text !== '' && Buffer.byteLength(text) <= 255) return
  throw wrongOption(what, option, 'a name of 1 to 255 bytes', text, 'INVALID_ARGUMENT')
}
