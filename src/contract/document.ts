/** A contract as nodes advertise it: a JSON document under a hash, and its careful reading. */
import { createHash } from 'node:crypto'
import { isLimiterOptions } from '../core/limit.ts'
import type { LimiterOptions, MethodOptions } from '../core/rpc-client.ts'
import { fromActionDocument, type HttpActionDocument, toAction } from './action.ts'
import type { Method } from './method.ts'
import { METHOD_RULES } from './method-check.ts'
import type { Contract } from './shape.ts'

export type { HttpActionDocument } from './action.ts'

/** A method in the document that a node advertises: what callers and gateways must know of it. */
export interface RpcMethodDocument extends Omit<MethodOptions, 'limiter'> {
  readonly limiter?: string
  /** A limiter of the project. Under a name of its own, which versions before it leave out: they know a text only. */
  readonly sharedLimiter?: LimiterOptions
  /** Whether its input and output are checked by a schema at the node. Absent: no. */
  readonly hasInput?: true
  readonly hasOutput?: true
  /** Codes of its own errors. */
  readonly errors?: readonly string[]
}

/** What a node puts into the registry under the contract's hash, as JSON. */
export interface ContractDocument {
  readonly service: string
  readonly http: Readonly<Record<string, HttpActionDocument>>
  /** Absent where the contract has no methods: documents of services without RPC keep their hash. */
  readonly rpc?: Readonly<Record<string, RpcMethodDocument>>
  /** Names of its events, sorted; absent where it has none. */
  readonly events?: readonly string[]
}

const MAX_ERRORS = 256
const MAX_EVENTS = 1024

/** The contract as a node advertises it. */
export function toDocument(contract: Contract): ContractDocument {
  const http: Record<string, HttpActionDocument> = {}
  for (const [action, text] of Object.entries(contract.shape.http ?? {})) {
    http[action] = toAction(text, `contract("${contract.name}"): http.${action}`)
  }
  const methods = Object.entries(contract.shape.rpc ?? {})
  const names = Object.keys(contract.shape.events ?? {}).sort()
  const events = names.length > 0 ? { events: names } : {}
  if (methods.length === 0) return { service: contract.name, http, ...events }
  // No own setter is met: names begin with a letter or digit.
  const rpc: Record<string, RpcMethodDocument> = {}
  for (const [name, method] of methods) rpc[name] = toMethodDocument(method)
  return { service: contract.name, http, rpc, ...events }
}

function toMethodDocument(method: Method): RpcMethodDocument {
  const options: Record<string, unknown> = {}
  for (const option of Object.keys(METHOD_RULES)) {
    const value = method[option as keyof MethodOptions]
    if (value !== undefined && option !== 'limiter') options[option] = value
  }
  Object.assign(options, toLimiterDocument(method.limiter))
  const errors = Object.keys(method.errors ?? {}).sort()
  return {
    ...options,
    ...(method.input && { hasInput: true }),
    ...(method.output && { hasOutput: true }),
    ...(errors.length > 0 && { errors }),
  }
}

function toLimiterDocument(limiter: MethodOptions['limiter']): Pick<RpcMethodDocument, 'limiter' | 'sharedLimiter'> {
  if (limiter === undefined) return {}
  if (typeof limiter === 'string') return { limiter }
  const { shared, ...rest } = limiter
  if (shared === true) return { sharedLimiter: fromLimiterDocument(rest) as LimiterOptions }
  return { limiter: `${rest.perMs / 1000}/${rest.calls}` }
}

function fromLimiterDocument(value: unknown): LimiterOptions | undefined {
  if (!isRecord(value)) return undefined
  const { calls, perMs, onError, timeoutMs } = value
  const known = {
    calls,
    perMs,
    ...(onError !== undefined && { onError }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  }
  return isLimiterOptions({ ...known, shared: true }) ? (known as LimiterOptions) : undefined
}

/** What a document says of a method, as `rpc()` takes it. */
export function methodOptionsOf({ sharedLimiter, ...options }: RpcMethodDocument): MethodOptions {
  return sharedLimiter === undefined ? options : { ...options, limiter: { ...sharedLimiter, shared: true } }
}

/** A document read from the registry, or undefined when it is none: what others wrote is checked before it is used. */
export function fromDocument(value: unknown): ContractDocument | undefined {
  if (!isRecord(value) || typeof value.service !== 'string') return undefined
  const http = fromEntries(value.http ?? {}, fromActionDocument)
  if (http === undefined) return undefined
  const events = value.events === undefined ? undefined : toNames(value.events)
  const told = { service: value.service, http, ...(events && { events }) }
  if (value.rpc === undefined) return told
  const rpc = fromEntries(value.rpc, fromMethodDocument)
  return rpc && { ...told, rpc }
}

/** Nothing depends on them: what is none is left out. */
function toNames(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_EVENTS) return undefined
  return value.every((name) => typeof name === 'string') ? value : undefined
}

/** Fields that are not known come from a later version, and are left out. */
function fromMethodDocument(entry: Readonly<Record<string, unknown>>): RpcMethodDocument | undefined {
  const method: Record<string, unknown> = {}
  for (const [option, rule] of Object.entries(METHOD_RULES)) {
    const value = entry[option]
    if (value === undefined) continue
    if (!rule.fits(value) || typeof value === 'object') return undefined
    method[option] = value
  }
  if (entry.sharedLimiter !== undefined) {
    const sharedLimiter = fromLimiterDocument(entry.sharedLimiter)
    if (sharedLimiter === undefined) return undefined
    method.sharedLimiter = sharedLimiter
  }
  if (entry.hasInput === true) method.hasInput = true
  if (entry.hasOutput === true) method.hasOutput = true
  if (entry.errors !== undefined) {
    const { errors } = entry
    if (!Array.isArray(errors) || errors.length > MAX_ERRORS) return undefined
    if (!errors.every((code) => typeof code === 'string')) return undefined
    method.errors = errors
  }
  return method
}

function fromEntries<T>(
  value: unknown,
  read: (entry: Readonly<Record<string, unknown>>) => T | undefined,
): Readonly<Record<string, T>> | undefined {
  if (!isRecord(value)) return undefined
  const entries: Record<string, T> = Object.create(null)
  for (const [name, entry] of Object.entries(value)) {
    const made = isRecord(entry) ? read(entry) : undefined
    if (made === undefined) return undefined
    entries[name] = made
  }
  return entries
}

/** A short name for exactly this contract: 16 hex digits of the SHA-256 of its document, whatever the order of its keys. */
export function hashOf(contract: Contract): string {
  return createHash('sha256')
    .update(canonical(toDocument(contract)))
    .digest('hex')
    .slice(0, 16)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** JSON with the keys of every object sorted. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!isRecord(value)) return JSON.stringify(value)
  const entries = Object.keys(value).sort()
  return `{${entries.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`
}
