/** The port of the payload codecs: how values become the bytes of a frame, and back. */

/**
 * Where a payload is written. `bytes` and `view` may be replaced by those of a larger buffer whenever `reserve` is called:
 * read them again afterwards.
 */
export interface PayloadWriter {
  bytes: Buffer
  /** The same bytes, for what is more than one of them: four bytes are checked and stored as cheaply as one. */
  view: DataView
  /** Where the next byte goes. */
  position: number
  /** Makes room for that many more bytes. @throws GomsError RESOURCE_EXHAUSTED above the frame limit */
  reserve(byteCount: number): void
}

/** MessagePack as Go reads it (docs/protocol.md); generic, or compiled for the shape that a contract tells. */
export interface PayloadCodec {
  /** Appends the value. @throws GomsError INVALID_ARGUMENT for what cannot travel (functions, cycles, depth) */
  encode(value: unknown, writer: PayloadWriter): void
  /** Reads exactly `start` to `end`. Never keeps a view on `bytes`. @throws GomsError INVALID_ARGUMENT for damaged bytes */
  decode(bytes: Buffer, start: number, end: number): unknown
}

/** The codecs of one method. */
export interface MethodCodecs {
  readonly input: PayloadCodec
  readonly output: PayloadCodec
}
