/** The typed description of a service: plain data that callers, gateways and front ends may import; it opens nothing. */
import { GomsError } from '../core/errors.ts'
import { checkName } from '../core/name.ts'
import { toAction } from './action.ts'
import type { Event } from './event.ts'
import type { Method } from './method.ts'
import { checkMethod } from './method-check.ts'
import type { Contract, ContractShape } from './shape.ts'

export {
  type ContractDocument,
  fromDocument,
  type HttpActionDocument,
  hashOf,
  methodOptionsOf,
  type RpcMethodDocument,
  toDocument,
} from './document.ts'
export type { Contract, ContractShape, HttpAction } from './shape.ts'

/**
 * Describes a service: its RPC methods, what it serves over HTTP, and its events.
 * @throws GomsError GOMS_NAME_INVALID for the name of the service, of an action, method or event; GOMS_OPTION_INVALID for
 * a method and path, or an option of `rpc()`
 */
export function contract<const Name extends string, const Shape extends ContractShape>(
  name: Name,
  shape: Shape,
): Contract<Name, Shape> {
  checkName('service', name)
  for (const [action, text] of Object.entries(shape.http ?? {})) {
    checkName('action', action)
    toAction(text, `contract("${name}"): http.${action}`)
  }
  for (const [method, options] of Object.entries<Method>(shape.rpc ?? {})) {
    checkName('method', method)
    checkMethod(method, options, `contract("${name}"): rpc.${method}`)
  }
  for (const [event, made] of Object.entries<Event>(shape.events ?? {})) {
    checkName('event', event)
    if (made?.kind !== 'event') throw notMade(`contract("${name}"): events.${event}`, made)
  }
  return { kind: 'contract', name, shape }
}

export function isContract(value: unknown): value is Contract {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'contract'
}

function notMade(where: string, found: unknown): GomsError {
  return new GomsError('GOMS_OPTION_INVALID', `${where}: expected event<…>() or event(schema)`, {
    detail: {
      found: `${String(found)} (${typeof found})`,
      expected: 'what event() returns',
      fix: 'write event<Payload>()',
    },
  })
}
