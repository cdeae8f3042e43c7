/** Checks what a service file gives to `service()`, for those who write JavaScript or look away from the compiler. */
import { isContract } from '../contract/contract.ts'
import type { Contract } from '../contract/shape.ts'
import { isComponent } from '../core/component.ts'
import { GomsError } from '../core/errors.ts'
import { RESERVED } from './reserved.ts'

export function checkMaxInFlight(maxInFlight: unknown): void {
  if (maxInFlight === undefined) return
  const isNumber = typeof maxInFlight === 'number' && Number.isInteger(maxInFlight)
  if (isNumber && maxInFlight >= 1 && maxInFlight <= 1e6) return
  const found = `\`${String(maxInFlight)}\` (${typeof maxInFlight})`
  throw invalid(
    'service',
    `expected \`maxInFlight\` to be an integer from 1 to 1000000, got ${found}`,
    found,
    'an integer from 1 to 1000000',
    'leave it out for no limit',
  )
}

/** Each method of the contract has a handler, and each handler a method. */
export function checkHandlers(contract: Contract, handlers: Readonly<Record<string, unknown>>): void {
  const methods = contract.shape.rpc ?? {}
  for (const method of Object.keys(methods)) {
    const handler = Object.hasOwn(handlers, method) ? handlers[method] : undefined
    if (typeof handler === 'function') continue
    throw invalid(
      `service("${contract.name}")`,
      `the method "${method}" has no handler`,
      `rpc.${method}: ${handler === undefined ? 'nothing' : typeof handler}`,
      'a function for each method of the contract',
      `add rpc: { ${method}: (input, context) => … }`,
    )
  }
  for (const method of Object.keys(handlers)) {
    if (Object.hasOwn(methods, method)) continue
    throw invalid(
      `service("${contract.name}")`,
      `the contract has no method "${method}"`,
      `rpc.${method}`,
      `one of ${Object.keys(methods).join(', ') || 'none: the contract has no rpc'}`,
      'add it to the contract, or rename the handler',
    )
  }
}

/** Keys of `uses` stand beside what every context has; subscriptions are to services that are used. */
export function checkUses(
  service: string,
  uses: Readonly<Record<string, unknown>>,
  on: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>,
): void {
  const where = `service("${service}")`
  for (const [key, contract] of Object.entries(uses)) {
    if (RESERVED.has(key)) {
      const others = [...RESERVED].join(', ')
      throw invalid(where, `\`uses.${key}\` would hide the context's own \`${key}\``, key, `none of ${others}`)
    }
    if (!isContract(contract) && !isComponent(contract)) {
      const expected = 'what contract() or component() returns'
      throw invalid(where, `\`uses.${key}\` is neither a contract nor a component`, typeof contract, expected)
    }
  }
  for (const [key, handlers] of Object.entries(on)) {
    const contract = Object.hasOwn(uses, key) ? uses[key] : undefined
    if (!isContract(contract)) {
      throw invalid(where, `\`on.${key}\` is no contract of \`uses\``, key, 'a key of uses', `add uses: { ${key}: … }`)
    }
    const events = contract.shape.events ?? {}
    for (const [event, handler] of Object.entries(handlers ?? {})) {
      if (Object.hasOwn(events, event)) {
        if (typeof handler === 'function') continue
        throw invalid(where, `\`on.${key}.${event}\` is no function`, typeof handler, '(event, context) => …')
      }
      const known = Object.keys(events).join(', ') || 'none: its contract has no events'
      throw invalid(where, `"${contract.name}" has no event "${event}"`, `on.${key}.${event}`, known)
    }
  }
}

function invalid(where: string, what: string, found: string, expected: string, fix?: string): GomsError {
  return new GomsError('GOMS_OPTION_INVALID', `${where}: ${what}`, {
    detail: { found, expected, ...(fix !== undefined && { fix }) },
  })
}
