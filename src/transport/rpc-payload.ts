/** Payloads of frames, both ways: MessagePack as a rule, what Go programs may send besides, and gzip around it. */
import { GomsError } from '../core/errors.ts'
import type { PayloadCodec } from '../rpcx/codec.ts'
import { FLAG, SERIALIZE } from '../rpcx/frame.ts'
import { GZIP_LEAST_BYTES, gunzip, gzip } from '../rpcx/gzip.ts'
import type { FrameWriter } from '../rpcx/writer.ts'

const json: PayloadCodec = {
  encode(value, writer) {
    append(writer, Buffer.from(JSON.stringify(value) ?? 'null'))
  },
  decode(bytes, start, end) {
    try {
      return JSON.parse(bytes.toString('utf8', start, end))
    } catch (error) {
      throw new GomsError('INVALID_ARGUMENT', 'rpc: damaged payload: no JSON', { cause: error })
    }
  },
}

const raw: PayloadCodec = {
  encode(value, writer) {
    if (value === undefined || value === null) return
    if (!(value instanceof Uint8Array)) throw new GomsError('INVALID_ARGUMENT', 'rpc: a raw payload takes bytes only')
    append(writer, value)
  },
  decode: (bytes, start, end) => Buffer.from(bytes.subarray(start, end)),
}

/** What reads and writes payloads of that serialize type; undefined for one that is not spoken here (protobuf, Thrift). */
export function codecFor(serialize: number, msgpack: PayloadCodec): PayloadCodec | undefined {
  switch (serialize & SERIALIZE.mask) {
    case SERIALIZE.msgpack:
      return msgpack
    case SERIALIZE.json:
      return json
    case SERIALIZE.raw:
      return raw
    default:
      return undefined
  }
}

/** Where a payload lies and how it was written. */
export interface PayloadView {
  readonly bytes: Buffer
  readonly flags: number
  readonly serialize: number
  readonly payloadStart: number
  readonly payloadEnd: number
}

/**
 * The value; undefined for an empty payload.
 * @param maxBytes of an inflated payload
 * @throws GomsError INVALID_ARGUMENT, RESOURCE_EXHAUSTED
 */
export function decodePayload(view: PayloadView, msgpack: PayloadCodec, maxBytes: number): unknown {
  const { bytes, payloadStart, payloadEnd } = view
  if (payloadStart === payloadEnd) return undefined
  const codec = codecFor(view.serialize, msgpack)
  if (codec === undefined) throw new GomsError('INVALID_ARGUMENT', noCodec(view.serialize))
  const compress = view.flags & FLAG.compress
  if (compress === 0) return codec.decode(bytes, payloadStart, payloadEnd)
  if (compress !== FLAG.gzip) throw new GomsError('INVALID_ARGUMENT', `rpc: compression ${compress >> 2} is not spoken`)
  const inflated = gunzip(bytes.subarray(payloadStart, payloadEnd), maxBytes)
  return codec.decode(inflated, 0, inflated.length)
}

/** In the words of Go's server. */
export function noCodec(serialize: number): string {
  return `can not find codec for ${serialize >> 4}`
}

/** Compresses the payload that was written last, where rpcx would. `payloadOffset` as in `endFrame`, which follows. */
export function compressPayload(writer: FrameWriter, payloadOffset: number): void {
  const start = writer.frameStart + payloadOffset
  if (writer.position - start <= GZIP_LEAST_BYTES) return
  const smaller = gzip(writer.bytes.subarray(start, writer.position))
  writer.position = start
  append(writer, smaller)
  const flagsAt = writer.frameStart + 2
  writer.bytes[flagsAt] = (writer.bytes[flagsAt] as number) | FLAG.gzip
}

function append(writer: { bytes: Buffer; position: number; reserve(n: number): void }, bytes: Uint8Array): void {
  writer.reserve(bytes.length)
  writer.bytes.set(bytes, writer.position)
  writer.position += bytes.length
}
