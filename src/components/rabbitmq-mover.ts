/** What becomes of a message that was delivered: acknowledged, or put into another queue and then acknowledged. */
import type { AsyncMessage } from 'rabbitmq-client'
import type { Log } from '../core/log.ts'
import type { Verdict } from '../events/broker.ts'
import type { Answer } from './rabbitmq-consumer.ts'
import { bodyOf, deliveryOf, HEADER, movedTo } from './rabbitmq-message.ts'
import type { RabbitPublisher } from './rabbitmq-publisher.ts'

/** Where messages of a queue are put. */
export interface Places {
  readonly dead: string
  /** From where they come back after that time. */
  retry(waitMs: number): string
}

export interface Mover {
  /** What cannot be moved stays where it is. */
  move(message: AsyncMessage, queue: string, known: Readonly<Record<string, string | number>>): Promise<Answer>
  carryOut(message: AsyncMessage, verdict: Verdict): Answer | Promise<Answer>
}

/** To put a message into another queue. */
const MOVE_MS = 10_000

export function createMover(publisher: RabbitPublisher, places: Places, log: Log): Mover {
  async function move(
    message: AsyncMessage,
    queue: string,
    known: Readonly<Record<string, string | number>>,
  ): Promise<Answer> {
    try {
      await publisher.send(movedTo(message, queue, known), bodyOf(message), MOVE_MS, true)
      return 'moved'
    } catch (error) {
      log.warn(`${queue} took no message: ${error instanceof Error ? error.message : String(error)}`)
      return 'requeue'
    }
  }

  return {
    move,
    carryOut(message, verdict) {
      if (verdict.kind === 'handled') return 'ack'
      const delivery = deliveryOf(message)
      const reason = { [HEADER.reason]: verdict.reason }
      if (verdict.kind === 'again') {
        return move(message, places.retry(verdict.afterMs), { ...reason, [HEADER.delivery]: delivery + 1 })
      }
      return move(message, places.dead, { ...reason, [HEADER.delivery]: delivery, [HEADER.died]: Date.now() })
    },
  }
}
