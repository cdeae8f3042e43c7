/** Where frames are put together: one slab after another, so that what has been handed to a socket is never overwritten. */
import { GomsError } from '../core/errors.ts'
import { viewOf } from './bytes.ts'
import type { PayloadWriter } from './codec.ts'

/** Bytes of `total` in a frame's head at most, unless configured: path, method, metadata and payload with their lengths. */
export const DEFAULT_FRAME_LIMIT_BYTES: number = 4 * 1024 * 1024
/** Bytes of a slab: many small frames leave in one write. */
export const SLAB_BYTES: number = 64 * 1024
/** What is left of a slab is used further while it is at least this much. */
const WORTH_KEEPING_BYTES = 8 * 1024
/** Room is asked for by upper bounds; only a whole frame is held to the limit exactly. */
const SLACK_BYTES = 4096
/** Bytes in front of what `total` counts. */
const HEAD_BYTES = 16

/**
 * A {@link PayloadWriter} for whole frames. Frames stand one behind the other until `take` is called. `reserve(0)` tells
 * exactly whether the frame is within the limit.
 */
export interface FrameWriter extends PayloadWriter {
  /** Where the frame being written began. The frame limit counts from here. */
  readonly frameStart: number
  /** Bytes of whole frames that wait for `take`; a frame begun and not finished counts as well. */
  readonly waitingBytes: number
  /** The next byte begins a frame. */
  begin(): void
  /** Forgets the frame begun last, because it could not be written to its end. */
  rewind(): void
  /** What has been written since the last `take`. Its bytes are never touched again: hand it to a socket as it is. */
  take(): Buffer
}

/**
 * @param limitBytes a frame's `total` at most, 16 to 2^31 − 1. @default 4 MiB
 * @throws GomsError RESOURCE_EXHAUSTED, from `reserve`, when a frame would become longer
 */
export function createWriter(limitBytes: number = DEFAULT_FRAME_LIMIT_BYTES): FrameWriter {
  return new SlabWriter(limitBytes)
}

class SlabWriter implements FrameWriter {
  bytes: Buffer
  view: DataView
  position = 0
  frameStart = 0
  readonly #limitBytes: number
  #taken = 0

  constructor(limitBytes: number) {
    this.#limitBytes = limitBytes
    this.bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
    this.view = viewOf(this.bytes)
  }

  get waitingBytes(): number {
    return this.position - this.#taken
  }

  begin(): void {
    this.frameStart = this.position
  }

  rewind(): void {
    this.position = this.frameStart
  }

  reserve(byteCount: number): void {
    const frameBytes = this.position - this.frameStart + byteCount
    if (frameBytes > this.#limitBytes + HEAD_BYTES + (byteCount === 0 ? 0 : SLACK_BYTES)) {
      throw new GomsError('RESOURCE_EXHAUSTED', `rpc: frame too long (limit ${this.#limitBytes} bytes)`)
    }
    if (this.bytes.length - this.position >= byteCount) return
    // Only what waits moves along; what has been taken belongs to the socket.
    const waiting = this.bytes.subarray(this.#taken, this.position)
    const needed = waiting.length + byteCount
    this.bytes = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, needed > SLAB_BYTES ? needed * 2 : needed))
    this.view = viewOf(this.bytes)
    this.bytes.set(waiting)
    this.position -= this.#taken
    this.frameStart -= this.#taken
    this.#taken = 0
  }

  take(): Buffer {
    const written = this.bytes.subarray(this.#taken, this.position)
    this.#taken = this.position
    if (this.bytes.length - this.position < WORTH_KEEPING_BYTES || this.bytes.length > SLAB_BYTES) {
      this.bytes = Buffer.allocUnsafeSlow(SLAB_BYTES)
      this.view = viewOf(this.bytes)
      this.position = 0
      this.#taken = 0
    }
    this.frameStart = this.position
    return written
  }
}
