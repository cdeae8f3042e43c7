/**
 * Copies of bytes that are on their way out. Their memory is used again once the system has taken them: a new piece for each
 * would have to be found, filled with pages and collected, which costs more than the copying.
 */

/** What one read gives at most. */
const COPY_BYTES = 65_536
/** Smaller ones come from the runtime's own pool, or are little work. */
const LEAST_BYTES = 16_384
/** Kept for later, 4 MiB in all. */
const MAX_KEPT = 64

const free: ArrayBuffer[] = []

/** A copy to be written, and then given to {@link copyWritten}. */
export function copyToWrite(bytes: Buffer): Buffer {
  const { length } = bytes
  if (length < LEAST_BYTES || length > COPY_BYTES) return Buffer.from(bytes)
  const copy = Buffer.from(free.pop() ?? new ArrayBuffer(COPY_BYTES), 0, length)
  copy.set(bytes)
  return copy
}

/** Nobody holds its bytes any more: they have been written, all of them. Not for those of a write that failed. */
export function copyWritten({ buffer, length }: Buffer): void {
  // Smaller ones share theirs with others.
  if (length < LEAST_BYTES || buffer.byteLength !== COPY_BYTES || !(buffer instanceof ArrayBuffer)) return
  if (free.length < MAX_KEPT) free.push(buffer)
}
