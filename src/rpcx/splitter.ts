/** Bytes in any pieces to whole frames. A frame that came whole is not copied; one in pieces costs what has arrived of it. */
import { GomsError } from '../core/errors.ts'
import { sharedViewOf } from './bytes.ts'
import { createFrame, type Frame, HEAD_BYTES, LENGTHS_BYTES, MAGIC, readFrame } from './frame.ts'
import { DEFAULT_FRAME_LIMIT_BYTES } from './writer.ts'

export interface FrameSplitter {
  /**
   * Takes what was read, and hands over each frame that is complete with it. The bytes may be reused afterwards.
   * @throws GomsError DATA_LOSS or RESOURCE_EXHAUSTED: the connection must be closed; every later push throws as well
   */
  push(bytes: Buffer, start?: number, end?: number): void
  /** No further frame is handed over, not even from the bytes at hand. */
  stop(): void
  /** Bytes held of a frame that is not complete. */
  readonly heldBytes: number
}

/** The first room for a frame in pieces; it doubles as bytes arrive, however many the head promises, and is let go then. */
const FIRST_HELD_BYTES = 4096
const NO_ROOM: Buffer = Buffer.alloc(0)

/**
 * @param onFrame gets a view that is valid until it returns, the object as well as its bytes. What it throws ends `push`
 * @param limitBytes a frame's `total` at most; checked before anything is allocated. @default 4 MiB
 */
export function createSplitter(
  onFrame: (frame: Frame) => void,
  limitBytes: number = DEFAULT_FRAME_LIMIT_BYTES,
): FrameSplitter {
  const frame = createFrame()
  let room: Buffer = NO_ROOM
  let held = 0
  let stopped = false
  let broken: GomsError | undefined

  /** Bytes of the frame that begins here; 0 when that cannot be told yet. */
  function sizeOf(bytes: Buffer, start: number, end: number): number {
    if (bytes[start] !== MAGIC)
      throw new GomsError('DATA_LOSS', `rpc: no rpcx frame (begins with byte ${bytes[start]})`)
    if (end - start < HEAD_BYTES) return 0
    const total = sharedViewOf(bytes).getUint32(start + 12)
    if (total < LENGTHS_BYTES) throw new GomsError('DATA_LOSS', `rpc: damaged frame: total ${total}, at least 16`)
    if (total > limitBytes) {
      throw new GomsError('RESOURCE_EXHAUSTED', `rpc: frame too long (${total} bytes, limit ${limitBytes})`)
    }
    return HEAD_BYTES + total
  }

  /** Adds to what is held until it is `wanted` bytes. Returns where the rest of the input begins. */
  function hold(bytes: Buffer, start: number, end: number, wanted: number): number {
    const taken = Math.min(end - start, wanted - held)
    if (room.length < held + taken) {
      const larger = Buffer.allocUnsafeSlow(Math.max(FIRST_HELD_BYTES, Math.min(wanted, (held + taken) * 2)))
      larger.set(room.subarray(0, held))
      room = larger
    }
    room.set(bytes.subarray(start, start + taken), held)
    held += taken
    return start + taken
  }

  /** Completes the frame of which a piece is held, as far as the input reaches. */
  function complete(bytes: Buffer, from: number, end: number): number {
    let at = from
    if (held < HEAD_BYTES) at = hold(bytes, at, end, HEAD_BYTES)
    const size = sizeOf(room, 0, held)
    if (size === 0) return at
    at = hold(bytes, at, end, size)
    if (held < size) return at
    readFrame(room, 0, size, frame)
    held = 0
    onFrame(frame)
    if (room.length > FIRST_HELD_BYTES) room = NO_ROOM
    return at
  }

  function split(bytes: Buffer, from: number, end: number): void {
    let at = from
    if (held > 0) at = complete(bytes, at, end)
    while (at < end && !stopped) {
      const size = sizeOf(bytes, at, end)
      if (size === 0 || end - at < size) {
        hold(bytes, at, end, size === 0 ? HEAD_BYTES : size)
        return
      }
      readFrame(bytes, at, at + size, frame)
      at += size
      onFrame(frame)
    }
  }

  return {
    push(bytes, start = 0, end = bytes.length) {
      if (broken !== undefined) throw broken
      if (stopped || start === end) return
      try {
        split(bytes, start, end)
      } catch (error) {
        broken = GomsError.from(error)
        room = NO_ROOM
        held = 0
        throw error
      }
    },
    stop() {
      stopped = true
      room = NO_ROOM
      held = 0
    },
    get heldBytes() {
      return held
    },
  }
}
