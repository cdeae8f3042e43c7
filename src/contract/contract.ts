/** The typed description of a service: plain data that callers, gateways and front ends may import; it opens nothing. */
import { createHash } from 'node:crypto'
import { GomsError } from '../core/errors.ts'
import { checkName } from '../core/name.ts'

/** Method and path at the service: `'POST /login'`; several methods as `'GET|POST /login'`; `'/login'` takes any method. */
export type HttpAction = string

/** What a contract may say. Keys are the names of the actions, as they stand in `/api/<service>/<action>`. */
export interface ContractShape {
  readonly http?: Readonly<Record<string, HttpAction>>
}

/** A contract as `contract()` returns it; `Shape` keeps the literal that it was made of. */
export interface Contract<Name extends string = string, Shape extends ContractShape = ContractShape> {
  readonly kind: 'contract'
  readonly name: Name
  readonly shape: Shape
}

/** An action in the document that a node advertises. */
export interface HttpActionDocument {
  /** Path at the service, beginning with `/`. */
  readonly path: string
  /** Upper case; absent: any. */
  readonly methods?: readonly string[]
}

/** What a node puts into the registry under the contract's hash, as JSON. */
export interface ContractDocument {
  readonly service: string
  readonly http: Readonly<Record<string, HttpActionDocument>>
}

/**
 * Describes a service.
 * @throws GomsError GOMS_NAME_INVALID for the service's or an action's name, GOMS_OPTION_INVALID for a method or path
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
  return { kind: 'contract', name, shape }
}

export function isContract(value: unknown): value is Contract {
  return typeof value === 'object' && value !== null && (value as { kind?: unknown }).kind === 'contract'
}

/** The contract as a node advertises it. */
export function toDocument(contract: Contract): ContractDocument {
  const http: Record<string, HttpActionDocument> = {}
  for (const [action, text] of Object.entries(contract.shape.http ?? {})) {
    http[action] = toAction(text, `contract("${contract.name}"): http.${action}`)
  }
  return { service: contract.name, http }
}

/** A document read from the registry, or undefined when it is none: what others wrote is checked before it is used. */
export function fromDocument(value: unknown): ContractDocument | undefined {
  if (!isRecord(value) || typeof value.service !== 'string') return undefined
  const http: Record<string, HttpActionDocument> = Object.create(null)
  const actions = value.http ?? {}
  if (!isRecord(actions)) return undefined
  for (const [action, entry] of Object.entries(actions)) {
    if (!isRecord(entry)) return undefined
    const { path, methods } = entry
    if (typeof path !== 'string' || !PATH.test(path)) return undefined
    if (methods === undefined) http[action] = { path }
    else if (Array.isArray(methods) && methods.every(isMethod)) http[action] = { path, methods: methods as string[] }
    else return undefined
  }
  return { service: value.service, http }
}

/** A short name for exactly this contract: 16 hex digits of the SHA-256 of its document, whatever the order of its keys. */
export function hashOf(contract: Contract): string {
  return createHash('sha256')
    .update(canonical(toDocument(contract)))
    .digest('hex')
    .slice(0, 16)
}

const METHOD = /^[A-Z]{1,16}$/
const PATH = /^\/[!-~]*$/

const isMethod = (value: unknown): boolean => typeof value === 'string' && METHOD.test(value)

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function toAction(text: unknown, where: string): HttpActionDocument {
  const [left = '', right, ...rest] = typeof text === 'string' ? text.trim().split(/\s+/) : []
  const path = right ?? left
  const methods = right === undefined || left.toUpperCase() === 'ANY' ? [] : left.toUpperCase().split('|')
  if (rest.length > 0 || !PATH.test(path) || /[?#]/.test(path) || !methods.every(isMethod)) {
    throw new GomsError('GOMS_OPTION_INVALID', `${where}: ${JSON.stringify(text)} is no method and path`, {
      detail: {
        found: `${JSON.stringify(text)} (${typeof text})`,
        expected: 'a method and a path at the service, like "POST /login"',
        fix: 'write the method, a space and the path; the path begins with "/" and has no query',
      },
    })
  }
  return methods.length === 0 ? { path } : { path, methods }
}

/** JSON with the keys of every object sorted. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isRecord(value)) return JSON.stringify(value)
  const entries = Object.keys(value).sort()
  return `{${entries.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`
}
