/** Typed clients: a function for each RPC method of a contract, and nothing else. */
import type { ClientOf } from '../contract/client.ts'
import type { Contract, Usables } from '../contract/shape.ts'
import { wantAmbient } from '../core/ambient.ts'
import { type Component, isComponent } from '../core/component.ts'
import type { CallContext } from '../core/context.ts'
import type { CallOptions, MethodOptions, MethodRef } from '../core/rpc-client.ts'
import { callMethod } from '../core/running.ts'

/** Sends one call of a client on its way. */
export type CallMethod = (ref: MethodRef, input: unknown, options: CallOptions | undefined) => Promise<unknown>
type Method = (input: unknown, options?: CallOptions) => Promise<unknown>

/** The methods of a contract as references, made once: callers keep by them what they resolved. */
export function methodRefs(contract: Contract): readonly MethodRef[] {
  const methods: Readonly<Record<string, MethodOptions>> = contract.shape.rpc ?? {}
  return Object.entries(methods).map(([method, options]) => ({
    service: contract.name,
    method,
    options,
    plan: undefined,
  }))
}

/**
 * A client of a service, for code outside of handlers: each method takes its input and `{ timeoutMs, retries, signal,
 * node }`, and gives a promise of its output. A call that is made while another one is served is part of it: trace,
 * deadline, identity and cancellation go along. May be made at the top of a file, before anything is served.
 * Its methods reject with a GomsError: the callee's own, or UNIMPLEMENTED, UNAVAILABLE, RESOURCE_EXHAUSTED,
 * DEADLINE_EXCEEDED, BAD_GATEWAY, CANCELLED; FAILED_PRECONDITION while nothing is served in this process.
 */
export function client<C extends Contract>(contract: C): ClientOf<C> {
  // Its calls look for the call that they are part of.
  wantAmbient()
  return clientOver(contract, callMethod)
}

/** A client whose calls go through `call`. Its methods are bound and its own; nothing is inherited, `then` least of all. */
export function clientOver<C extends Contract>(contract: C, call: CallMethod): ClientOf<C> {
  const methods: Record<string, Method> = Object.create(null)
  for (const ref of methodRefs(contract)) methods[ref.method] = (input, options) => call(ref, input, options)
  return Object.freeze(methods) as ClientOf<C>
}

/** The same as part of a call in progress. */
type CallWithin = (
  ref: MethodRef,
  input: unknown,
  options: CallOptions | undefined,
  context: CallContext,
) => Promise<unknown>

/**
 * What a service's `uses` come to: clients made for each call that it serves, since a handler's calls are part of the call
 * that it answers, and the values of components. What a handler does not touch is not made.
 */
export function createHandlerClients(
  uses: Usables,
  call: CallWithin,
  held: (component: Component) => unknown,
): (context: CallContext) => Readonly<Record<string, unknown>> {
  const shape = shapeOf<unknown>(
    Object.entries(uses).map(([name, contract]): [string, (context: CallContext) => unknown] => {
      if (isComponent(contract)) return [name, () => held(contract)]
      const methods = shapeOf<Method>(methodRefs(contract).map((ref) => [ref.method, methodWithin(ref, call)]))
      return [name, (context) => hold(methods, context)]
    }),
  )
  return (context) => hold(shape, context)
}

/** Bound to the call, so that it can be taken out of the client. */
function methodWithin(ref: MethodRef, call: CallWithin): (context: CallContext) => Method {
  return (context) => (input, options) => call(ref, input, options, context)
}

const CONTEXT: unique symbol = Symbol('context')

interface Holder {
  readonly [CONTEXT]: CallContext
}

/** A prototype with those names alone; each is made when it is read. */
function shapeOf<T>(entries: readonly (readonly [string, (context: CallContext) => T])[]): object {
  const shape = Object.create(null)
  for (const [name, make] of entries) {
    Object.defineProperty(shape, name, {
      enumerable: true,
      get(this: Holder): T {
        return make(this[CONTEXT])
      },
    })
  }
  return shape
}

function hold<T>(shape: object, context: CallContext): Readonly<Record<string, T>> {
  const holder = Object.create(shape)
  holder[CONTEXT] = context
  return holder
}
