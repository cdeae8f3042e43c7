/**
 * The files as one tree with our names for the keys, each value with the place it came from. Unknown keys, keys given
 * twice and names that cannot be used are found here, where the places are at hand.
 */
import type * as v from 'valibot'
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, type Pair } from 'yaml'
import { isName } from '../core/name.ts'
import { didYouMean } from './did-you-mean.ts'
import type { Source } from './frame.ts'
import { type BlockKeys, blockAt, coerced, isFree, isRecord, itemOf } from './introspect.ts'
import { type Mistake, type Origin, placeOfOrigin } from './mistake.ts'

type Schema = v.GenericSchema
type Block = Record<string, unknown>
type FileOrigin = Extract<Origin, { kind: 'file' }>

/** Values of one file, aliases followed. */
const MAX_VALUES = 100_000
/** Following one costs a search through the document. */
const MAX_ALIASES = 200
const MAX_DEPTH = 64

/** Keys that would change what an object is, or that the check of maps passes over. */
const NEVER = new Set(['__proto__', 'constructor', 'prototype'])

export interface Tree {
  readonly value: Block
  /** By {@link pathKey}. */
  readonly origins: Map<string, Origin>
  readonly mistakes: Mistake[]
}

export function emptyTree(): Tree {
  return { value: {}, origins: new Map(), mistakes: [] }
}

/** Service names may hold dots, so paths are not joined with them. */
export function pathKey(path: readonly string[]): string {
  return path.join('\0')
}

/** The nearest place: the value's own or that of the block around it. */
export function originOf(tree: Tree, path: readonly string[]): Origin | undefined {
  for (let n = path.length; n > 0; n--) {
    const origin = tree.origins.get(pathKey(path.slice(0, n)))
    if (origin !== undefined) return origin
  }
  return undefined
}

/** Reads a parsed file into the tree, along the schema. */
export function readInto(tree: Tree, source: Source, doc: Document, schema: Schema): void {
  new Reader(tree, source, doc).read(schema)
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
        this.#twice(at, before, origin)
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
        this.#twice(origin.written, before, origin)
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
    if (NEVER.has(name)) {
      this.#tree.mistakes.push({
        code: 'GOMS_NAME_INVALID',
        message: `the name "${name}" cannot be used`,
        origin,
        at: 'key',
      })
      return undefined
    }
    if (keys === undefined) return { name, schema: FREE }
    if ('item' in keys) {
      if (path[0] === 'services') this.#checkName(path.length === 1 ? 'service' : 'action', name, origin)
      return { name, schema: keys.item }
    }
    const ours = keys.names.get(name.toLowerCase())
    const schema = ours === undefined ? undefined : keys.entries[ours]
    if (ours !== undefined && schema !== undefined) return { name: ours, schema }
    this.#unknown(keys, name, origin)
    return undefined
  }

  #checkName(kind: 'service' | 'action', name: string, origin: FileOrigin): void {
    if (isName(name)) return
    const dashed = name.replaceAll('_', '-')
    this.#tree.mistakes.push({
      code: 'GOMS_NAME_INVALID',
      message: `the ${kind} name ${JSON.stringify(name.slice(0, 80))} cannot be used`,
      origin,
      at: 'key',
      label: name.includes('_') && isName(dashed) ? `call it "${dashed}"` : undefined,
      fix: [
        name.includes('_')
          ? 'no "_": it separates the parts of a key in the registry'
          : 'letters, digits, "-" and ".", 1 to 63, a letter or digit at both ends',
      ],
    })
  }

  #unknown(keys: BlockKeys, name: string, origin: FileOrigin): void {
    const near =
      didYouMean(name, Object.keys(keys.entries)) ?? keys.names.get(didYouMean(name, keys.names.keys()) ?? '')
    const around = origin.written.slice(0, Math.max(0, origin.written.length - name.length - 1))
    this.#tree.mistakes.push({
      code: 'GOMS_CONFIG_UNKNOWN_KEY',
      message: `unknown key ${JSON.stringify(name.slice(0, 80))}${around === '' ? '' : ` in ${around}`}`,
      origin,
      at: 'key',
      label: near === undefined ? undefined : `did you mean "${near}"?`,
      fix: [`allowed keys: ${Object.keys(keys.entries).join(', ')}`],
    })
  }

  #twice(what: string, first: Origin, second: FileOrigin): void {
    this.#tree.mistakes.push({
      code: 'GOMS_CONFIG_DUPLICATE',
      message: `${what} is defined twice, first at ${placeOfOrigin(first, 'key')}`,
      origin: second,
      at: 'key',
      label: 'defined again here',
      fix: ['keep one of the two'],
    })
  }

  /** The pairs of a map, those of `<<` last. */
  #pairs(map: Node, depth: number): { pair: Pair; name: string; merged: boolean }[] {
    if (!isMap(map)) return []
    const own: { pair: Pair; name: string; merged: boolean }[] = []
    const merged: { pair: Pair; name: string; merged: boolean }[] = []
    for (const pair of map.items) {
      const key = this.#resolved(pair.key as Node, depth)
      if (!isScalar(key)) continue
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
