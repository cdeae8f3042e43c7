/** Checks the options of a method: those that an author wrote, and those that another node advertised. */
import { GomsError } from '../core/errors.ts'
import { isLimiterOptions } from '../core/limit.ts'
import type { MethodOptions } from '../core/rpc-client.ts'
import type { Method } from './method.ts'
import { isSchema } from './standard-schema.ts'

const MAX_TIMEOUT_MS = 2 ** 31 - 1
const MAX_RETRIES = 10
/** Seconds and calls, as `resilience/rate.ts` reads them. */
const RATE = /^\s*\d{1,9}(?:\.\d{1,9})?\s*\/\s*\d{1,9}\s*$/
const ERROR_CODE = /^[A-Z][A-Z0-9_]{0,63}$/

const EXPOSE: readonly unknown[] = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']

interface Rule {
  readonly expected: string
  readonly fits: (value: unknown) => boolean
}

const isWhole = (value: unknown, least: number, most: number): boolean =>
  typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most

const rate: Rule = {
  expected: '"<seconds>/<calls>", like "5/100"',
  fits: (value) => typeof value === 'string' && RATE.test(value),
}

/** Every option with what it may be. */
export const METHOD_RULES: Readonly<Record<keyof MethodOptions, Rule>> = {
  timeoutMs: {
    expected: `an integer from 1 to ${MAX_TIMEOUT_MS}`,
    fits: (value) => isWhole(value, 1, MAX_TIMEOUT_MS),
  },
  idempotent: { expected: 'true or false', fits: (value) => typeof value === 'boolean' },
  retries: { expected: `an integer from 0 to ${MAX_RETRIES}`, fits: (value) => isWhole(value, 0, MAX_RETRIES) },
  limiter: {
    expected: `${rate.expected}, or { calls, perMs } with shared, onError, timeoutMs`,
    fits: (value) => rate.fits(value) || isLimiterOptions(value),
  },
  breaker: rate,
  expose: { expected: `one of ${EXPOSE.join(', ')}`, fits: (value) => EXPOSE.includes(value) },
}

const OTHERS: readonly string[] = ['kind', 'types', 'input', 'output', 'errors']

/** @throws GomsError GOMS_NAME_INVALID, GOMS_OPTION_INVALID */
export function checkMethod(name: string, method: Method, where: string): void {
  if (name === 'then') {
    throw new GomsError('GOMS_NAME_INVALID', `${where}: a client with a method "then" would be taken for a promise`, {
      detail: { found: '"then"', expected: 'any other name', fix: 'rename the method' },
    })
  }
  if (typeof method !== 'object' || method === null || method.kind !== 'rpc') {
    throw invalid(where, method, 'what rpc() returns', 'write rpc<Input, Output>() or rpc({ input, output })')
  }
  for (const [option, value] of Object.entries(method)) {
    if (value === undefined || OTHERS.includes(option)) continue
    const rule = Object.hasOwn(METHOD_RULES, option) ? METHOD_RULES[option as keyof MethodOptions] : undefined
    if (rule === undefined) {
      const known = [...OTHERS.slice(2), ...Object.keys(METHOD_RULES)].join(', ')
      throw invalid(`${where}.${option}`, value, 'a known option', `the options are ${known}`)
    }
    if (!rule.fits(value)) throw invalid(`${where}.${option}`, value, rule.expected)
  }
  for (const side of ['input', 'output'] as const) {
    if (method[side] !== undefined && !isSchema(method[side])) throw notSchema(`${where}.${side}`, method[side])
  }
  for (const [code, schema] of Object.entries(method.errors ?? {})) {
    if (!ERROR_CODE.test(code) || code.startsWith('GOMS_') || FRAMEWORK.includes(code)) {
      throw invalid(`${where}.errors.${code}`, code, 'a code of your own in capitals, like USER_NOT_FOUND')
    }
    if (!isSchema(schema)) throw notSchema(`${where}.errors.${code}`, schema)
  }
}

/** Codes that say something about nodes and connections; a method that declares them would lie about that. */
const FRAMEWORK: readonly string[] = ['UNAVAILABLE', 'BAD_GATEWAY', 'OVERLOADED', 'DRAINING', 'INTERNAL', 'UNKNOWN']

function notSchema(where: string, found: unknown): GomsError {
  const fix = 'give a schema of zod, valibot, arktype …, or the types alone: rpc<Input, Output>()'
  return invalid(where, found, 'a Standard Schema', fix)
}

function invalid(where: string, value: unknown, expected: string, fix?: string): GomsError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : `\`${describe(value)}\``
  const found = `${shown} (${typeof value})`
  return new GomsError('GOMS_OPTION_INVALID', `${where}: expected ${expected}, got ${found}`, {
    detail: { found, expected, ...(fix !== undefined && { fix }) },
  })
}

/** A block by its keys. */
function describe(value: unknown): string {
  const isBlock = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isBlock ? `{ ${Object.keys(value).join(', ').slice(0, 80)} }` : String(value)
}
