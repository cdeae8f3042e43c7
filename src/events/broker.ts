/** The port of brokers: events go in, and come out once for each service that asked for them, until they are handled. */

/** An event on its way. */
export interface EventMessage {
  /** The same for every delivery: what idempotent handlers go by. */
  readonly id: string
  /** `order.submitted` */
  readonly name: string
  /** Service that emitted it. */
  readonly from: string
  /** Lower-case names: the trace and the request id of the call that it was emitted in. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON. */
  readonly body: string
  /** Since 1970, by the clock of the emitting process. */
  readonly emittedAtMs: number
  /** Afterwards nobody wants it any more; undefined: it never ends. */
  readonly expiresAtMs: number | undefined
}

/** An event at a service that asked for it. What is not asked for is not made. */
export interface Delivery extends Omit<EventMessage, 'headers' | 'body'> {
  /** 1 for the first to this service. Processes that died while they had it count. */
  readonly delivery: number
  header(lowerCaseName: string): string | undefined
  /** @throws SyntaxError where the body is no JSON */
  payload(): unknown
}

/** What becomes of a delivery. */
export type Verdict =
  | { readonly kind: 'handled' }
  /** It is delivered again after that time, to whoever has room then. */
  | { readonly kind: 'again'; readonly afterMs: number; readonly reason: string }
  /** Nobody gets it any more; it is kept to be looked at and replayed. */
  | { readonly kind: 'dead'; readonly reason: string }

/** At once where it can be: most events take no time. */
export type HandleDelivery = (delivery: Delivery) => Verdict | Promise<Verdict>

export interface SubscriptionOptions {
  /** Service that asks; its nodes share what comes. */
  readonly service: string
  /** `order.submitted`, … */
  readonly names: readonly string[]
  /** Deliveries at a time to this process. */
  readonly concurrency: number
  /** Waits that verdicts will ask for: some brokers need a queue for each. */
  readonly retryWaitsMs: readonly number[]
}

export interface Subscription {
  /** Takes no more. Resolves when what was taken is handled. */
  drain(): Promise<void>
  /** Lets go of what is not handled: others get it. */
  close(): Promise<void>
}

/** An event that could not be handled. */
export interface DeadLetter extends EventMessage {
  readonly deliveries: number
  readonly reason: string
  readonly diedAtMs: number
}

export interface Broker {
  /**
   * Resolves once the broker has it for good: for every service that has ever subscribed to it, whether a node of it is up or not.
   * @throws GomsError UNAVAILABLE (not confirmed within `withinMs`; it may have arrived), RESOURCE_EXHAUSTED (too many wait)
   */
  publish(message: EventMessage, withinMs: number): Promise<void>
  /** `handle` never throws or rejects. Resolves once the broker knows of it, so that no event that is emitted afterwards is missed. */
  subscribe(options: SubscriptionOptions, handle: HandleDelivery): Promise<Subscription>
  /** The oldest first. */
  deadLetters(service: string, most: number): Promise<readonly DeadLetter[]>
  /** Delivers dead letters again, as if for the first time. Returns how many. @param ids undefined: all */
  replay(service: string, ids: ReadonlySet<string> | undefined): Promise<number>
  /** Why it cannot be used now; undefined: it can. */
  away(): string | undefined
  /** Lets go of everything; what is being published has 2 s. */
  close(): Promise<void>
}

/** Bytes of an event's body: what is larger belongs in a store, and its address in the event. */
export const MAX_EVENT_BYTES: number = 1024 * 1024
