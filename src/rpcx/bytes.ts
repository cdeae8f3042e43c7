/** Numbers of four and eight bytes, big-endian, without the checks of Buffer's own methods. */

/** The caller has checked that the bytes are there. */
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

const float = new Float64Array(1)
const halves = new Uint32Array(float.buffer)
/** Which half of a float 64 this machine keeps in the first four bytes. */
const high: 0 | 1 = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0
const low: 0 | 1 = high === 1 ? 0 : 1

export function float64(bytes: Buffer, at: number): number {
  halves[high] = uint32(bytes, at)
  halves[low] = uint32(bytes, at + 4)
  return float[0] as number
}

export function putFloat64(bytes: Buffer, at: number, value: number): void {
  float[0] = value
  putUint32(bytes, at, halves[high] as number)
  putUint32(bytes, at + 4, halves[low] as number)
}
