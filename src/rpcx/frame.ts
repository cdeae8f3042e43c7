/**
 * One rpcx frame: its layout, how it is written and how it is read. Every length is checked before it is believed.
 * Layout: smallnest/rpcx, protocol/message.go; described in docs/protocol.md.
 */
import { GomsError } from '../core/errors.ts'
import { sharedViewOf } from './bytes.ts'
import { checkMetadata } from './metadata.ts'
import type { FrameWriter } from './writer.ts'

/** Byte 0 of every frame. No HTTP method begins with it: one port serves both. */
export const MAGIC = 0x08
/** Bytes up to and with `total`. */
export const HEAD_BYTES = 16
/** The four lengths (path, method, metadata, payload): the least that `total` can be. */
export const LENGTHS_BYTES = 16

/** Bits of byte 2. */
export const FLAG: {
  readonly response: 0x80
  readonly heartbeat: 0x40
  readonly oneway: 0x20
  /** Mask; 0 is none. */
  readonly compress: 0x1c
  readonly gzip: 0x04
  /** Mask; 0 is normal. */
  readonly status: 0x03
  readonly error: 0x01
} = { response: 0x80, heartbeat: 0x40, oneway: 0x20, compress: 0x1c, gzip: 0x04, status: 0x03, error: 0x01 }

/** High nibble of byte 3, as the whole byte. */
export const SERIALIZE: {
  readonly raw: 0x00
  readonly json: 0x10
  readonly protobuf: 0x20
  readonly msgpack: 0x30
  readonly thrift: 0x40
  /** Mask of the nibble that counts. */
  readonly mask: 0xf0
} = { raw: 0x00, json: 0x10, protobuf: 0x20, msgpack: 0x30, thrift: 0x40, mask: 0xf0 }

/** Where the parts of a frame lie in `bytes`. A view: valid only until who handed it over says. */
export interface Frame {
  bytes: Buffer
  start: number
  end: number
  /** Byte 2, see {@link FLAG}. */
  flags: number
  /** Byte 3, the low nibble included: a response echoes it. */
  serialize: number
  /** The number of the call, 64 bits in two halves. */
  seqHigh: number
  seqLow: number
  pathStart: number
  pathEnd: number
  methodStart: number
  methodEnd: number
  metadataStart: number
  metadataEnd: number
  payloadStart: number
  payloadEnd: number
}

const NO_BYTES: Buffer = Buffer.alloc(0)

/** A frame to be filled by {@link readFrame}, again and again. */
export function createFrame(): Frame {
  return {
    bytes: NO_BYTES,
    start: 0,
    end: 0,
    flags: 0,
    serialize: 0,
    seqHigh: 0,
    seqLow: 0,
    pathStart: 0,
    pathEnd: 0,
    methodStart: 0,
    methodEnd: 0,
    metadataStart: 0,
    metadataEnd: 0,
    payloadStart: 0,
    payloadEnd: 0,
  }
}

/**
 * Reads the frame that fills exactly `start` to `end`. The lengths must add up to `total` and the metadata must fit.
 * @throws GomsError DATA_LOSS for a damaged frame: the connection cannot be trusted any more
 */
export function readFrame(bytes: Buffer, start: number, end: number, frame: Frame): void {
  if (bytes[start] !== MAGIC) throw damaged(`magic ${bytes[start]}, expected ${MAGIC}`)
  const size = end - start
  const view = sharedViewOf(bytes)
  if (size < HEAD_BYTES + LENGTHS_BYTES || view.getUint32(start + 12) !== size - HEAD_BYTES) {
    throw damaged(`total does not fit a frame of ${size} bytes`)
  }
  frame.bytes = bytes
  frame.start = start
  frame.end = end
  frame.flags = bytes[start + 2] as number
  frame.serialize = bytes[start + 3] as number
  frame.seqHigh = view.getUint32(start + 4)
  frame.seqLow = view.getUint32(start + 8)
  // Each length leaves room for the length fields that follow it, so that those can be read without another check.
  const pathStart = start + HEAD_BYTES + 4
  const pathEnd = pathStart + part('path', view.getUint32(pathStart - 4), end - pathStart - 12)
  const methodStart = pathEnd + 4
  const methodEnd = methodStart + part('method', view.getUint32(pathEnd), end - methodStart - 8)
  const metadataStart = methodEnd + 4
  const metadataEnd = metadataStart + part('metadata', view.getUint32(methodEnd), end - metadataStart - 4)
  const payloadBytes = view.getUint32(metadataEnd)
  if (payloadBytes !== end - metadataEnd - 4) {
    throw damaged(`payload says ${payloadBytes} bytes, ${end - metadataEnd - 4} are left`)
  }
  frame.pathStart = pathStart
  frame.pathEnd = pathEnd
  frame.methodStart = methodStart
  frame.methodEnd = methodEnd
  frame.metadataStart = metadataStart
  frame.metadataEnd = metadataEnd
  frame.payloadStart = metadataEnd + 4
  frame.payloadEnd = end
  if (metadataStart !== metadataEnd) checkMetadata(bytes, metadataStart, metadataEnd)
}

function part(name: string, length: number, room: number): number {
  if (length > room) throw damaged(`${name} says ${length} bytes, ${room} are left`)
  return length
}

/** What {@link createFrameHead} makes: the bytes as words, as the little-endian access of a DataView has them. */
export interface FrameHead {
  readonly byteCount: number
  readonly words: Int32Array
}

/** Bytes that are written behind a head at most, because its last word is not full. */
const PADDING_BYTES = 3

/**
 * The part of a frame that is the same for every call of a method: head, path and method. Made once per method and
 * given to {@link beginFrame}.
 * @param flags of byte 2, see {@link FLAG}
 * @param serialize byte 3, see {@link SERIALIZE}
 */
export function createFrameHead(flags: number, serialize: number, path: string, method: string): FrameHead {
  const pathBytes = Buffer.byteLength(path)
  const methodBytes = Buffer.byteLength(method)
  const byteCount = HEAD_BYTES + 8 + pathBytes + methodBytes
  const head = Buffer.alloc(byteCount + PADDING_BYTES)
  head[0] = MAGIC
  head[2] = flags
  head[3] = serialize
  head.writeUInt32BE(pathBytes, HEAD_BYTES)
  head.write(path, HEAD_BYTES + 4)
  head.writeUInt32BE(methodBytes, HEAD_BYTES + 4 + pathBytes)
  head.write(method, HEAD_BYTES + 8 + pathBytes)
  const words = Int32Array.from({ length: (byteCount + PADDING_BYTES) >> 2 }, (_, i) => head.readInt32LE(i * 4))
  return { byteCount, words }
}

/**
 * Begins a frame; metadata (`writeMetadata`), `beginPayload`, the payload and `endFrame` follow. Where one of them throws,
 * call the writer's `rewind`.
 */
export function beginFrame(writer: FrameWriter, head: FrameHead, seqHigh: number, seqLow: number): void {
  const { byteCount, words } = head
  writer.begin()
  makeRoom(writer, byteCount + PADDING_BYTES)
  const { view, position } = writer
  // A loop is cheaper than a copy through the runtime for so few bytes.
  for (let i = 0; i < words.length; i++) view.setInt32(position + i * 4, words[i] as number, true)
  view.setUint32(position + 4, seqHigh)
  view.setUint32(position + 8, seqLow)
  writer.position = position + byteCount
}

/**
 * Begins the answer to `request`: same seq, version and serialize type, no compression, empty path and method, which
 * clients do not read.
 * @param flags added to {@link FLAG}.response: status and compression of the answer
 */
export function beginResponse(
  writer: FrameWriter,
  seqHigh: number,
  seqLow: number,
  serialize: number,
  flags: number,
): void {
  writer.begin()
  makeRoom(writer, HEAD_BYTES + LENGTHS_BYTES)
  const { view, position } = writer
  view.setInt32(position, (MAGIC << 24) | ((FLAG.response | flags) << 8) | serialize)
  view.setUint32(position + 4, seqHigh)
  view.setUint32(position + 8, seqLow)
  view.setUint32(position + 16, 0)
  view.setUint32(position + 20, 0)
  writer.position = position + 24
}

/** The writer's limit is asked where its slab ends, and for the whole frame in the end. */
function makeRoom(writer: FrameWriter, byteCount: number): void {
  if (writer.bytes.length - writer.position < byteCount) writer.reserve(byteCount)
}

/** Makes room for the payload's length. Returns where the payload starts, for {@link endFrame}. */
export function beginPayload(writer: FrameWriter): number {
  makeRoom(writer, 4)
  writer.position += 4
  // Relative to the frame: the writer may move to another slab.
  return writer.position - writer.frameStart
}

/**
 * Fills in the lengths.
 * @param payloadOffset what {@link beginPayload} returned
 * @throws GomsError RESOURCE_EXHAUSTED above the writer's limit
 */
export function endFrame(writer: FrameWriter, payloadOffset: number): void {
  writer.reserve(0)
  const start = writer.frameStart
  const end = writer.position
  const payloadStart = start + payloadOffset
  writer.view.setUint32(payloadStart - 4, end - payloadStart)
  writer.view.setUint32(start + 12, end - start - HEAD_BYTES)
}

/** A frame that is to be read again after its bytes are gone: a copy of both. */
export function copyFrame(frame: Frame): Frame {
  const copy = createFrame()
  readFrame(Buffer.from(frame.bytes.subarray(frame.start, frame.end)), 0, frame.end - frame.start, copy)
  return copy
}

function damaged(what: string): GomsError {
  return new GomsError('DATA_LOSS', `rpc: damaged frame: ${what}`)
}
