/** Stand-ins for services and components that a test does not start. */
import { isContract } from '../contract/contract.ts'
import type { HandlersOf } from '../contract/handler.ts'
import type { Contract } from '../contract/shape.ts'
import type { Component } from '../core/component.ts'
import { GomsError } from '../core/errors.ts'
import { type ContractedService, service } from '../service/service.ts'

/** What `mock()` makes of a component. */
export interface MockedComponent {
  readonly kind: 'mocked component'
  readonly component: Component
  readonly value: unknown
}

type Untyped = (contract: Contract, options: object) => ContractedService<never>

/**
 * A service that answers as the test says. Inputs are checked as by the real one; methods without a handler reject with
 * UNIMPLEMENTED, so a test gives only those that it is about.
 * @throws GomsError GOMS_OPTION_INVALID for a handler without a method
 */
export function mock<C extends Contract>(contract: C, handlers?: Partial<HandlersOf<C>>): ContractedService<C>
/** A component that is not started: services of the test find `value` in its place. */
export function mock<Value>(component: Component<Value>, value: Value): MockedComponent
export function mock(contract: Contract | Component, given: unknown = {}): unknown {
  if (!isContract(contract)) return { kind: 'mocked component', component: contract, value: given }
  const handlers = given as object
  const rpc: Record<string, unknown> = {}
  for (const method of Object.keys(contract.shape.rpc ?? {})) {
    rpc[method] = () => {
      throw new GomsError('UNIMPLEMENTED', `${contract.name}.${method}: the mock has no handler for it`)
    }
  }
  // One that no method is for is refused by `service` itself.
  return (service as unknown as Untyped)(contract, { rpc: { ...rpc, ...handlers } })
}
