/** Source text of a function that reads one shape: keys are compared, not decoded, and the object is made at once. */
import {
  decodeValue,
  FIRST_NUMBER,
  LAST_NUMBER,
  NUMBER_BYTES,
  type PayloadReader,
  readNumber,
} from './msgpack-decode.ts'
import { keyBytes, type MapShape, mapHeader, type Shape } from './shape.ts'
import { differFromWords } from './shape-words.ts'
import { readText } from './text.ts'

/**
 * Reads a map of the shape. Undefined: it is another, and the position is where it was.
 * @throws GomsError INVALID_ARGUMENT, as the generic decoder does for the same bytes
 */
export type ShapeDecoder = (reader: PayloadReader) => object | undefined

/** @throws EvalError where the process forbids code generation */
export function compileDecoder(shape: MapShape): ShapeDecoder {
  const functions: string[] = []
  const root = mapFunction(shape, 0, functions)
  const tools = { decodeValue, readText, readNumber, numberBytes: NUMBER_BYTES }
  const source = `'use strict'; ${functions.join('\n')}\nreturn ${root}`
  return new Function(...Object.keys(tools), source)(...Object.values(tools)) as ShapeDecoder
}

/** Adds the function for a map and for those inside it. Returns its name. */
function mapFunction(shape: MapShape, depth: number, functions: string[]): string {
  const { keys, values } = shape
  const fields = values.map((value, i) => field(value, `v${i}`, depth + 1, functions))
  const name = `d${functions.length}`
  const names = keys.map((_, i) => `v${i}`)
  functions.push(`
function ${name}(r) {
  const b = r.bytes, d = r.view, at = r.position, end = r.end
  let p = at, c = 0, ${names.join(', ')}
  ${keys.map((key, i) => expect([...(i === 0 ? mapHeader(keys.length) : []), ...keyBytes(key)]) + fields[i]).join('\n  ')}
  r.position = p
  return { ${keys.map((key, i) => `${JSON.stringify(key)}: ${names[i]}`).join(', ')} }
}`)
  return name
}

/** Another shape where other bytes stand there, or not as many. */
function expect(bytes: readonly number[]): string {
  const differs = `end - p < ${bytes.length} || ${differFromWords(bytes)}`
  return `if (${differs}) { r.position = at; return undefined } p += ${bytes.length}; `
}

function field(shape: Shape, v: string, depth: number, functions: string[]): string {
  const generic = `{ r.position = p; ${v} = decodeValue(r, ${depth}); p = r.position }`
  switch (shape.kind) {
    case 'text':
      return `c = b[p]; if (c >= 160 && c < 192 && p + (c & 31) < end) { c &= 31; ${v} = readText(b, p + 1, p + 1 + c); p += 1 + c } else ${generic}`
    case 'number':
      return `c = b[p]; if (c < 128 && p < end) { ${v} = c; p++ } else if (c >= ${FIRST_NUMBER} && c <= ${LAST_NUMBER} && p + 9 <= end) { ${v} = readNumber(d, c, p + 1); p += 1 + numberBytes[c - ${FIRST_NUMBER}] } else ${generic}`
    case 'flag':
      return `c = b[p]; if ((c === 194 || c === 195) && p < end) { ${v} = c === 195; p++ } else ${generic}`
    case 'map': {
      const name = mapFunction(shape, depth, functions)
      return `{ r.position = p; ${v} = ${name}(r); if (${v} === undefined) ${v} = decodeValue(r, ${depth}); p = r.position }`
    }
    case 'list':
      return listField(shape.of, v, depth, functions, generic)
    default:
      return generic
  }
}

/** Short ones in place; longer ones have a function of their own, which is compiled only where it is needed. */
function listField(of: Shape, v: string, depth: number, functions: string[], generic: string): string {
  if (of.kind === 'any') return generic
  const item = `x${depth}`
  const each = `let ${item}; ${field(of, item, depth + 1, functions)}`
  const all = (keep: string): string =>
    `for (let i${depth} = 0; i${depth} < n${depth}; i${depth}++) { ${each}; ${keep} }`
  const name = `d${functions.length}`
  // Up to 65535 items; what is longer, or no list, goes the generic way.
  functions.push(`
function ${name}(r) {
  const b = r.bytes, d = r.view, end = r.end
  let p = r.position, c = b[p]
  if (c !== 220 || p + 3 > end) return decodeValue(r, ${depth})
  const n${depth} = d.getUint16(p + 1), ${v} = []
  p += 3; ${all(`${v}.push(${item})`)}
  r.position = p
  return ${v}
}`)
  // At once as long as it becomes: one that grows has room for 17 from its first item on.
  const short = `const n${depth} = c & 15; p++; ${v} = new Array(n${depth}); ${all(`${v}[i${depth}] = ${item}`)}`
  const long = `r.position = p; ${v} = ${name}(r); p = r.position`
  return `c = b[p]; if (c >= 144 && c < 160 && p < end) { ${short} } else { ${long} }`
}
