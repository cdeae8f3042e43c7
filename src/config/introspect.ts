/** What a schema lets in at one place, so that a file can be read along with it. */
import type * as v from 'valibot'
import { metaOf } from './fields.ts'

type Schema = v.GenericSchema

interface Parts {
  readonly entries?: Readonly<Record<string, Schema>>
  readonly key?: Schema
  readonly value?: Schema
  readonly options?: readonly Schema[]
  readonly item?: Schema
  readonly wrapped?: Schema
}

function unwrap(schema: Schema): Schema {
  const wrapped = (schema as Parts).wrapped
  return wrapped === undefined ? schema : unwrap(wrapped)
}

/** The alternatives of a schema, flat. */
function alternatives(schema: Schema): readonly Schema[] {
  const inner = unwrap(schema)
  return inner.type === 'union' ? ((inner as Parts).options ?? []).flatMap(alternatives) : [inner]
}

/** The keys of a block: names of ours and the other names that lead to them. */
export interface BlockKeys {
  readonly entries: Readonly<Record<string, Schema>>
  /** Lower-case name or alias → our name. */
  readonly names: ReadonlyMap<string, string>
}

const blockKeys = new WeakMap<Schema, BlockKeys>()

function keysOf(schema: Schema): BlockKeys {
  const known = blockKeys.get(schema)
  if (known !== undefined) return known
  const entries = (schema as Parts).entries ?? {}
  const names = new Map<string, string>()
  for (const [name, field] of Object.entries(entries)) {
    for (const alias of [name, ...(metaOf(field)?.aliases ?? [])]) names.set(alias.toLowerCase(), name)
  }
  const keys: BlockKeys = { entries, names }
  blockKeys.set(schema, keys)
  return keys
}

/** What a block of keys may be here; `keyNames` are those of the text, since they tell the alternatives apart. */
export function blockAt(
  schema: Schema,
  keyNames: readonly string[],
): BlockKeys | { readonly item: Schema } | undefined {
  let item: Schema | undefined
  let block: BlockKeys | undefined
  for (const option of alternatives(schema)) {
    if (option.type === 'strict_object') {
      const keys = keysOf(option)
      if (block === undefined || keyNames.some((name) => keys.names.has(name.toLowerCase()))) block = keys
    } else if (option.type === 'record') item = (option as Parts).value
  }
  if (item !== undefined && !(block !== undefined && keyNames.some((name) => block?.names.has(name.toLowerCase())))) {
    return { item }
  }
  return block
}

export function itemOf(schema: Schema): Schema | undefined {
  return (alternatives(schema).find((option) => option.type === 'array') as Parts | undefined)?.item
}

export function isRecord(schema: Schema): boolean {
  return unwrap(schema).type === 'record'
}

export function isFree(schema: Schema): boolean {
  return unwrap(schema).type === 'unknown'
}

/**
 * A scalar in the kind that the schema wants, as the Go programs read it: `8080` and `"8080"` are the same port, and a
 * key of digits is a text. `text` is how it was written, so that `0012` stays `0012`.
 */
export function coerced(schema: Schema, value: unknown, text: string): unknown {
  const kinds = alternatives(schema).map((option) => option.type)
  const takesText = kinds.includes('string') || kinds.includes('picklist')
  if (typeof value === 'string') {
    if (!takesText && kinds.includes('number') && /^\d{1,15}$/.test(value)) return Number(value)
    if (!takesText && kinds.includes('boolean') && (value === 'true' || value === 'false')) return value === 'true'
    return value
  }
  if (kinds.includes('string') && !kinds.includes(typeof value)) return text
  return value
}
