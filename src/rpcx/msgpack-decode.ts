/** MessagePack to values. The bytes come from afar: every length is compared with what is left before it is believed. */
import { GomsError } from '../core/errors.ts'
import { sharedViewOf, uint32 } from './bytes.ts'
import { MAX_DEPTH } from './msgpack-encode.ts'
import { createTextCache, readText } from './text.ts'

/** Where a payload is being read. */
export interface PayloadReader {
  bytes: Buffer
  /** The same bytes, for numbers of more than one. */
  view: DataView
  position: number
  end: number
}

/** Keys of maps come again in every message. */
const keys = createTextCache(1024)

/**
 * Reads the value that fills exactly `start` to `end`: integers of 64 bits as numbers where they are safe, else as BigInt;
 * bytes as a Uint8Array of their own; time (extension −1) as Date; maps as plain objects, without any key `__proto__`.
 * No bytes at all are undefined.
 * @throws GomsError INVALID_ARGUMENT for damaged bytes, unknown extensions, more than {@link MAX_DEPTH} levels
 */
export function decodePayload(bytes: Buffer, start: number, end: number): unknown {
  if (start === end) return undefined
  const reader = readerOf(bytes, start, end)
  const value = decodeValue(reader, 0)
  if (reader.position !== end) throw damaged(`${end - reader.position} bytes behind the value`)
  return value
}

const NO_BYTES: Buffer = Buffer.alloc(0)

/** One for all: reading is synchronous and runs no code of the application, and many payloads lie in the same buffer. */
const shared: PayloadReader = { bytes: NO_BYTES, view: sharedViewOf(NO_BYTES), position: 0, end: 0 }

/** Where that payload begins. Valid until the next call. */
export function readerOf(bytes: Buffer, start: number, end: number): PayloadReader {
  shared.bytes = bytes
  shared.view = sharedViewOf(bytes)
  shared.position = start
  shared.end = end
  return shared
}

/** Reads one value and moves `position` behind it. */
export function decodeValue(reader: PayloadReader, depth: number): unknown {
  const at = reader.position
  if (at >= reader.end) throw short(1)
  const code = reader.bytes[at] as number
  reader.position = at + 1
  if (code < 0x80) return code
  if (code < 0x90) return decodeMap(reader, code & 0x0f, depth)
  if (code < 0xa0) return decodeArray(reader, code & 0x0f, depth)
  if (code < 0xc0) return decodeString(reader, code & 0x1f)
  if (code >= 0xe0) return code - 0x100
  return decodeCoded(reader, code, depth)
}

function decodeCoded(reader: PayloadReader, code: number, depth: number): unknown {
  if (code >= FIRST_NUMBER && code <= LAST_NUMBER) {
    return readNumber(reader.view, code, take(reader, NUMBER_BYTES[code - FIRST_NUMBER] as number))
  }
  switch (code) {
    case 0xc0:
      return null
    case 0xc2:
      return false
    case 0xc3:
      return true
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return decodeBytes(reader, unsigned(reader, 1 << (code - 0xc4)))
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return decodeExtension(reader, unsigned(reader, 1 << (code - 0xc7)))
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return decodeExtension(reader, 1 << (code - 0xd4))
    case 0xd9:
    case 0xda:
    case 0xdb:
      return decodeString(reader, unsigned(reader, 1 << (code - 0xd9)))
    case 0xdc:
    case 0xdd:
      return decodeArray(reader, unsigned(reader, code === 0xdc ? 2 : 4), depth)
    case 0xde:
    case 0xdf:
      return decodeMap(reader, unsigned(reader, code === 0xde ? 2 : 4), depth)
    default:
      throw damaged(`code ${code.toString(16)}`)
  }
}

/** Moves over that many bytes. Returns where they begin. */
function take(reader: PayloadReader, byteCount: number): number {
  const at = reader.position
  if (byteCount > reader.end - at) throw short(byteCount)
  reader.position = at + byteCount
  return at
}

/** 1, 2 or 4 bytes. */
function unsigned(reader: PayloadReader, byteCount: number): number {
  const at = take(reader, byteCount)
  const { bytes } = reader
  if (byteCount === 1) return bytes[at] as number
  if (byteCount === 2) return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
  return uint32(bytes, at)
}

/** Codes of numbers: float 32 and 64, then unsigned and signed integers of 8 to 64 bits. */
export const FIRST_NUMBER = 0xca
export const LAST_NUMBER = 0xd3
/** Bytes behind each of those codes. */
export const NUMBER_BYTES: readonly number[] = [4, 8, 1, 2, 4, 8, 1, 2, 4, 8]

/** The number behind a code; its bytes must be there. */
export function readNumber(view: DataView, code: number, at: number): number | bigint {
  switch (code) {
    case 0xca:
      return view.getFloat32(at)
    case 0xcb:
      return view.getFloat64(at)
    case 0xcc:
      return view.getUint8(at)
    case 0xcd:
      return view.getUint16(at)
    case 0xce:
      return view.getUint32(at)
    case 0xcf: {
      const high = view.getUint32(at)
      return high < 0x200000 ? high * 0x100000000 + view.getUint32(at + 4) : view.getBigUint64(at)
    }
    case 0xd0:
      return view.getInt8(at)
    case 0xd1:
      return view.getInt16(at)
    case 0xd2:
      return view.getInt32(at)
    default: {
      const value = view.getInt32(at) * 0x100000000 + view.getUint32(at + 4)
      return Number.isSafeInteger(value) ? value : view.getBigInt64(at)
    }
  }
}

export function decodeString(reader: PayloadReader, byteCount: number): string {
  const at = take(reader, byteCount)
  return readText(reader.bytes, at, at + byteCount)
}

/** A copy: the frame's bytes are used again, and a small view would keep a large buffer alive. */
function decodeBytes(reader: PayloadReader, byteCount: number): Uint8Array {
  const at = take(reader, byteCount)
  const copy = new Uint8Array(byteCount)
  copy.set(reader.bytes.subarray(at, at + byteCount))
  return copy
}

function decodeArray(reader: PayloadReader, count: number, depth: number): unknown[] {
  enter(reader, count, depth)
  // Grown by what is really there: a count alone must not make room for millions.
  const values: unknown[] = []
  for (let i = 0; i < count; i++) values.push(decodeValue(reader, depth + 1))
  return values
}

function decodeMap(reader: PayloadReader, count: number, depth: number): Record<string, unknown> {
  enter(reader, count * 2, depth)
  const map: Record<string, unknown> = {}
  for (let i = 0; i < count; i++) {
    const key = decodeKey(reader)
    const value = decodeValue(reader, depth + 1)
    // Assigning it would change the object's prototype.
    if (key !== '__proto__') map[key] = value
  }
  return map
}

function enter(reader: PayloadReader, leastBytes: number, depth: number): void {
  if (leastBytes > reader.end - reader.position) throw short(leastBytes)
  if (depth >= MAX_DEPTH) throw damaged(`more than ${MAX_DEPTH} levels`)
}

/** Strings, and what a Go map may have instead: bytes and integers, as text. */
function decodeKey(reader: PayloadReader): string {
  const at = reader.position
  if (at >= reader.end) throw short(1)
  const code = reader.bytes[at] as number
  if (code >= 0xa0 && code < 0xc0) {
    reader.position = at + 1
    const start = take(reader, code & 0x1f)
    return keys.read(reader.bytes, start, reader.position)
  }
  if ((code >= 0x80 && code < 0xa0) || (code >= 0xdc && code < 0xe0)) throw damaged('a key that is no text')
  const key = decodeValue(reader, 0)
  if (typeof key === 'string') return key
  if (typeof key === 'bigint' || Number.isInteger(key)) return String(key)
  if (key instanceof Uint8Array) return Buffer.from(key).toString()
  throw damaged('a key that is no text')
}

function decodeExtension(reader: PayloadReader, byteCount: number): Date {
  const type = reader.bytes.readInt8(take(reader, 1))
  const at = take(reader, byteCount)
  if (type !== -1) throw damaged(`unknown extension ${type}`)
  return toDate(reader.bytes, at, byteCount)
}

/** Seconds and nanoseconds; what is below a millisecond is cut off. */
function toDate(bytes: Buffer, at: number, byteCount: number): Date {
  let seconds: number
  let nanoseconds = 0
  if (byteCount === 4) {
    seconds = uint32(bytes, at)
  } else if (byteCount === 8) {
    nanoseconds = uint32(bytes, at) >>> 2
    seconds = (uint32(bytes, at) & 3) * 0x100000000 + uint32(bytes, at + 4)
  } else if (byteCount === 12) {
    nanoseconds = uint32(bytes, at)
    seconds = (uint32(bytes, at + 4) | 0) * 0x100000000 + uint32(bytes, at + 8)
  } else {
    throw damaged(`a time of ${byteCount} bytes`)
  }
  const date = new Date(seconds * 1000 + Math.floor(nanoseconds / 1_000_000))
  if (nanoseconds > 999_999_999 || Number.isNaN(date.getTime())) throw damaged('a time out of range')
  return date
}

function short(byteCount: number): GomsError {
  return damaged(`${byteCount} more bytes expected`)
}

function damaged(what: string): GomsError {
  return new GomsError('INVALID_ARGUMENT', `rpc: damaged payload: ${what}`)
}
