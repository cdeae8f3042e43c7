/**
 * The codec of one method: starts generic, learns the shapes of what passes, and compiles them. The bytes are the same
 * either way; only the time differs. Where code generation is forbidden it stays generic.
 */
import type { MethodCodecs, PayloadCodec, PayloadWriter } from './codec.ts'
import { decodePayload, readerOf } from './msgpack-decode.ts'
import { encodeValue } from './msgpack-encode.ts'
import { type MapShape, mergeShapes, type Shape, shapeOf } from './shape.ts'
import { compileDecoder, type ShapeDecoder } from './shape-decode.ts'
import { compileEncoder, type ShapeEncoder } from './shape-encode.ts'

/** Values of a shape before it is compiled: a call now and then is not worth it. */
const SAMPLES = 16
/** Shapes that are told apart while learning. */
const MAX_CANDIDATES = 8
/** Compiled shapes of one direction: optional fields make several. */
const MAX_COMPILED = 4
/** After so many values that fit nothing compiled, nothing more is learnt. */
const MAX_LESSONS = 1024

/** Both codecs of a method, each learning for itself. Made once per method and kept. */
export function createMethodCodecs(): MethodCodecs {
  return { input: createLearningCodec(), output: createLearningCodec() }
}

/** A codec that grows faster with use. */
export function createLearningCodec(): PayloadCodec {
  const encoders: ShapeEncoder[] = []
  const decoders: ShapeDecoder[] = []
  const sent = createLessons((shape) => encoders.push(compileEncoder(shape)))
  const received = createLessons((shape) => decoders.push(compileDecoder(shape)))

  return {
    encode(value: unknown, writer: PayloadWriter): void {
      for (let i = 0; i < encoders.length; i++) if ((encoders[i] as ShapeEncoder)(value, writer)) return
      encodeValue(value, writer)
      if (sent.open) sent.learn(value)
    },
    decode(bytes: Buffer, start: number, end: number): unknown {
      for (let i = 0; i < decoders.length; i++) {
        const reader = readerOf(bytes, start, end)
        const value = (decoders[i] as ShapeDecoder)(reader)
        // Bytes behind the value are an error: the generic decoder says so.
        if (value !== undefined && reader.position === end) return value
      }
      const value = decodePayload(bytes, start, end)
      if (received.open) received.learn(value)
      return value
    },
  }
}

interface Lessons {
  readonly open: boolean
  learn(value: unknown): void
}

/** Counts shapes by their keys, and has each compiled once it has been seen often enough. */
function createLessons(compile: (shape: MapShape) => void): Lessons {
  const candidates = new Map<string, { shape: Shape; count: number }>()
  let open = true
  let compiled = 0
  let lessons = 0

  function graduate(key: string, shape: Shape): void {
    candidates.delete(key)
    try {
      if (shape.kind === 'map') compile(shape)
      open = ++compiled < MAX_COMPILED
    } catch {
      // Code generation is forbidden here: the generic codec does, and stays.
      open = false
    }
  }

  return {
    get open() {
      return open
    },
    learn(value) {
      if (++lessons >= MAX_LESSONS) open = false
      const shape = shapeOf(value)
      if (shape.kind !== 'map') return
      const key = shape.keys.join('\n')
      const known = candidates.get(key)
      if (known === undefined) {
        if (candidates.size < MAX_CANDIDATES) candidates.set(key, { shape, count: 1 })
        return
      }
      known.shape = mergeShapes(known.shape, shape)
      if (++known.count >= SAMPLES) graduate(key, known.shape)
    },
  }
}
