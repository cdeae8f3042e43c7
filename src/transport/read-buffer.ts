/** The buffer that connections read into: one for the thread, as each read is dealt with before the next one begins. */

/** As much as one read takes; what libuv would allocate for each. */
const READ_BYTES = 64 * 1024

let shared: Buffer | undefined

/** Bytes in it are valid within the callback of the read only. */
export function readBuffer(): Buffer {
  // Windows fills a buffer while other callbacks run.
  if (process.platform === 'win32') return Buffer.allocUnsafeSlow(READ_BYTES)
  shared ??= Buffer.allocUnsafeSlow(READ_BYTES)
  return shared
}
