/**
 * gRPC's framing of messages in DATA frames, for client and embedded server: a flag, a length, the message.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { GomsError } from '../core/errors.ts'

/** Statuses that goms meets; the numbers travel in `grpc-status`. */
export const GRPC_STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

/** A message as it travels, uncompressed. */
export function toFrame(bytes: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(5 + bytes.length)
  frame[0] = 0
  frame.writeUInt32BE(bytes.length, 1)
  bytes.copy(frame, 5)
  return frame
}

/**
 * Takes chunks as they arrive and hands out whole messages, in order.
 * @throws GomsError RESOURCE_EXHAUSTED from the returned function for a message above `maxBytes`, UNIMPLEMENTED for a compressed one
 */
export function createFrameSplitter(maxBytes: number, onMessage: (bytes: Buffer) => void): (chunk: Buffer) => void {
  let chunks: Buffer[] = []
  let heldBytes = 0
  let needBytes = 5
  return (chunk) => {
    chunks.push(chunk)
    heldBytes += chunk.length
    // Joined only when something whole is there, so that a large message is copied once.
    while (heldBytes >= needBytes) {
      const all = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)
      const length = all.readUInt32BE(1)
      if (all[0] !== 0) throw new GomsError('UNIMPLEMENTED', 'grpc: a compressed message')
      if (length > maxBytes)
        throw new GomsError('RESOURCE_EXHAUSTED', `grpc: a message of ${length} bytes (at most ${maxBytes})`)
      if (all.length < 5 + length) {
        chunks = [all]
        needBytes = 5 + length
        return
      }
      const rest = all.subarray(5 + length)
      chunks = rest.length > 0 ? [rest] : []
      heldBytes = rest.length
      needBytes = 5
      onMessage(all.subarray(5, 5 + length))
    }
  }
}
