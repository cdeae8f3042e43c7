/** Source text of a function that writes one shape: the same bytes as the generic encoder, keys as constants. */
import type { PayloadWriter } from './codec.ts'
import { encodeValue } from './msgpack-encode.ts'
import { putCount, putNumber } from './msgpack-scalars.ts'
import { keyBytes, type MapShape, mapHeader, type Shape } from './shape.ts'
import { storeWords } from './shape-words.ts'
import { writeShortAscii } from './text.ts'

/** Writes the value if it is of the shape. False: nothing was written. */
export type ShapeEncoder = (value: unknown, writer: PayloadWriter) => boolean

/** Text up to here is written in place. */
const SHORT_TEXT = 31
/** What an item of a list takes in place at most. */
const ITEM_ROOM: number = 1 + SHORT_TEXT

/**
 * @throws EvalError where the process forbids code generation
 */
export function compileEncoder(shape: MapShape): ShapeEncoder {
  const functions: string[] = []
  const root = mapFunction(shape, 0, functions)
  const source = `'use strict'; ${functions.join('\n')}\nreturn ${root}`
  const tools = {
    encodeAside,
    encodeValue,
    putCount,
    putNumber,
    writeShortAscii,
    plain: Object.prototype,
    prototypeOf: Object.getPrototypeOf,
  }
  return new Function(...Object.keys(tools), source)(...Object.values(tools)) as ShapeEncoder
}

/**
 * What is not as the shape has it, from `position` on. Leaves room for `rest`, and returns where the next byte goes. One
 * call for the whole of it: most of these never run, and what is compiled for each field should stay small.
 */
function encodeAside(value: unknown, writer: PayloadWriter, position: number, depth: number, rest: number): number {
  writer.position = position
  encodeValue(value, writer, depth)
  if (writer.bytes.length - writer.position < rest) writer.reserve(rest)
  return writer.position
}

/** Adds the function for a map and for those inside it. Returns its name. Keys are plain ASCII (see shape.ts). */
function mapFunction(shape: MapShape, depth: number, functions: string[]): string {
  const { keys, values } = shape
  const fields = values.map((value, i) => field(value, `v${i}`, roomFrom(shape, i + 1), depth + 1, functions))
  const name = `e${functions.length}`
  functions.push(`
const k${name} = ${JSON.stringify(keys)}
function ${name}(v, w) {
  if (typeof v !== 'object' || v === null || prototypeOf(v) !== plain) return false
  let i = 0
  for (const k in v) if (k !== k${name}[i++]) return false
  if (i !== ${keys.length}) return false
  const ${keys.map((key, n) => `v${n} = v[${JSON.stringify(key)}]`).join(', ')}
  if (${keys.map((_, n) => `v${n} === undefined`).join(' || ')}) return false
  if (w.bytes.length - w.position < ${roomFrom(shape, 0)}) w.reserve(${roomFrom(shape, 0)})
  let b = w.bytes, d = w.view, p = w.position, l = 0
  ${keys.map((key, n) => storeWords([...(n === 0 ? mapHeader(keys.length) : []), ...keyBytes(key)]) + fields[n]).join('\n  ')}
  w.position = p
  return true
}`)
  return name
}

/** What is written in place from that field on, at most; a value that goes another way makes its own room. */
function roomFrom(shape: MapShape, first: number): number {
  const head = first === 0 ? 3 : 0
  return shape.keys.slice(first).reduce((sum, key) => sum + 1 + key.length + 1 + SHORT_TEXT, head)
}

/** Leaves place and buffer to another function, then takes them up again with room for the rest. */
function aside(call: string, rest: number): string {
  const room = rest === 0 ? '' : `if (w.bytes.length - w.position < ${rest}) w.reserve(${rest}); `
  return `{ w.position = p; ${call}; ${room}b = w.bytes; d = w.view; p = w.position }`
}

function field(shape: Shape, v: string, rest: number, depth: number, functions: string[]): string {
  const generic = `{ p = encodeAside(${v}, w, p, ${depth}, ${rest}); b = w.bytes; d = w.view }`
  switch (shape.kind) {
    case 'text':
      return `if (typeof ${v} === 'string' && (l = ${v}.length) <= ${SHORT_TEXT} && writeShortAscii(b, p + 1, ${v})) { b[p] = 160 | l; p += 1 + l } else ${generic}`
    case 'number':
      return `if (typeof ${v} === 'number') p = putNumber(d, p, ${v}); else ${generic}`
    case 'flag':
      return `if (typeof ${v} === 'boolean') b[p++] = ${v} ? 195 : 194; else ${generic}`
    case 'map': {
      const name = mapFunction(shape, depth, functions)
      return aside(`if (!${name}(${v}, w)) encodeValue(${v}, w, ${depth})`, rest)
    }
    case 'list':
      return listField(shape.of, v, rest, depth, functions, generic)
    default:
      return generic
  }
}

function listField(of: Shape, v: string, rest: number, depth: number, functions: string[], generic: string): string {
  if (of.kind === 'any') return generic
  const item = `x${depth}`
  const room = `if (b.length - p < ${ITEM_ROOM}) { w.position = p; w.reserve(${ITEM_ROOM}); b = w.bytes; d = w.view; p = w.position }`
  const each = `const ${item} = ${v}[i${depth}]; ${room} ${field(of, item, 0, depth + 1, functions)}`
  const count = `if (n${depth} < 16) b[p++] = 144 | n${depth}; else ${aside(`putCount(w, n${depth}, 144, 220)`, 0)}`
  const all = `const n${depth} = ${v}.length; ${count} for (let i${depth} = 0; i${depth} < n${depth}; i${depth}++) { ${each} }`
  return `if (Array.isArray(${v})) { ${all} ${aside('', rest)} } else ${generic}`
}
