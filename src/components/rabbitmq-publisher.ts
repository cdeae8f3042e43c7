/** Publishes with confirms: resolved once the broker has the message for good, tried again over a connection that broke. */
import type { Channel, Envelope } from 'rabbitmq-client'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { RabbitConnection } from './rabbitmq-connection.ts'

export interface RabbitPublisher {
  /**
   * @throws GomsError UNAVAILABLE (no confirm within `withinMs`; the message may have arrived), RESOURCE_EXHAUSTED (too many wait)
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

export function createRabbitPublisher({ connection, clock, log, setup }: RabbitPublisherDeps): RabbitPublisher {
  let channel: Channel | undefined
  let opening: Promise<Channel> | undefined
  let waiting = 0
  let waitingBytes = 0
  let closed = false
  const idle: (() => void)[] = []

  async function open(): Promise<Channel> {
    const made = await connection.acquire()
    // Unlistened it would end the process; whoever waits for a confirm learns of it.
    made.on('error', (error: Error) => log.debug(`rabbitmq: a channel to publish on broke: ${error.message}`))
    await setup(made)
    await made.confirmSelect()
    channel = made
    return made
  }

  function ready(): Channel | Promise<Channel> {
    if (channel?.active) return channel
    opening ??= open().finally(() => {
      opening = undefined
    })
    return opening
  }

  async function insist(envelope: Envelope, body: Buffer, untilMs: number, isOver: () => boolean): Promise<void> {
    for (;;) {
      try {
        const held = ready()
        const now = held instanceof Promise ? await held : held
        return await now.basicPublish(envelope, body)
      } catch (thrown) {
        if (isOver() || closed || clock.now() + AGAIN_MS >= untilMs) throw thrown
        await new Promise<void>((resolve) => clock.after(AGAIN_MS, resolve))
      }
    }
  }

  return {
    async send(envelope, body, withinMs) {
      if (closed) throw unconfirmed(connection.shown, withinMs, 'this process is leaving')
      if (waiting >= MOST_WAITING || waitingBytes + body.length > MOST_WAITING_BYTES) {
        throw new GomsError(
          'RESOURCE_EXHAUSTED',
          `rabbitmq: ${waiting} messages wait for ${connection.shown} already`,
          {
            retryAfterMs: 1000,
          },
        )
      }
      waiting++
      waitingBytes += body.length
      let over = false
      try {
        await new Promise<void>((resolve, reject) => {
          const late = (cause?: unknown): void => {
            over = true
            reject(unconfirmed(connection.shown, withinMs, connection.away(), cause))
          }
          const timer = clock.after(withinMs, late)
          const untilMs = clock.now() + withinMs
          insist(envelope, body, untilMs, () => over)
            .then(resolve, late)
            .finally(() => timer.cancel())
        })
      } finally {
        waiting--
        waitingBytes -= body.length
        if (waiting === 0) for (const resolve of idle.splice(0)) resolve()
      }
    },
    async close(withinMs) {
      if (waiting > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, withinMs)
          idle.push(() => {
            clearTimeout(timer)
            resolve()
          })
        })
      }
      closed = true
      await channel?.close()
    },
  }
}

function unconfirmed(shown: string, withinMs: number, why: string | undefined, cause?: unknown): GomsError {
  const said = why ?? (cause instanceof Error ? cause.message : 'it is slow')
  const text = `rabbitmq: ${shown} did not confirm a message within ${Math.round(withinMs)} ms (${said}); it may have arrived`
  return new GomsError('UNAVAILABLE', text, cause === undefined ? {} : { cause })
}
