/** What a contract is made of, as types: the literal that its author wrote, kept as it stands. */
import type { Component } from '../core/component.ts'
import type { Event } from './event.ts'
import type { Method, TypesOf } from './method.ts'

/** Method and path at the service: `'POST /login'`; several methods as `'GET|POST /login'`; `'/login'` takes any method. */
export type HttpAction = string

/** What a contract may say. Keys are the names as they stand in `/api/<service>/<action>` and at the call site. */
export interface ContractShape {
  readonly rpc?: Readonly<Record<string, Method>>
  readonly http?: Readonly<Record<string, HttpAction>>
  readonly events?: Readonly<Record<string, Event>>
}

/** A contract as `contract()` returns it; `Shape` keeps the literal that it was made of. */
export interface Contract<Name extends string = string, Shape extends ContractShape = ContractShape> {
  readonly kind: 'contract'
  readonly name: Name
  readonly shape: Shape
}

/** What a service uses, by the names that it gives them: contracts of other services, and components. */
export type Usables = Readonly<Record<string, Contract | Component>>

/** The methods of a contract, as its author wrote them. */
export type RpcOf<C extends Contract> = NonNullable<C['shape']['rpc']>

/** The events of a contract, as its author wrote them. */
export type EventsOf<C extends Contract> = NonNullable<C['shape']['events']>

type MethodOf<C extends Contract, M extends keyof RpcOf<C>> = Extract<RpcOf<C>[M], Method>

/** What callers give to a method: `InputOf<typeof User, 'exists'>`. */
export type InputOf<C extends Contract, M extends keyof RpcOf<C>> = TypesOf<MethodOf<C, M>>['input']

/** What a method answers: `OutputOf<typeof User, 'exists'>`. */
export type OutputOf<C extends Contract, M extends keyof RpcOf<C>> = TypesOf<MethodOf<C, M>>['output']
