/** One delivery of an event at the service that handles it: a call that nobody waits for. */
import type { EventInfo } from '../contract/handler.ts'
import type { Served } from '../core/observe.ts'
import type { Delivery } from '../events/broker.ts'
import { type Callee, ServedCall } from './served-call.ts'

export class EventCall extends ServedCall implements Served {
  readonly #delivery: Delivery

  /** @param deadlineMs what handling it may take; less where it expires before */
  constructor(delivery: Delivery, callee: Callee, deadlineMs: number) {
    // Whoever may write to the broker is believed, as are those who have the call key.
    const from = { admitted: true, believed: true, target: undefined, attempt: 1, identity: undefined } as const
    super({ ...from, caller: delivery.from || undefined }, callee, deadlineMs, undefined)
    this.#delivery = delivery
  }

  get transport(): 'event' {
    return 'event'
  }

  get name(): string {
    return this.#delivery.name
  }

  get delivery(): number {
    return this.#delivery.delivery
  }

  get event(): EventInfo {
    const { id, name, delivery, emittedAtMs } = this.#delivery
    return { id, name, service: this.service, delivery, emittedAtMs }
  }

  protected override get action(): string {
    return this.#delivery.name
  }

  protected override sent(lowerCaseName: string): string | undefined {
    return this.#delivery.header(lowerCaseName)
  }
}
