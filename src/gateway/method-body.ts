/** Inputs and outputs of RPC methods as JSON: what clients outside send, and what they get. */
import { GomsError } from '../core/errors.ts'

/** Body of a request to a method, where the configuration sets no `maxBodyBytes`: it is held in memory. */
export const MAX_INPUT_BYTES = 1_048_576

/**
 * The input that a body holds; undefined for an empty one.
 * @throws GomsError INVALID_ARGUMENT
 */
export function inputOf(body: Buffer, where: string): unknown {
  if (body.length === 0) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (thrown) {
    const why = thrown instanceof SyntaxError ? thrown.message.slice(0, 200) : 'it is not UTF-8'
    throw new GomsError('INVALID_ARGUMENT', `${where}: the body is no JSON (${why})`)
  }
}

/** The input that a query holds: texts, and lists of them where a name is repeated; undefined for an empty one. */
export function inputOfQuery(query: string): unknown {
  const values = new Map<string, string | string[]>()
  for (const [name, value] of new URLSearchParams(query)) {
    const before = values.get(name)
    values.set(name, before === undefined ? value : [before, value].flat())
  }
  return values.size === 0 ? undefined : Object.fromEntries(values)
}

/**
 * A value of MessagePack as JSON: dates as ISO 8601, bytes as base64, integers beyond 2^53 as text.
 * @throws TypeError for circles, which only a method of this process can answer with
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value, replace) ?? 'null'
}

function replace(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  // Buffers were turned into `{ type, data }` before this is asked: the original still stands in its holder.
  const held = (this as Readonly<Record<string, unknown>>)[key]
  return held instanceof Uint8Array
    ? Buffer.from(held.buffer, held.byteOffset, held.byteLength).toString('base64')
    : value
}
