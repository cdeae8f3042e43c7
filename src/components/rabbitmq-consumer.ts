/** Consumes a queue, and goes on when the connection or the queue is back. What was taken is answered on its own channel. */
import type { AsyncMessage, Channel } from 'rabbitmq-client'
import { fullJitterMs } from '../core/backoff.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { everyMs, type Log } from '../core/log.ts'
import type { RabbitConnection } from './rabbitmq-connection.ts'

export interface RabbitConsumerOptions {
  readonly queue: string
  /** Messages that are handled at a time. */
  readonly concurrency: number
  /** Messages that are here at a time: those that wait keep the handlers busy. */
  readonly prefetch: number
  /** Declares what is consumed, on each new channel. */
  setup(channel: Channel): Promise<void>
  /** Never rejects. `requeue`: it was not handled, others may. */
  handle(message: AsyncMessage): Promise<'ack' | 'requeue'>
}

export interface RabbitConsumer {
  /** Resolves when messages come, or after `withinMs`: then it goes on trying. */
  started(withinMs: number): Promise<void>
  /** No more come. Resolves when those that are here are handled. */
  drain(): Promise<void>
  /** Gives back what is not answered. */
  close(): Promise<void>
}

export interface RabbitConsumerDeps {
  readonly connection: RabbitConnection
  readonly clock: Clock
  readonly log: Log
}

const SAY_EVERY_MS = 10_000
const AGAIN = { baseMs: 200, maxMs: 2000 } as const

interface Taken {
  readonly message: AsyncMessage
  readonly channel: Channel
}

export function createRabbitConsumer(
  options: RabbitConsumerOptions,
  { connection, clock, log }: RabbitConsumerDeps,
): RabbitConsumer {
  const { queue, concurrency, prefetch, setup, handle } = options
  const say = everyMs(clock, SAY_EVERY_MS)
  const waiting: Taken[] = []
  let inHand = 0
  let channel: Channel | undefined
  let consumerTag: string | undefined
  let timer: Timer | undefined
  let failures = 0
  let draining = false
  const idle: (() => void)[] = []
  let begun = (): void => {}
  const first = new Promise<void>((resolve) => {
    begun = resolve
  })

  async function open(): Promise<void> {
    const made = await connection.acquire()
    made.on('error', (error: Error) => say(() => log.warn(`rabbitmq: ${queue}: ${error.message}`)))
    made.once('close', () => again(made))
    made.once('basic.cancel', () => void made.close())
    channel = made
    await setup(made)
    await made.basicQos({ prefetchCount: prefetch })
    const consumed = await made.basicConsume({ queue }, (message) => take({ message, channel: made }))
    failures = 0
    consumerTag = consumed.consumerTag
    if (draining) await cancel()
    begun()
  }

  function again(of: Channel | undefined): void {
    if (of !== channel || draining) return
    channel = undefined
    consumerTag = undefined
    // They are somebody else's by now.
    waiting.length = 0
    timer?.cancel()
    timer = clock.after(20 + fullJitterMs(failures++, AGAIN), run)
  }

  function run(): void {
    open().catch((error: unknown) => {
      if (draining) return
      const why = error instanceof Error ? error.message : String(error)
      say(() => log.warn(`rabbitmq: ${queue} cannot be consumed now: ${why}`))
      const failed = channel
      if (failed?.active) void failed.close()
      else again(failed)
    })
  }

  function take(taken: Taken): void {
    if (inHand < concurrency) void work(taken)
    else waiting.push(taken)
  }

  async function work({ message, channel: on }: Taken): Promise<void> {
    inHand++
    const { deliveryTag } = message
    const answer = await handle(message)
    inHand--
    // A channel that is gone took the message back with it.
    if (on.active) {
      try {
        if (answer === 'ack') on.basicAck({ deliveryTag })
        else on.basicNack({ deliveryTag, requeue: true })
      } catch {}
    }
    const next = waiting.shift()
    if (next !== undefined) void work(next)
    else if (inHand === 0) for (const resolve of idle.splice(0)) resolve()
  }

  async function cancel(): Promise<void> {
    const tag = consumerTag
    consumerTag = undefined
    if (tag !== undefined && channel?.active) await channel.basicCancel({ consumerTag: tag }).catch(() => {})
  }

  run()
  return {
    async started(withinMs) {
      let late: NodeJS.Timeout | undefined
      const over = new Promise<void>((resolve) => {
        late = setTimeout(resolve, withinMs)
      })
      await Promise.race([first, over])
      clearTimeout(late)
    },
    async drain() {
      draining = true
      timer?.cancel()
      await cancel()
      if (inHand > 0) await new Promise<void>((resolve) => idle.push(resolve))
    },
    async close() {
      draining = true
      timer?.cancel()
      waiting.length = 0
      await channel?.close()
    },
  }
}
