/** What callers of a contract see: its methods as functions, and its errors. */
import type { Component } from '../core/component.ts'
import { GomsError } from '../core/errors.ts'
import type { CallOptions } from '../core/rpc-client.ts'
import type { Method, TypesOf } from './method.ts'
import type { Contract, RpcOf, Usables } from './shape.ts'

/** A method as it is called. Resolves with the answer; rejects with a GomsError. */
export type MethodCall<M> = M extends Method
  ? (input: TypesOf<M>['input'], options?: CallOptions) => Promise<TypesOf<M>['output']>
  : never

/** A typed client: one function a method, with the comment and the definition of the contract. */
export type ClientOf<C extends Contract> = Client<RpcOf<C>>

// Over the author's own literal: hover, go-to-definition and rename lead there.
type Client<Rpc> = { readonly [M in keyof Rpc]: MethodCall<Rpc[M]> }

/** What a service uses as its handlers find it: a client for each contract, and the values of its components. */
export type ClientsOf<Uses extends Usables> = { readonly [Name in keyof Uses]: InContext<Uses[Name]> }

type InContext<One> = One extends Contract ? ClientOf<One> : One extends Component<infer Value> ? Value : never

/** The errors that a method declares in its contract: `code` tells which, and `data` has its type. */
export type ErrorOf<C extends Contract, M extends keyof RpcOf<C>> = DeclaredError<
  TypesOf<Extract<RpcOf<C>[M], Method>>['errors']
>

type DeclaredError<Errors> = {
  [Code in keyof Errors & string]: GomsError & { readonly code: Code; readonly data: Errors[Code] }
}[keyof Errors & string]

/**
 * Whether a call of that method failed with an error that its contract declares. Then `thrown.code` is one of the
 * declared codes, and narrows the type of `thrown.data`.
 */
export function isErrorOf<C extends Contract, M extends keyof RpcOf<C> & string>(
  contract: C,
  method: M,
  thrown: unknown,
): thrown is ErrorOf<C, M> {
  if (!(thrown instanceof GomsError)) return false
  const methods = contract.shape.rpc
  const errors = methods && Object.hasOwn(methods, method) ? methods[method]?.errors : undefined
  return errors !== undefined && Object.hasOwn(errors, thrown.code)
}
