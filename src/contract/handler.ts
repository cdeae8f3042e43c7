/** What a service gives for its contract: one handler a method, and what it finds in its context. */
import type { CallContext } from '../core/context.ts'
import type { Logger } from '../core/log.ts'
import type { ClientsOf } from './client.ts'
import type { EmitOptions, Event } from './event.ts'
import type { Method, TypesOf } from './method.ts'
import type { Contract, EventsOf, RpcOf, Usables } from './shape.ts'

/** Names that are taken in every handler's context; no key of `uses` may be one of them. */
export type ReservedName = keyof CallContext | 'log' | 'emit' | 'event'

/** What every handler gets beside its input. All of it is bound and may be taken apart. */
export interface HandlerContext extends CallContext {
  /** The service's log: service, node and the trace id of the call are in each line. */
  readonly log: Logger
}

/**
 * Tells an event of a contract. Resolves once the broker has it for good. Rejects with a GomsError: INVALID_ARGUMENT (the
 * payload does not fit, or is larger than 1 MiB), UNAVAILABLE (not confirmed in time; it may have arrived),
 * RESOURCE_EXHAUSTED (too many wait already), DEADLINE_EXCEEDED (the call in progress has no time left).
 */
export type Emit<C extends Contract> = <E extends keyof EventsOf<C>>(
  event: E,
  payload: EmittedBy<EventsOf<C>[E]>,
  options?: EmitOptions,
) => Promise<void>

type EmittedBy<E> = E extends Event ? NonNullable<E['types']>['emitted'] : never
type ReceivedFrom<E> = E extends Event ? NonNullable<E['types']>['received'] : never

/** The second parameter of a handler: the call, the log, `emit`, and a client or the value of a component for each key of `uses`. */
export type ContextOf<C extends Contract, Uses extends Usables = Record<never, never>> = HandlerContext & {
  /** Tells an event of this contract; the trace of the call goes along. */
  readonly emit: Emit<C>
} & ClientsOf<Uses>

/** The handlers that a service owes its contract. They may answer at once or with a promise. */
export type HandlersOf<C extends Contract, Uses extends Usables = Record<never, never>> = Handlers<
  RpcOf<C>,
  ContextOf<C, Uses>
>

type Handlers<Rpc, Context> = { readonly [M in keyof Rpc]: MethodHandler<Rpc[M], Context> }

type MethodHandler<M, Context> = M extends Method
  ? (input: TypesOf<M>['parsed'], context: Context) => TypesOf<M>['output'] | Promise<TypesOf<M>['output']>
  : never

/** Subscriptions, by the keys of `uses` and the events of each contract. */
export type SubscriptionsOf<C extends Contract, Uses extends Usables> = None<
  Uses,
  { readonly [Name in keyof NoInfer<Uses>]?: SubscriptionsTo<NoInfer<Uses>[Name], EventContextOf<C, Uses>> }
>

type SubscriptionsTo<Used, Context> = Used extends Contract ? Subscriptions<EventsOf<Used>, Context> : undefined

/** An event as its handler finds it in its context. */
export interface EventInfo {
  /** The same for every delivery of it, and for every service that it is delivered to: what idempotent handlers go by. */
  readonly id: string
  /** `order.submitted` */
  readonly name: string
  /** The service that handles it. */
  readonly service: string
  /** 1 for the first delivery to this service. */
  readonly delivery: number
  /** By the clock of the emitting process. */
  readonly emittedAtMs: number
}

/** The second parameter of an event's handler: that of methods, and what is known of the event. */
export type EventContextOf<C extends Contract, Uses extends Usables = Record<never, never>> = ContextOf<C, Uses> & {
  readonly event: EventInfo
}

type Subscriptions<Events, Context> = None<
  Events,
  { readonly [E in keyof Events]?: (event: ReceivedFrom<Events[E]>, context: Context) => void | Promise<void> }
>

/** A type without keys would take any object. */
type None<Keys, Some> = keyof NoInfer<Keys> extends never ? undefined : Some
