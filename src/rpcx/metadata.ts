/** The metadata of a frame: names and values in turn, each behind its length. Read by name, decoded only when asked for. */
import { GomsError } from '../core/errors.ts'
import { putUint32, uint32 } from './bytes.ts'
import type { PayloadWriter } from './codec.ts'
import { readText, writeShortAscii } from './text.ts'

/** Names that rpcx itself gives; all others are those of HTTP. Source: smallnest/rpcx, share/share.go. */
export const RPCX: {
  /** The shared secret. */
  readonly auth: '__AUTH'
  /** Milliseconds left for the callee, a whole number; 0 or less is over. */
  readonly timeout: '__ServerTimeout'
} = { auth: '__AUTH', timeout: '__ServerTimeout' }

/**
 * Writes names and values in turn, behind their common length.
 * @param more pairs that are written behind `pairs`, so that lists need not be joined for every call
 */
export function writeMetadata(writer: PayloadWriter, pairs: readonly string[], more?: readonly string[]): void {
  writer.reserve(4)
  writer.position += 4
  let length = writePairs(writer, pairs)
  if (more !== undefined) length += writePairs(writer, more)
  // The writer may have moved to another slab: counted back from where it stands now.
  putUint32(writer.bytes, writer.position - length - 4, length)
}

/** The same as bytes, for pairs that go out again and again: {@link writeEncodedMetadata} copies them. */
export function encodeMetadata(pairs: readonly string[]): Buffer {
  return Buffer.concat(
    pairs.flatMap((text) => {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(Buffer.byteLength(text))
      return [length, Buffer.from(text)]
    }),
  )
}

/** Writes pairs that {@link encodeMetadata} has prepared, and `pairs` behind them. */
export function writeEncodedMetadata(writer: PayloadWriter, encoded: Buffer, pairs: readonly string[]): void {
  writer.reserve(4 + encoded.length)
  writer.bytes.set(encoded, writer.position + 4)
  writer.position += 4 + encoded.length
  const length = encoded.length + writePairs(writer, pairs)
  putUint32(writer.bytes, writer.position - length - 4, length)
}

/** Without the common length. Returns how many bytes they take. */
export function writePairs(writer: PayloadWriter, pairs: readonly string[]): number {
  let length = 0
  for (let i = 0; i < pairs.length; i++) length += writeString(writer, pairs[i] as string)
  return length
}

function writeString(writer: PayloadWriter, text: string): number {
  // A UTF-16 unit is three bytes of UTF-8 at most.
  writer.reserve(4 + (text.length > 1024 ? Buffer.byteLength(text) : text.length * 3))
  const bytes = writer.bytes
  const at = writer.position + 4
  const length = writeShortAscii(bytes, at, text) ? text.length : bytes.write(text, at)
  putUint32(bytes, at - 4, length)
  writer.position = at + length
  return 4 + length
}

/**
 * Whether names and values fill exactly `start` to `end`.
 * @throws GomsError DATA_LOSS
 */
export function checkMetadata(bytes: Buffer, start: number, end: number): void {
  let at = start
  let strings = 0
  while (at < end) {
    if (end - at < 4) throw damaged(end - start)
    const length = uint32(bytes, at)
    if (length > end - at - 4) throw damaged(end - start)
    at += 4 + length
    strings++
  }
  if ((strings & 1) !== 0) throw damaged(end - start)
}

/** The value of a name; undefined without it. Where a name stands twice, the last wins, as in Go. The bytes must be checked. */
export function findMetadata(bytes: Buffer, start: number, end: number, name: string): string | undefined {
  let from = -1
  let to = -1
  let at = start
  while (at < end) {
    const nameLength = uint32(bytes, at)
    const nameStart = at + 4
    const valueStart = nameStart + nameLength + 4
    const valueEnd = valueStart + uint32(bytes, valueStart - 4)
    if (nameLength === name.length && isName(name, bytes, nameStart)) {
      from = valueStart
      to = valueEnd
    }
    at = valueEnd
  }
  return from === -1 ? undefined : readText(bytes, from, to)
}

/** Names are ASCII; one with other characters is found by {@link readMetadata} only. */
function isName(name: string, bytes: Buffer, at: number): boolean {
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) !== bytes[at + i]) return false
  return true
}

/** Longer values are decoded each time: what a stranger sent last is not kept without bounds. */
const KEPT_CHARS = 64

/**
 * Reads the values of a few names in one pass. What they were last is kept: from one caller most of them come again with
 * every call, and comparing is cheaper than decoding.
 */
export class MetadataReader {
  readonly names: readonly string[]
  readonly #last: string[]

  /** @param names ASCII, each once */
  constructor(names: readonly string[]) {
    this.names = names
    this.#last = names.map(() => '')
  }

  /** In the order of the names; undefined where one is missing. The bytes must be checked. */
  read(bytes: Buffer, start: number, end: number): (string | undefined)[] {
    const { names } = this
    const values: (string | undefined)[] = new Array(names.length).fill(undefined)
    let at = start
    while (at < end) {
      const nameLength = uint32(bytes, at)
      const nameStart = at + 4
      const valueStart = nameStart + nameLength + 4
      const valueEnd = valueStart + uint32(bytes, valueStart - 4)
      for (let i = 0; i < names.length; i++) {
        const name = names[i] as string
        // Where a name stands twice, the last wins, as in Go.
        if (nameLength === name.length && isName(name, bytes, nameStart)) {
          values[i] = this.#text(i, bytes, valueStart, valueEnd)
          break
        }
      }
      at = valueEnd
    }
    return values
  }

  #text(index: number, bytes: Buffer, start: number, end: number): string {
    const last = this.#last[index] as string
    if (end - start === last.length && isSame(last, bytes, start)) return last
    const text = readText(bytes, start, end)
    // As many characters as bytes: only such text can be found again by its bytes.
    if (text.length === end - start && text.length <= KEPT_CHARS) this.#last[index] = text
    return text
  }
}

/** Looks at every character, whatever differs: one of the values is a secret, and the time must not tell how far a guess got. */
function isSame(text: string, bytes: Buffer, at: number): boolean {
  let difference = 0
  for (let i = 0; i < text.length; i++) difference |= text.charCodeAt(i) ^ (bytes[at + i] as number)
  return difference === 0
}

/** All of it. A Map, so that no name can touch a prototype. The bytes must be checked. */
export function readMetadata(bytes: Buffer, start: number, end: number): Map<string, string> {
  const all = new Map<string, string>()
  let at = start
  while (at < end) {
    const nameEnd = at + 4 + uint32(bytes, at)
    const valueEnd = nameEnd + 4 + uint32(bytes, nameEnd)
    all.set(readText(bytes, at + 4, nameEnd), readText(bytes, nameEnd + 4, valueEnd))
    at = valueEnd
  }
  return all
}

function damaged(bytes: number): GomsError {
  return new GomsError('DATA_LOSS', `rpc: damaged frame: names and values do not fill the metadata (${bytes} bytes)`)
}
