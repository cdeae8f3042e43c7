/** One event of a contract: what its subscribers are told. */
import type { SchemaInput, SchemaOutput, StandardSchema } from './standard-schema.ts'

/** What `event()` returns. `Emitted` is what the service gives, `Received` what subscribers get of it. */
export interface Event<Emitted = unknown, Received = unknown> {
  readonly kind: 'event'
  readonly schema?: StandardSchema | undefined
  /** Types only; never there at run time. */
  readonly types?: EventTypes<Emitted, Received> | undefined
}

export interface EventTypes<Emitted, Received> {
  readonly emitted: Emitted
  readonly received: Received
}

/** How one event is emitted. */
export interface EmitOptions {
  /** What names it, 1 to 255 visible characters: emitted again with the same id it is the same event to `once`. @default a new UUID */
  readonly id?: string
  /** After so many milliseconds nobody wants it any more, 1 to 2592000000; handlers see the rest in `leftMs()`. @default it never ends */
  readonly expiresInMs?: number
  /** How long to wait for the broker's confirm; never longer than the call in progress has left. @default 10000 */
  readonly timeoutMs?: number
}

/** Describes an event by its type alone: nothing is checked at run time. */
export function event<Payload>(): Event<Payload, Payload>
/** Describes an event by a schema of its payload. */
export function event<S extends StandardSchema>(schema: S): Event<SchemaInput<S>, SchemaOutput<S>>
export function event(schema?: StandardSchema): Event {
  return schema === undefined ? { kind: 'event' } : { kind: 'event', schema }
}
