/** Publishes with confirms: resolved once the broker has the message for good, tried again over a connection that broke. */
import type { Channel, Envelope } from 'rabbitmq-client'
import { atMost } from '../core/bounded.ts'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { RabbitConnection } from './rabbitmq-connection.ts'
import { type Outlet, Sending } from './rabbitmq-sending.ts'

export interface RabbitPublisher {
  /**
   * A message that no queue takes is nobody's, unless one took its like before: then what was bound is gone, and it is sent
   * again until somebody binds it anew. Rejects with a GomsError: UNAVAILABLE (no confirm within `withinMs`; the message may
   * have arrived), RESOURCE_EXHAUSTED (too many wait).
   * @param must a queue has to take it. @default false
   */
  send(envelope: Envelope, body: Buffer, withinMs: number, must?: boolean): Promise<void>
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
/** So long after a channel was opened RabbitMQ is asked to say what no queue takes: it may have lost its queues. */
const FRESH_MS = 15_000
/** Routing keys that a queue took. */
const MOST_ROUTED = 10_000

export function createRabbitPublisher(deps: RabbitPublisherDeps): RabbitPublisher {
  return new Publisher(deps)
}

class Publisher implements RabbitPublisher, Outlet {
  readonly #deps: RabbitPublisherDeps
  #channel: Channel | undefined
  #opening: Promise<Channel> | undefined
  #waiting = 0
  #waitingBytes = 0
  #closed = false
  #idle: (() => void) | undefined
  #freshUntilMs = 0
  readonly #routed = new Set<string>()
  /** Those that RabbitMQ may give back, by their own ids. */
  readonly #returnable = new Map<string, Sending>()

  constructor(deps: RabbitPublisherDeps) {
    this.#deps = deps
  }

  get clock(): Clock {
    return this.#deps.clock
  }

  send(envelope: Envelope, body: Buffer, withinMs: number, must = false): Promise<void> {
    const refused = this.#refusal(body, withinMs)
    if (refused !== undefined) return Promise.reject(refused)
    this.#waiting++
    this.#waitingBytes += body.length
    return new Promise((resolve, reject) => {
      new Sending(this, { envelope, body, withinMs, must, resolve, reject }).start()
    })
  }

  #refusal(body: Buffer, withinMs: number): GomsError | undefined {
    if (this.#closed) return this.unconfirmed(withinMs, new Error('this process is leaving'))
    if (this.#waiting < MOST_WAITING && this.#waitingBytes + body.length <= MOST_WAITING_BYTES) return undefined
    const text = `rabbitmq: ${this.#waiting} messages wait for ${this.#deps.connection.shown} already`
    return new GomsError('RESOURCE_EXHAUSTED', text, { retryAfterMs: 1000 })
  }

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
    made.on('error', (error: Error) => log.debug(`a channel to publish on broke: ${error.message}`))
    made.on('basic.return', ({ correlationId = '' }) => this.#returnable.get(correlationId)?.returned())
    await setup(made)
    await made.confirmSelect()
    this.#freshUntilMs = this.clock.now() + FRESH_MS
    this.#channel = made
    return made
  }

  asks(must: boolean): boolean {
    return must || this.clock.now() < this.#freshUntilMs
  }

  await(id: string, sending: Sending): void {
    this.#returnable.set(id, sending)
  }

  forget(id: string): void {
    this.#returnable.delete(id)
  }

  wasRouted(key: string): boolean {
    return this.#routed.has(key)
  }

  routed(key: string): void {
    if (this.#routed.size < MOST_ROUTED) this.#routed.add(key)
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
      const idle = new Promise<void>((resolve) => {
        this.#idle = resolve
      })
      await atMost(this.clock, withinMs, idle)
    }
    this.#closed = true
    await this.#channel?.close()
  }
}
