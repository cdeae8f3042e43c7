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

/** Describes an event by its type alone: nothing is checked at run time. */
export function event<Payload>(): Event<Payload, Payload>
/** Describes an event by a schema of its payload. */
export function event<S extends StandardSchema>(schema: S): Event<SchemaInput<S>, SchemaOutput<S>>
export function event(schema?: StandardSchema): Event {
  return schema === undefined ? { kind: 'event' } : { kind: 'event', schema }
}
