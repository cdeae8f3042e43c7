/** Bytes as numbers of more than one of them. */

/** Over exactly those bytes. A number of four bytes out of it costs as much as one byte out of the buffer. */
export function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

let lastBytes: Buffer = Buffer.alloc(0)
let lastView: DataView = viewOf(lastBytes)

/** The same for bytes that are read: kept from call to call, because many frames and payloads lie in one buffer. */
export function sharedViewOf(bytes: Buffer): DataView {
  if (bytes !== lastBytes) {
    lastBytes = bytes
    lastView = viewOf(bytes)
  }
  return lastView
}

/** Big-endian, without the checks of Buffer's own methods. The caller has checked that the bytes are there. */
export function uint32(bytes: Buffer, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}

export function putUint32(bytes: Buffer, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
