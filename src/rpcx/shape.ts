/** The shape of values that a method takes or gives, learnt from samples; what a compiled codec is made from. */

/** What a value is likely to be. A guess, never a promise: compiled code checks, and falls back where it is wrong. */
export type Shape =
  | { readonly kind: 'any' | 'text' | 'number' | 'flag' }
  | { readonly kind: 'list'; readonly of: Shape }
  | MapShape

/** A plain object with these keys in this order. */
export interface MapShape {
  readonly kind: 'map'
  readonly keys: readonly string[]
  readonly values: readonly Shape[]
}

/** Keys of one map; larger maps are data, not structure. */
const MAX_KEYS = 32
/** A key must be plain text that fits a one-byte header. */
const KEY = /^[\x20-\x7e]{1,31}$/
const MAX_SHAPE_DEPTH = 4

const ANY: Shape = { kind: 'any' }

/** The header of a map of so many keys. */
export function mapHeader(count: number): number[] {
  return count < 16 ? [0x80 | count] : [0xde, count >>> 8, count & 0xff]
}

/** A key as it is written, behind its header of one byte. */
export function keyBytes(key: string): number[] {
  return [0xa0 | key.length, ...Buffer.from(key, 'latin1')]
}

export function shapeOf(value: unknown, depth = 0): Shape {
  if (typeof value === 'string') return { kind: 'text' }
  if (typeof value === 'number') return { kind: 'number' }
  if (typeof value === 'boolean') return { kind: 'flag' }
  if (typeof value !== 'object' || value === null || depth >= MAX_SHAPE_DEPTH) return ANY
  if (Array.isArray(value)) return value.length === 0 ? ANY : { kind: 'list', of: shapeOf(value[0], depth + 1) }
  if (Object.getPrototypeOf(value) !== Object.prototype) return ANY
  return mapOf(value as Record<string, unknown>, depth)
}

function mapOf(value: Record<string, unknown>, depth: number): Shape {
  const keys = Object.keys(value)
  if (keys.length === 0 || keys.length > MAX_KEYS || !keys.every(isPlainKey)) return ANY
  const values = keys.map((key) => value[key])
  // An undefined property does not travel: that object is of another shape.
  if (values.includes(undefined)) return ANY
  return { kind: 'map', keys, values: values.map((property) => shapeOf(property, depth + 1)) }
}

/** `__proto__` in an object literal is no key, and `toJSON` changes what is sent. */
function isPlainKey(key: string): boolean {
  return KEY.test(key) && key !== '__proto__' && key !== 'toJSON'
}

/** What both have in common. */
export function mergeShapes(a: Shape, b: Shape): Shape {
  if (a.kind === 'map' && b.kind === 'map') {
    if (a.keys.length !== b.keys.length || a.keys.some((key, i) => key !== b.keys[i])) return ANY
    return { kind: 'map', keys: a.keys, values: a.values.map((shape, i) => mergeShapes(shape, b.values[i] as Shape)) }
  }
  if (a.kind === 'list' && b.kind === 'list') return { kind: 'list', of: mergeShapes(a.of, b.of) }
  return a.kind === b.kind ? a : ANY
}
