/** The leaves of MessagePack, written in their smallest form: numbers, text, bytes, time, and the headers of what holds them. */
import { GomsError } from '../core/errors.ts'
import { putUint32 } from './bytes.ts'
import type { PayloadWriter } from './codec.ts'
import { SHORT_CHARS, writeShortAscii } from './text.ts'

export function putByte(writer: PayloadWriter, byte: number): void {
  if (writer.bytes.length === writer.position) writer.reserve(1)
  writer.bytes[writer.position++] = byte
}

/** Room for one more piece; the writer's own limit is asked only where its buffer ends. */
function room(writer: PayloadWriter, byteCount: number): Buffer {
  if (writer.bytes.length - writer.position < byteCount) writer.reserve(byteCount)
  return writer.bytes
}

export function encodeNumber(value: number, writer: PayloadWriter): void {
  room(writer, 9)
  writer.position = putNumber(writer.view, writer.position, value)
}

/** Up to nine bytes, for which the room must be there. Returns where the next byte goes. */
export function putNumber(view: DataView, at: number, value: number): number {
  if ((value & 0x7f) === value) {
    view.setUint8(at, value)
    return at + 1
  }
  // Go cannot read a float into an integer: whatever is a safe integer goes as one, −0 too.
  if (Number.isSafeInteger(value)) return value >= 0 ? putUnsigned(view, at, value) : putNegative(view, at, value)
  view.setUint8(at, 0xcb)
  view.setFloat64(at + 1, value)
  return at + 9
}

function putUnsigned(view: DataView, at: number, value: number): number {
  if (value < 0x80) {
    // Only −0 comes here.
    view.setUint8(at, value)
    return at + 1
  }
  if (value < 0x100) {
    view.setUint16(at, 0xcc00 | value)
    return at + 2
  }
  if (value < 0x10000) {
    view.setUint8(at, 0xcd)
    view.setUint16(at + 1, value)
    return at + 3
  }
  if (value < 0x100000000) {
    view.setUint8(at, 0xce)
    view.setUint32(at + 1, value)
    return at + 5
  }
  view.setUint8(at, 0xcf)
  view.setUint32(at + 1, Math.floor(value / 0x100000000))
  view.setUint32(at + 5, value >>> 0)
  return at + 9
}

function putNegative(view: DataView, at: number, value: number): number {
  if (value >= -0x20) {
    view.setInt8(at, value)
    return at + 1
  }
  if (value >= -0x80) {
    view.setUint8(at, 0xd0)
    view.setInt8(at + 1, value)
    return at + 2
  }
  if (value >= -0x8000) {
    view.setUint8(at, 0xd1)
    view.setInt16(at + 1, value)
    return at + 3
  }
  if (value >= -0x80000000) {
    view.setUint8(at, 0xd2)
    view.setInt32(at + 1, value)
    return at + 5
  }
  view.setUint8(at, 0xd3)
  view.setInt32(at + 1, Math.floor(value / 0x100000000))
  view.setUint32(at + 5, value >>> 0)
  return at + 9
}

/** Always with all 64 bits: as Go writes an int64, and so that it arrives as one in an `any`. */
export function encodeBigInt(value: bigint, writer: PayloadWriter): void {
  if (value < -0x8000000000000000n || value > 0xffffffffffffffffn)
    throw cannotSend(`a BigInt beyond 64 bits (${value})`)
  const bytes = room(writer, 9)
  const at = writer.position
  bytes[at] = value > 0x7fffffffffffffffn ? 0xcf : 0xd3
  bytes.writeBigUInt64BE(BigInt.asUintN(64, value), at + 1)
  writer.position = at + 9
}

export function encodeString(text: string, writer: PayloadWriter): void {
  const { length } = text
  if (length <= SHORT_CHARS) {
    const bytes = room(writer, 2 + length)
    const start = writer.position + (length < 32 ? 1 : 2)
    if (writeShortAscii(bytes, start, text)) {
      if (length < 32) bytes[start - 1] = 0xa0 | length
      else {
        bytes[start - 2] = 0xd9
        bytes[start - 1] = length
      }
      writer.position = start + length
      return
    }
  }
  const byteLength = Buffer.byteLength(text)
  room(writer, 5 + byteLength)
  if (byteLength < 32) putByte(writer, 0xa0 | byteLength)
  else putHeader(writer, byteLength, 0xd9)
  writer.bytes.write(text, writer.position, byteLength, byteLength === length ? 'latin1' : 'utf8')
  writer.position += byteLength
}

/** A length of 8, 16 or 32 bits behind the code for 8 bits, `code`, or the two codes that follow it. */
function putHeader(writer: PayloadWriter, length: number, code: number): void {
  const bytes = room(writer, 5)
  const at = writer.position
  if (length < 0x100) {
    bytes[at] = code
    bytes[at + 1] = length
    writer.position = at + 2
  } else if (length < 0x10000) {
    putHeader16(writer, length, code + 1)
  } else {
    bytes[at] = code + 2
    putUint32(bytes, at + 1, length)
    writer.position = at + 5
  }
}

function putHeader16(writer: PayloadWriter, length: number, code: number): void {
  const bytes = room(writer, 3)
  const at = writer.position
  bytes[at] = code
  bytes[at + 1] = length >>> 8
  bytes[at + 2] = length
  writer.position = at + 3
}

/** The header of an array or a map: up to 15 in the code itself. */
export function putCount(writer: PayloadWriter, count: number, fixed: number, code16: number): void {
  if (count < 16) {
    putByte(writer, fixed | count)
  } else if (count < 0x10000) {
    putHeader16(writer, count, code16)
  } else {
    const bytes = room(writer, 5)
    bytes[writer.position] = code16 + 1
    putUint32(bytes, writer.position + 1, count)
    writer.position += 5
  }
}

export function encodeBytes(value: Uint8Array, writer: PayloadWriter): void {
  putHeader(writer, value.length, 0xc4)
  room(writer, value.length).set(value, writer.position)
  writer.position += value.length
}

/** Seconds and nanoseconds in 4, 8 or 12 bytes (https://github.com/msgpack/msgpack/blob/master/spec.md#timestamp-extension-type). */
export function encodeDate(value: Date, writer: PayloadWriter): void {
  const ms = value.getTime()
  if (Number.isNaN(ms)) throw cannotSend('an invalid Date')
  const seconds = Math.floor(ms / 1000)
  const nanoseconds = (ms - seconds * 1000) * 1_000_000
  const bytes = room(writer, 15)
  const at = writer.position
  if (seconds >= 0 && seconds < 0x400000000) {
    const short = nanoseconds === 0 && seconds < 0x100000000
    bytes[at] = short ? 0xd6 : 0xd7
    bytes[at + 1] = 0xff
    if (!short) putUint32(bytes, at + 2, nanoseconds * 4 + Math.floor(seconds / 0x100000000))
    putUint32(bytes, at + (short ? 2 : 6), seconds >>> 0)
    writer.position = at + (short ? 6 : 10)
    return
  }
  bytes[at] = 0xc7
  bytes[at + 1] = 12
  bytes[at + 2] = 0xff
  putUint32(bytes, at + 3, nanoseconds)
  putUint32(bytes, at + 7, Math.floor(seconds / 0x100000000))
  putUint32(bytes, at + 11, seconds >>> 0)
  writer.position = at + 15
}

/** The error for what has no form on the wire. */
export function cannotSend(what: string): GomsError {
  return new GomsError('INVALID_ARGUMENT', `rpc: cannot send ${what}`)
}
