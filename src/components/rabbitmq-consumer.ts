/** Consumes a queue, and goes on when the connection or the queue is back. What was taken is answered on its own channel. */
import type { AsyncMessage, Channel } from 'rabbitmq-client'
import { fullJitterMs } from '../core/backoff.ts'
import { atMost } from '../core/bounded.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { everyMs, type Log } from '../core/log.ts'
import { Acks } from './rabbitmq-acks.ts'
import type { RabbitConnection } from './rabbitmq-connection.ts'

/** `moved`: it stands in another queue, and must not be here too for a moment longer. `requeue`: it was not handled, others may. */
export type Answer = 'ack' | 'moved' | 'requeue'

export interface RabbitConsumerOptions {
  readonly queue: string
  /** Messages that are handled at a time. */
  readonly concurrency: number
  /** Messages that are here at a time: those that wait keep the handlers busy. */
  readonly prefetch: number
  /** Declares what is consumed, on each new channel and from time to time: who deletes an exchange takes its bindings along. */
  setup(channel: Channel): Promise<void>
  /** Never throws or rejects. */
  handle(message: AsyncMessage): Answer | Promise<Answer>
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
const DECLARE_EVERY_MS = 5000
const AGAIN = { baseMs: 200, maxMs: 2000 } as const

interface Taken {
  readonly message: AsyncMessage
  readonly acks: Acks
}

export function createRabbitConsumer(options: RabbitConsumerOptions, deps: RabbitConsumerDeps): RabbitConsumer {
  return new Consumer(options, deps)
}

class Consumer implements RabbitConsumer {
  readonly #options: RabbitConsumerOptions
  readonly #deps: RabbitConsumerDeps
  readonly #say: (say: () => void) => void
  #waiting: Taken[] = []
  #inHand = 0
  #channel: Channel | undefined
  #acks: Acks | undefined
  #consumerTag: string | undefined
  #timer: Timer | undefined
  #failures = 0
  #draining = false
  #isPassing = false
  readonly #idle: (() => void)[] = []
  #begun = (): void => {}
  readonly #first: Promise<void>

  constructor(options: RabbitConsumerOptions, deps: RabbitConsumerDeps) {
    this.#options = options
    this.#deps = deps
    this.#say = everyMs(deps.clock, SAY_EVERY_MS)
    this.#first = new Promise((resolve) => {
      this.#begun = resolve
    })
    this.#run()
  }

  #run = (): void => {
    this.#open().catch((error: unknown) => {
      if (this.#draining) return
      const why = error instanceof Error ? error.message : String(error)
      this.#warn(`${this.#options.queue} cannot be consumed now: ${why}`)
      const failed = this.#channel
      if (failed?.active) void failed.close()
      else this.#again(failed)
    })
  }

  async #open(): Promise<void> {
    const { queue, prefetch, setup } = this.#options
    const made = await this.#deps.connection.acquire()
    made.on('error', (error: Error) => this.#warn(`${queue}: ${error.message}`))
    made.once('close', () => this.#again(made))
    made.once('basic.cancel', () => void made.close())
    this.#channel = made
    await setup(made)
    await made.basicQos({ prefetchCount: prefetch })
    const acks = new Acks(made)
    const { consumerTag } = await made.basicConsume({ queue }, (message) => this.#take({ message, acks }))
    this.#failures = 0
    this.#acks = acks
    this.#consumerTag = consumerTag
    if (this.#draining) await this.#cancel()
    else this.#declareLater(made)
    this.#begun()
  }

  #declareLater(on: Channel): void {
    this.#timer = this.#deps.clock.after(DECLARE_EVERY_MS, () => {
      if (this.#draining || on !== this.#channel) return
      this.#options.setup(on).then(
        () => this.#declareLater(on),
        // The channel ends with it, and is opened again.
        () => {},
      )
    })
  }

  #again(of: Channel | undefined): void {
    if (of !== this.#channel || this.#draining) return
    this.#channel = undefined
    this.#acks = undefined
    this.#consumerTag = undefined
    // They are somebody else's by now.
    this.#waiting = []
    this.#timer?.cancel()
    this.#timer = this.#deps.clock.after(20 + fullJitterMs(this.#failures++, AGAIN), this.#run)
  }

  #warn(what: string): void {
    this.#say(() => this.#deps.log.warn(what))
  }

  #take(taken: Taken): void {
    if (this.#inHand < this.#options.concurrency) this.#work(taken)
    else this.#waiting.push(taken)
  }

  #work(taken: Taken): void {
    this.#inHand++
    const answer = this.#options.handle(taken.message)
    if (answer instanceof Promise) void answer.then((settled) => this.#answered(taken, settled))
    else this.#answered(taken, answer)
  }

  #answered({ message, acks }: Taken, answer: Answer): void {
    this.#inHand--
    if (answer === 'requeue') acks.requeue(message.deliveryTag)
    else acks.ack(message.deliveryTag)
    if (answer === 'moved') acks.flush()
    if (this.#waiting.length > 0) this.#next()
    else if (this.#inHand === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  /** Those that answer at once come one after the other, not one within the other. */
  #next(): void {
    if (this.#isPassing) return
    this.#isPassing = true
    while (this.#inHand < this.#options.concurrency) {
      const next = this.#waiting.shift()
      if (next === undefined) break
      this.#work(next)
    }
    this.#isPassing = false
    if (this.#inHand === 0) for (const resolve of this.#idle.splice(0)) resolve()
  }

  async #cancel(): Promise<void> {
    const consumerTag = this.#consumerTag
    this.#consumerTag = undefined
    if (consumerTag !== undefined && this.#channel?.active) {
      await this.#channel.basicCancel({ consumerTag }).catch(() => {})
    }
  }

  async started(withinMs: number): Promise<void> {
    await atMost(this.#deps.clock, withinMs, this.#first)
  }

  async drain(): Promise<void> {
    this.#draining = true
    this.#timer?.cancel()
    await this.#cancel()
    if (this.#inHand > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  async close(): Promise<void> {
    this.#draining = true
    this.#timer?.cancel()
    this.#waiting = []
    this.#acks?.flush()
    await this.#channel?.close()
  }
}
