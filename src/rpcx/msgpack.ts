/** The generic MessagePack codec: any value, no shape known. */
import type { PayloadCodec } from './codec.ts'
import { decodePayload } from './msgpack-decode.ts'
import { encodeValue } from './msgpack-encode.ts'

export const genericCodec: PayloadCodec = {
  encode: (value, writer) => encodeValue(value, writer),
  decode: decodePayload,
}
