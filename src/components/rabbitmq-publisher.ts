/** Publishes with confirms: resolved once the broker has the message for good, tried again over a connection that broke. */
import type { Channel, Envelope } from 'rabbitmq-client'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { RabbitConnection } from './rabbitmq-connection.ts'

export interface RabbitPublisher {
  /**
   * Rejects with a GomsError: UNAVAILABLE (no confirm within `withinMs`; the message may have arrived), RESOURCE_EXHAUSTED
   * (too many wait).
   */
  send(envelope: Envelope, body: Buffer, withinMs: number): Promise<void>
  /** What waits has that time. */
  close(withinMs: number): Promise<void>
}

export interface RabbitPublisherDeps {
  readonly connection: RabbitConnection
  readonly clock: Clock
  readonly log: Log
  /** Declares what is published to, on each new channel. */
  setup(channel: Channel): Promise<void>
}

/** What waits for the broker in this process. */
const MOST_WAITING = 10_000
const MOST_WAITING_BYTES = 64 * 1024 * 1024
/** Before a message is sent again. */
const AGAIN_MS = 100

export function createRabbitPublisher(deps: RabbitPublisherDeps): RabbitPublisher {
  return new Publisher(deps)
}

class Publisher implements RabbitPublisher {
  readonly #deps: RabbitPublisherDeps
  #channel: Channel | undefined
  #opening: Promise<Channel> | undefined
  #waiting = 0
  #waitingBytes = 0
  #closed = false
  #idle: (() => void) | undefined

  constructor(deps: RabbitPublisherDeps) {
    this.#deps = deps
  }

  get clock(): Clock {
    return this.#deps.clock
  }

  send(envelope: Envelope, body: Buffer, withinMs: number): Promise<void> {
    const refused = this.#refusal(body, withinMs)
    if (refused !== undefined) return Promise.reject(refused)
    this.#waiting++
    this.#waitingBytes += body.length
    return new Promise((resolve, reject) => {
      new Sending(this, { envelope, body, withinMs, resolve, reject }).start()
    })
  }

  #refusal(body: Buffer, withinMs: number): GomsError | undefined {
    if (this.#closed) return this.unconfirmed(withinMs, new Error('this process is leaving'))
    if (this.#waiting < MOST_WAITING && this.#waitingBytes + body.length <= MOST_WAITING_BYTES) return undefined
    const text = `rabbitmq: ${this.#waiting} messages wait for ${this.#deps.connection.shown} already`
    return new GomsError('RESOURCE_EXHAUSTED', text, { retryAfterMs: 1000 })
  }

  /** The channel at once where it is there. */
  ready(): Channel | Promise<Channel> {
    if (this.#channel?.active) return this.#channel
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(): Promise<Channel> {
    const { connection, log, setup } = this.#deps
    const made = await connection.acquire()
    // Unlistened it would end the process; whoever waits for a confirm learns of it.
    made.on('error', (error: Error) => log.debug(`rabbitmq: a channel to publish on broke: ${error.message}`))
    await setup(made)
    await made.confirmSelect()
    this.#channel = made
    return made
  }

  ended(bytes: number): void {
    this.#waiting--
    this.#waitingBytes -= bytes
    if (this.#waiting === 0) this.#idle?.()
  }

  unconfirmed(withinMs: number, cause: unknown): GomsError {
    const { connection } = this.#deps
    const why = connection.away() ?? (cause instanceof Error ? cause.message : 'it is slow')
    const text = `rabbitmq: ${connection.shown} did not confirm a message within ${Math.round(withinMs)} ms (${why}); it may have arrived`
    return new GomsError('UNAVAILABLE', text, cause === undefined ? {} : { cause })
  }

  get closed(): boolean {
    return this.#closed
  }

  async close(withinMs: number): Promise<void> {
    if (this.#waiting > 0) {
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, withinMs)
        this.#idle = () => {
          clearTimeout(late)
          resolve()
        }
      })
    }
    this.#closed = true
    await this.#channel?.close()
  }
}

interface Order {
  readonly envelope: Envelope
  readonly body: Buffer
  readonly withinMs: number
  readonly resolve: () => void
  readonly reject: (error: GomsError) => void
}

/** One message, until it is confirmed or its time is over. */
class Sending {
  readonly #publisher: Publisher
  readonly #order: Order
  readonly #untilMs: number
  readonly #timer: Timer
  #over = false

  constructor(publisher: Publisher, order: Order) {
    this.#publisher = publisher
    this.#order = order
    const nowMs = publisher.clock.now()
    this.#untilMs = nowMs + order.withinMs
    this.#timer = publisher.clock.after(order.withinMs, () => this.#fail(undefined), nowMs)
  }

  start(): void {
    const channel = this.#publisher.ready()
    if (channel instanceof Promise) channel.then(this.#publish, this.#again)
    else this.#publish(channel)
  }

  #publish = (channel: Channel): void => {
    channel.basicPublish(this.#order.envelope, this.#order.body).then(this.#succeed, this.#again)
  }

  #succeed = (): void => {
    if (this.#end()) this.#order.resolve()
  }

  #again = (cause: unknown): void => {
    if (this.#over) return
    const { clock, closed } = this.#publisher
    if (closed || clock.now() + AGAIN_MS >= this.#untilMs) this.#fail(cause)
    else clock.after(AGAIN_MS, () => this.#over || this.start())
  }

  #fail(cause: unknown): void {
    if (this.#end()) this.#order.reject(this.#publisher.unconfirmed(this.#order.withinMs, cause))
  }

  /** False when it has ended already. */
  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#timer.cancel()
    this.#publisher.ended(this.#order.body.length)
    return true
  }
}
