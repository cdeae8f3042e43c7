/** One message on its way to RabbitMQ: sent again until it is confirmed, or its time is over. */
import { randomUUID } from 'node:crypto'
import type { Channel, Envelope } from 'rabbitmq-client'
import type { Clock, Timer } from '../core/clock.ts'
import type { GomsError } from '../core/errors.ts'

/** What messages are sent through. */
export interface Outlet {
  readonly clock: Clock
  /** Nothing is tried again. */
  readonly closed: boolean
  /** The channel at once where it is there. */
  ready(): Channel | Promise<Channel>
  /** Whether RabbitMQ is to say that no queue takes it. */
  asks(must: boolean): boolean
  /** It may come back under that id. */
  await(id: string, sending: Sending): void
  forget(id: string): void
  /** A queue took one of those before. */
  wasRouted(key: string): boolean
  routed(key: string): void
  ended(bytes: number): void
  unconfirmed(withinMs: number, cause: unknown): GomsError
}

/** Before a message is sent again. */
const AGAIN_MS = 100

/** What is sent, and whom to tell. */
export interface Outgoing {
  readonly envelope: Envelope
  readonly body: Buffer
  readonly withinMs: number
  readonly must: boolean
  readonly resolve: () => void
  readonly reject: (error: GomsError) => void
}

/** One message, until it is confirmed or its time is over. */
export class Sending {
  readonly #outlet: Outlet
  readonly #outgoing: Outgoing
  readonly #untilMs: number
  readonly #timer: Timer
  #over = false
  /** Under which it may come back. */
  #id: string | undefined
  #isBack = false

  constructor(outlet: Outlet, outgoing: Outgoing) {
    this.#outlet = outlet
    this.#outgoing = outgoing
    const nowMs = outlet.clock.now()
    this.#untilMs = nowMs + outgoing.withinMs
    this.#timer = outlet.clock.after(outgoing.withinMs, () => this.#fail(undefined), nowMs)
  }

  start(): void {
    const channel = this.#outlet.ready()
    if (channel instanceof Promise) channel.then(this.#publish, this.#again)
    else this.#publish(channel)
  }

  #publish = (channel: Channel): void => {
    const { envelope, body, must } = this.#outgoing
    if (!this.#outlet.asks(must)) {
      channel.basicPublish(envelope, body).then(this.#succeed, this.#again)
      return
    }
    this.#id = randomUUID()
    this.#isBack = false
    this.#outlet.await(this.#id, this)
    const asking = { ...envelope, mandatory: true, correlationId: this.#id }
    // What comes back is told in the turn after its confirm.
    channel.basicPublish(asking, body).then(() => setImmediate(this.#judge), this.#again)
  }

  returned(): void {
    this.#isBack = true
  }

  #judge = (): void => {
    const { envelope, must } = this.#outgoing
    const key = `${envelope.exchange}/${envelope.routingKey}`
    if (!this.#isBack) {
      this.#outlet.routed(key)
      this.#succeed()
    } else if (must || this.#outlet.wasRouted(key)) this.#again(new Error(`no queue takes "${envelope.routingKey}"`))
    else this.#succeed()
  }

  #succeed = (): void => {
    if (this.#end()) this.#outgoing.resolve()
  }

  #again = (cause: unknown): void => {
    this.#forget()
    if (this.#over) return
    const { clock, closed } = this.#outlet
    if (closed || clock.now() + AGAIN_MS >= this.#untilMs) this.#fail(cause)
    else clock.after(AGAIN_MS, () => this.#over || this.start())
  }

  #fail(cause: unknown): void {
    if (this.#end()) this.#outgoing.reject(this.#outlet.unconfirmed(this.#outgoing.withinMs, cause))
  }

  #forget(): void {
    if (this.#id !== undefined) this.#outlet.forget(this.#id)
    this.#id = undefined
  }

  /** False when it has ended already. */
  #end(): boolean {
    if (this.#over) return false
    this.#over = true
    this.#forget()
    this.#timer.cancel()
    this.#outlet.ended(this.#outgoing.body.length)
    return true
  }
}
