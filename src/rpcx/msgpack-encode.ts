/** Values to MessagePack as Go's msgpack package reads it: plain maps, smallest integers, no extensions but time. */
import type { PayloadWriter } from './codec.ts'
import {
  cannotSend,
  encodeBigInt,
  encodeBytes,
  encodeDate,
  encodeNumber,
  encodeString,
  putByte,
  putCount,
} from './msgpack-scalars.ts'

/** How deep arrays and maps may stand in one another, both ways. */
export const MAX_DEPTH = 128

/**
 * Appends a value: safe integers in their smallest form (never as a float), other numbers as float 64, BigInt as 64 bits,
 * Date as time (extension −1), Uint8Array and ArrayBuffer as bytes, undefined as nil, properties that are undefined left
 * out, objects with `toJSON` as what it returns.
 * @throws GomsError INVALID_ARGUMENT for functions, symbols, Map, Set, Error, Promise, RegExp, invalid dates, BigInt beyond
 *   64 bits, cycles and more than {@link MAX_DEPTH} levels; RESOURCE_EXHAUSTED above the writer's limit
 */
export function encodeValue(value: unknown, writer: PayloadWriter, depth = 0): void {
  if (typeof value === 'string') encodeString(value, writer)
  else if (typeof value === 'number') encodeNumber(value, writer)
  else if (value === null || value === undefined) putByte(writer, 0xc0)
  else if (typeof value === 'object') encodeObject(value, writer, depth)
  else if (typeof value === 'boolean') putByte(writer, value ? 0xc3 : 0xc2)
  else if (typeof value === 'bigint') encodeBigInt(value, writer)
  else throw cannotSend(`a ${typeof value}`)
}

function encodeObject(value: object, writer: PayloadWriter, depth: number): void {
  if (depth >= MAX_DEPTH) throw cannotSend(`more than ${MAX_DEPTH} levels, or a cycle`)
  if (Array.isArray(value)) {
    const { length } = value
    putCount(writer, length, 0x90, 0xdc)
    for (let i = 0; i < length; i++) encodeValue(value[i], writer, depth + 1)
    return
  }
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null && encodeInstance(value, writer)) return
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON === 'function') encodeValue(toJSON.call(value, ''), writer, depth + 1)
  else encodeMap(value as Record<string, unknown>, writer, depth)
}

/** Classes of the language. False for those of the application: they travel as maps of their own properties. */
function encodeInstance(value: object, writer: PayloadWriter): boolean {
  if (value instanceof Uint8Array) encodeBytes(value, writer)
  else if (value instanceof Date) encodeDate(value, writer)
  else if (value instanceof ArrayBuffer) encodeBytes(new Uint8Array(value), writer)
  else {
    refuseMisleading(value)
    return false
  }
  return true
}

function encodeMap(value: Record<string, unknown>, writer: PayloadWriter, depth: number): void {
  let count = 0
  // Go answers "invalid code" to a placeholder for undefined: such a property is as good as absent. `for … in` is walked
  // far faster by the runtime than a list of keys; that it sees inherited properties too is met by `hasInherited`.
  if (hasInherited(value)) {
    encodeOwn(Object.entries(value), writer, depth)
    return
  }
  for (const key in value) if (value[key] !== undefined) count++
  putCount(writer, count, 0x80, 0xde)
  for (const key in value) {
    const property = value[key]
    if (property === undefined) continue
    encodeString(key, writer)
    encodeValue(property, writer, depth + 1)
    count--
  }
  if (count !== 0) throw cannotSend('an object that changes while it is read')
}

/** Whether anything that can be enumerated stands above the object; its own properties are not looked at. */
function hasInherited(value: object): boolean {
  for (const _ in Object.getPrototypeOf(value)) return true
  return false
}

function encodeOwn(entries: readonly [string, unknown][], writer: PayloadWriter, depth: number): void {
  const present = entries.filter(([, property]) => property !== undefined)
  putCount(writer, present.length, 0x80, 0xde)
  for (const [key, property] of present) {
    encodeString(key, writer)
    encodeValue(property, writer, depth + 1)
  }
}

/** What would travel as an empty or misleading map; said here, because at the other end nobody could tell. */
function refuseMisleading(value: object): void {
  if (value instanceof Promise) throw cannotSend('a Promise; is an `await` missing?')
  if (value instanceof Error) throw cannotSend('an Error; throw it, or send its message')
  if (value instanceof Map || value instanceof Set) throw cannotSend('a Map or Set; send an object or an array')
  if (ArrayBuffer.isView(value)) throw cannotSend('a typed array; only Uint8Array is bytes')
  if (value instanceof RegExp || value instanceof WeakMap || value instanceof WeakSet) {
    throw cannotSend(`a ${value.constructor.name}`)
  }
}
