/** The fields of a line as plain, bounded data: no circles, no secrets, errors with their stack. */
import type { LogFields } from '../core/log.ts'
import { createSecretNames, type IsSecret } from '../telemetry/secret-names.ts'

/** More of one text is cut. */
export const MAX_TEXT_CHARS = 8192
/** Of all texts of a line. */
const MAX_CHARS = 32_768
/** Values of a line, at any depth. */
const MAX_VALUES = 256
const MAX_DEPTH = 6

const REDACTED = '[redacted]'

interface Budget {
  chars: number
  values: number
  readonly isSecret: IsSecret
}

const usualSecrets = createSecretNames([])

/**
 * Keys that are symbols are left out, as are functions and what is undefined.
 * @param isSecret names whose texts are never written
 */
export function toPlainFields(fields: LogFields, isSecret: IsSecret = usualSecrets): Record<string, unknown> {
  const budget: Budget = { chars: MAX_CHARS, values: MAX_VALUES, isSecret }
  try {
    return entriesOf(fields, budget, 0)
  } catch (thrown) {
    // A getter of somebody's own.
    return { unreadable: cut(String(thrown), MAX_TEXT_CHARS) }
  }
}

/** At most so many characters, and how many there were more. */
export function cut(text: string, maxChars: number): string {
  return text.length <= maxChars ? text : `${text.slice(0, maxChars)}… ${text.length - maxChars} more`
}

function entriesOf(value: object, budget: Budget, depth: number): Record<string, unknown> {
  const plain: Record<string, unknown> = {}
  for (const name of Object.keys(value)) {
    if (budget.values <= 0 || budget.chars <= 0) {
      plain.cut = true
      break
    }
    const one = toPlain((value as Record<string, unknown>)[name], budget, depth, budget.isSecret(name))
    if (one === undefined) continue
    const key = cut(name, 100)
    budget.chars -= key.length
    // Not by assignment: `__proto__` is a name like any other here.
    Object.defineProperty(plain, key, { value: one, enumerable: true, configurable: true, writable: true })
  }
  return plain
}

function toPlain(value: unknown, budget: Budget, depth: number, secret: boolean): unknown {
  budget.values--
  switch (typeof value) {
    case 'string':
      return secret ? REDACTED : textOf(value, budget)
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'boolean':
      return value
    case 'bigint':
      return value.toString()
    case 'object':
      if (value === null) return null
      return secret ? REDACTED : objectOf(value, budget, depth)
    default:
      return undefined
  }
}

function textOf(text: string, budget: Budget): string {
  const kept = cut(text, Math.max(0, Math.min(MAX_TEXT_CHARS, budget.chars)))
  budget.chars -= kept.length
  return kept
}

function objectOf(value: object, budget: Budget, depth: number): unknown {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString()
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`
  if (depth >= MAX_DEPTH) return '…'
  if (value instanceof Error) return errorOf(value, budget, depth)
  if (Array.isArray(value)) return listOf(value, budget, depth)
  if (value instanceof Map) return entriesOf(Object.fromEntries([...value].slice(0, MAX_VALUES)), budget, depth + 1)
  if (value instanceof Set) return listOf([...value].slice(0, MAX_VALUES), budget, depth)
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') return toPlain(toJSON.call(value, ''), budget, depth + 1, false)
  return entriesOf(value, budget, depth + 1)
}

function listOf(list: readonly unknown[], budget: Budget, depth: number): unknown[] {
  const plain: unknown[] = []
  for (const one of list) {
    if (budget.values <= 0 || budget.chars <= 0) {
      plain.push(`… ${list.length - plain.length} more`)
      break
    }
    plain.push(toPlain(one, budget, depth + 1, false) ?? null)
  }
  return plain
}

/** What an error is, and the fields of its own. */
function errorOf(error: Error, budget: Budget, depth: number): Record<string, unknown> {
  const { name, message, stack, cause } = error
  const own = entriesOf(
    { ...error, name: undefined, message: undefined, stack: undefined, cause: undefined },
    budget,
    depth + 1,
  )
  return {
    name: textOf(String(name), budget),
    message: textOf(String(message), budget),
    ...own,
    ...(stack !== undefined && { stack: textOf(String(stack), budget) }),
    ...(cause !== undefined && { cause: toPlain(cause, budget, depth + 1, false) }),
  }
}
