/** Strings in and out of buffers: short ASCII in JavaScript, where a call into the runtime would cost more than the text. */

/** Up to here a loop beats the runtime's own conversion. */
const SHORT_CHARS = 48

/**
 * Writes at most {@link SHORT_CHARS} ASCII characters from `position`. Returns false, with rubbish left behind, where the
 * text is longer or not ASCII. The room must be there.
 */
export function writeShortAscii(bytes: Buffer, position: number, text: string): boolean {
  const length = text.length
  if (length > SHORT_CHARS) return false
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f) return false
    bytes[position + i] = code
  }
  return true
}

/** UTF-8 from `start` to `end`; what is not valid becomes U+FFFD. */
export function readText(bytes: Buffer, start: number, end: number): string {
  const length = end - start
  if (length === 0) return ''
  if (length <= 16) {
    const short = readShortAscii(bytes, start, length)
    if (short !== undefined) return short
  }
  return bytes.toString('utf8', start, end)
}

/** In steps of four: building a string from one call is several times cheaper than appending characters. */
function readShortAscii(b: Buffer, at: number, length: number): string | undefined {
  let text = ''
  let left = length
  let i = at
  while (left >= 8) {
    const c0 = b[i] as number
    const c1 = b[i + 1] as number
    const c2 = b[i + 2] as number
    const c3 = b[i + 3] as number
    const c4 = b[i + 4] as number
    const c5 = b[i + 5] as number
    const c6 = b[i + 6] as number
    const c7 = b[i + 7] as number
    if ((c0 | c1 | c2 | c3 | c4 | c5 | c6 | c7) > 0x7f) return undefined
    text += String.fromCharCode(c0, c1, c2, c3, c4, c5, c6, c7)
    i += 8
    left -= 8
  }
  if (left >= 4) {
    const c0 = b[i] as number
    const c1 = b[i + 1] as number
    const c2 = b[i + 2] as number
    const c3 = b[i + 3] as number
    if ((c0 | c1 | c2 | c3) > 0x7f) return undefined
    text += String.fromCharCode(c0, c1, c2, c3)
    i += 4
    left -= 4
  }
  if (left === 0) return text
  const c0 = b[i] as number
  const c1 = left > 1 ? (b[i + 1] as number) : 0
  const c2 = left > 2 ? (b[i + 2] as number) : 0
  if ((c0 | c1 | c2) > 0x7f) return undefined
  if (left === 1) return text + String.fromCharCode(c0)
  return text + (left === 2 ? String.fromCharCode(c0, c1) : String.fromCharCode(c0, c1, c2))
}

/** Strings that come again and again (paths, methods, keys), found by their bytes without making a new string. */
export interface TextCache {
  read(bytes: Buffer, start: number, end: number): string
}

const CACHED_BYTES = 32

/** @param slots a power of two; each holds one string of at most 32 bytes, the newest wins */
export function createTextCache(slots = 512): TextCache {
  const texts: (string | undefined)[] = new Array(slots).fill(undefined)
  const mask = slots - 1
  return {
    read(bytes, start, end) {
      const length = end - start
      if (length > CACHED_BYTES || length === 0) return readText(bytes, start, end)
      const slot =
        ((bytes[start] as number) * 31 +
          (bytes[end - 1] as number) * 7 +
          (bytes[(start + end) >> 1] as number) * 131 +
          length) &
        mask
      const known = texts[slot]
      if (known !== undefined && isText(known, bytes, start, length)) return known
      const text = readText(bytes, start, end)
      if (text.length === length) texts[slot] = text
      return text
    },
  }
}

/** Whether those bytes are exactly this ASCII text. */
function isText(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return false
  return true
}
