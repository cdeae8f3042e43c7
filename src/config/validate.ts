/** Checks the tree against the schema, and says of each wrong value where it stands and what was expected. */
import * as v from 'valibot'
import { didYouMean } from './did-you-mean.ts'
import { type FieldMeta, metaOf } from './fields.ts'
import { blockAt } from './introspect.ts'
import { nameOfOrigin, shown } from './mistake.ts'
import { configSchema } from './schema.ts'
import type { ConfigFile } from './shape.ts'
import { originOf, pathKey, type Tree } from './tree.ts'

/** The tree as the files' type; undefined once a mistake was found, which is then in the tree. */
export function validate(tree: Tree): ConfigFile | undefined {
  const result = v.safeParse(configSchema, tree.value)
  if (result.success) return result.output
  const said = new Set<string>()
  for (const issue of result.issues) {
    const { path, message } = deepest(issue, [])
    // A value that is no number is no integer either: one mistake a value.
    const key = pathKey(path)
    if (said.has(key)) continue
    said.add(key)
    report(tree, path, message)
  }
  return undefined
}

/** Of the alternatives of a union, the one that went furthest is what the person meant. */
function deepest(issue: v.BaseIssue<unknown>, around: readonly string[]): { path: readonly string[]; message: string } {
  const path = [...around, ...(issue.path ?? []).map((item) => String(item.key))]
  let best: { path: readonly string[]; message: string } = { path, message: issue.message }
  for (const inner of issue.issues ?? []) {
    const found = deepest(inner, path)
    if (found.path.length > best.path.length) best = found
  }
  return best
}

function report(tree: Tree, path: readonly string[], message: string): void {
  const origin = originOf(tree, path)
  const meta = metaAt(path)
  const expected = meta?.expected ?? message
  const value = valueAt(tree.value, path)
  const near = typeof value === 'string' ? didYouMean(value, meta?.choices ?? []) : undefined
  const name = nameOfOrigin(origin, path)
  tree.mistakes.push({
    code: origin?.kind === 'flag' ? 'GOMS_USAGE' : 'GOMS_CONFIG_INVALID',
    message:
      value === undefined
        ? `\`${name}\` lacks the key \`${path.at(-1)}\``
        : `expected \`${name}\` to be ${expected}, got ${shown(value)}`,
    origin,
    label: near === undefined ? undefined : `did you mean "${near}"?`,
    expected,
    found: shown(value),
    fix: meta?.help === undefined ? [] : [meta.help],
  })
}

function valueAt(tree: unknown, path: readonly string[]): unknown {
  let value = tree
  for (const name of path) value = (value as Record<string, unknown> | null | undefined)?.[name]
  return value
}

/** The description of the field at a path; of the last one that has any, for the items of lists. */
function metaAt(path: readonly string[]): FieldMeta | undefined {
  let schema: v.GenericSchema = configSchema
  let meta: FieldMeta | undefined
  for (const name of path) {
    const block = blockAt(schema, [name])
    const next: v.GenericSchema | undefined =
      block === undefined ? undefined : 'item' in block ? block.item : block.entries[name]
    if (next === undefined) return meta
    schema = next
    meta = metaOf(next)
  }
  return meta
}
