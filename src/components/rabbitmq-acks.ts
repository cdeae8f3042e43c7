/** Acknowledgements of one channel: gathered for a turn of the event loop, and as few as can be said at once. */
import type { Channel } from 'rabbitmq-client'

export class Acks {
  readonly #channel: Channel
  /** Everything up to there is answered. */
  #upTo = 0
  readonly #done = new Set<number>()
  /** Of `#done`, those that RabbitMQ does not know of. */
  readonly #unsaid = new Set<number>()
  #due = false

  constructor(channel: Channel) {
    this.#channel = channel
  }

  ack(deliveryTag: number): void {
    this.#done.add(deliveryTag)
    this.#unsaid.add(deliveryTag)
    this.#later()
  }

  requeue(deliveryTag: number): void {
    this.#done.add(deliveryTag)
    // A channel that is gone took the message back with it.
    if (this.#channel.active) this.#say(() => this.#channel.basicNack({ deliveryTag, requeue: true }))
    this.#later()
  }

  #later(): void {
    if (this.#due) return
    this.#due = true
    setImmediate(this.flush)
  }

  /** Tags are given in order: one answer covers all up to it, and what stands behind a slow one is answered by itself. */
  flush = (): void => {
    this.#due = false
    const before = this.#upTo
    while (this.#done.delete(this.#upTo + 1)) this.#upTo++
    if (!this.#channel.active) return
    let covered = 0
    for (let tag = before + 1; tag <= this.#upTo; tag++) if (this.#unsaid.delete(tag)) covered = tag
    // Up to what was handled last: one that was given back is not among those that count as handled.
    if (covered > 0) this.#say(() => this.#channel.basicAck({ deliveryTag: covered, multiple: true }))
    for (const deliveryTag of this.#unsaid) this.#say(() => this.#channel.basicAck({ deliveryTag }))
    this.#unsaid.clear()
  }

  /** It may have been closed a moment ago. */
  #say(words: () => void): void {
    try {
      words()
    } catch {}
  }
}
