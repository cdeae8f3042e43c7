/** Strings in and out of buffers: short ASCII in JavaScript, where a call into the runtime would cost more than the text. */
import { readShortAscii } from './short-text.ts'

/** Bytes up to which text is read in JavaScript. */
const SHORT_BYTES = 16
/** Up to here a loop beats the runtime's own conversion. */
export const SHORT_CHARS = 48

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
  if (length <= SHORT_BYTES) {
    const short = readShortAscii(bytes, start, length)
    if (short !== undefined) return short
  }
  return utf8Slice.call(bytes, start, end)
}

/** What `toString` comes to, without its look at the encoding; not documented, so not relied upon. */
const utf8Slice: (this: Buffer, start: number, end: number) => string =
  (Buffer.prototype as { utf8Slice?: (start: number, end: number) => string }).utf8Slice ??
  function (this: Buffer, start: number, end: number): string {
    return this.toString('utf8', start, end)
  }

/** Short strings that come again and again (paths, methods, keys), found by their bytes. */
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
