/**
 * Reads YAML into the tree along the schema. Imported only where there are files: YAML is half of the time of a start.
 */
import type * as v from 'valibot'
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml'
import type { Source } from './frame.ts'
import { blockAt, coerced, isFree, isRecord, itemOf } from './introspect.ts'
import { isNever, nameMistake, neverMistake, twice, unknownKey } from './key-mistakes.ts'
import type { Origin } from './mistake.ts'
import { parseText } from './parse.ts'
import { pathKey, type Tree } from './tree.ts'

type Schema = v.GenericSchema
type Block = Record<string, unknown>
type FileOrigin = Extract<Origin, { kind: 'file' }>

/** Values of one file, aliases followed. */
const MAX_VALUES = 100_000
/** Following one costs a search through the document. */
const MAX_ALIASES = 200
const MAX_DEPTH = 64

/**
 * Reads files into one tree with our names for the keys, each value with the place it came from. Unknown keys, keys
 * given twice and names that cannot be used are found on the way, where the places are at hand.
 */
export function readInto(tree: Tree, sources: readonly Source[], schema: Schema): void {
  for (const source of sources) {
    const doc = parseText(source)
    if ('code' in doc) tree.mistakes.push(doc)
    else new Reader(tree, source, doc).read(schema)
  }
}

class TooMuch extends Error {}

class Reader {
  readonly #tree: Tree
  readonly #source: Source
  readonly #doc: Document
  #values = 0
  #aliases = 0

  constructor(tree: Tree, source: Source, doc: Document) {
    this.#tree = tree
    this.#source = source
    this.#doc = doc
  }

  read(schema: Schema): void {
    const root = this.#doc.contents as Node | null
    if (root === null || (isScalar(root) && root.value === null)) return
    const origin = this.#origin(root, root, '')
    if (!isMap(root)) {
      this.#tree.mistakes.push({
        code: 'GOMS_CONFIG_INVALID',
        message: `expected ${this.#source.path} to hold keys, got ${isSeq(root) ? 'a list' : 'a single value'}`,
        origin,
        fix: ['write `key: value` lines, for example `projectName: goms`'],
      })
      return
    }
    try {
      this.#block(root, schema, [], '', this.#tree.value, 0)
    } catch (error) {
      if (!(error instanceof TooMuch)) throw error
      this.#tree.mistakes.push({
        code: 'GOMS_CONFIG_INVALID',
        message: `${this.#source.path}: ${error.message}`,
        fix: ['write the values out instead of repeating them with anchors and aliases'],
      })
    }
  }

  #block(map: Node, schema: Schema, path: readonly string[], written: string, into: Block, depth: number): void {
    const pairs = this.#pairs(map, depth)
    const names = pairs.map(({ name }) => name)
    const keys = blockAt(schema, names)
    const seen = new Map<string, FileOrigin>()
    for (const { pair, name, merged } of pairs) {
      const keyNode = pair.key as Node
      const valueNode = (pair.value ?? undefined) as Node | undefined
      const at = written === '' ? name : `${written}.${name}`
      const origin = this.#origin(keyNode, valueNode ?? keyNode, at)
      const field = this.#field(keys, path, name, origin)
      if (field === undefined) continue
      const before = seen.get(name)
      if (merged && into[field.name] !== undefined) continue
      if (before !== undefined) {
        this.#tree.mistakes.push(twice(at, before, origin))
        continue
      }
      seen.set(name, origin)
      this.#put(valueNode, field.schema, [...path, field.name], origin, into, field.name, depth)
    }
  }

  #put(
    node: Node | undefined,
    schema: Schema,
    path: readonly string[],
    origin: FileOrigin,
    into: Block,
    name: string,
    depth: number,
  ): void {
    const target = this.#resolved(node, depth)
    // `redisAddr:` with nothing behind it is a key that is not set.
    if (target === undefined || (isScalar(target) && target.value === null)) return
    const key = pathKey(path)
    const before = this.#tree.origins.get(key)
    const old = into[name]
    if (old !== undefined && before?.kind === 'file') {
      if (!(isRecord(schema) && isMap(target) && typeof old === 'object')) {
        this.#tree.mistakes.push(twice(origin.written, before, origin))
        return
      }
      this.#block(target, schema, path, origin.written, old as Block, depth + 1)
      return
    }
    this.#tree.origins.set(key, origin)
    into[name] = this.#value(target, schema, path, origin, depth + 1)
  }

  #value(node: Node | undefined, schema: Schema, path: readonly string[], origin: FileOrigin, depth: number): unknown {
    const target = this.#resolved(node, depth)
    if (target === undefined) return null
    if (isScalar(target)) {
      if (isFree(schema) || target.value === null) return target.value
      return coerced(schema, target.value, target.source ?? String(target.value))
    }
    if (isSeq(target)) {
      const item = isFree(schema) ? schema : itemOf(schema)
      return target.items.map((entry, i) => {
        const child = [...path, String(i)]
        const childOrigin = this.#origin(entry as Node, entry as Node, `${origin.written}[${i}]`)
        this.#tree.origins.set(pathKey(child), childOrigin)
        return this.#value(entry as Node, item ?? FREE, child, childOrigin, depth + 1)
      })
    }
    const block: Block = {}
    this.#block(target, schema, path, origin.written, block, depth + 1)
    return block
  }

  /** What a key leads to; undefined with a mistake said, where it leads nowhere. */
  #field(
    keys: ReturnType<typeof blockAt>,
    path: readonly string[],
    name: string,
    origin: FileOrigin,
  ): { name: string; schema: Schema } | undefined {
    if (isNever(name)) {
      this.#tree.mistakes.push(neverMistake(name, origin))
      return undefined
    }
    if (keys === undefined) return { name, schema: FREE }
    if ('item' in keys) {
      const mistake =
        path[0] === 'services' ? nameMistake(path.length === 1 ? 'service' : 'action', name, origin) : undefined
      if (mistake !== undefined) this.#tree.mistakes.push(mistake)
      return { name, schema: keys.item }
    }
    const ours = keys.names.get(name.toLowerCase())
    const schema = ours === undefined ? undefined : keys.entries[ours]
    if (ours !== undefined && schema !== undefined) return { name: ours, schema }
    this.#tree.mistakes.push(unknownKey(keys, name, origin))
    return undefined
  }

  /** The pairs of a map, those of `<<` last. */
  #pairs(map: Node, depth: number): { pair: Pair; name: string; merged: boolean }[] {
    if (!isMap(map)) return []
    const own: { pair: Pair; name: string; merged: boolean }[] = []
    const merged: { pair: Pair; name: string; merged: boolean }[] = []
    for (const pair of map.items) {
      const key = this.#resolved(pair.key as Node, depth)
      if (!isScalar(key)) {
        this.#tree.mistakes.push({
          code: 'GOMS_CONFIG_INVALID',
          message: 'expected a key to be a text, got a list or a block',
          origin: this.#origin(pair.key as Node, pair.key as Node, ''),
        })
        continue
      }
      const name = key.source ?? String(key.value)
      if (name !== '<<') {
        own.push({ pair, name, merged: false })
        continue
      }
      const from = this.#resolved(pair.value as Node, depth)
      for (const source of isSeq(from) ? from.items : [from]) {
        const block = this.#resolved(source as Node, depth)
        if (block !== undefined)
          merged.push(...this.#pairs(block, depth + 1).map((entry) => ({ ...entry, merged: true })))
      }
    }
    return [...own, ...merged]
  }

  #resolved(node: Node | undefined | null, depth: number): Exclude<Node, { type: 'ALIAS' }> | undefined {
    if (++this.#values > MAX_VALUES) throw new TooMuch(`more than ${MAX_VALUES} values, aliases followed`)
    if (depth > MAX_DEPTH) throw new TooMuch(`blocks nested deeper than ${MAX_DEPTH}`)
    if (!isAlias(node)) return node ?? undefined
    if (++this.#aliases > MAX_ALIASES) throw new TooMuch(`more than ${MAX_ALIASES} aliases`)
    return node.resolve(this.#doc) as Exclude<Node, { type: 'ALIAS' }> | undefined
  }

  #origin(key: Node | null, value: Node | null, written: string): FileOrigin {
    const keyRange = key?.range ?? [0, 1, 1]
    const valueRange = value?.range ?? keyRange
    return {
      kind: 'file',
      source: this.#source,
      written,
      key: [keyRange[0], keyRange[1]],
      value: [valueRange[0], valueRange[1]],
    }
  }
}

/** Where no schema has a say: the user's own keys, and values of a wrong kind that the check refuses later. */
const FREE: Schema = { type: 'unknown', kind: 'schema' } as unknown as Schema
