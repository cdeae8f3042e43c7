/** Which octets may stand where in a message. Sources: RFC 9110 §5.6.2 (token), §5.5 (field value). */

export const CR = 0x0d
export const LF = 0x0a
export const SP = 0x20
export const HTAB = 0x09
export const COLON = 0x3a
export const DEL = 0x7f

/** What an octet is within a token: 0 where it cannot be in one. */
export const TOKEN: Uint8Array = new Uint8Array(256)
/** A bit of {@link TOKEN}: `_`, which CGI-like frameworks take for `-`. */
export const UNDERSCORE = 2
for (const char of "!#$%&'*+-.^`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  TOKEN[char.charCodeAt(0)] = 1
}
TOKEN[0x5f] = 1 | UNDERSCORE

export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 0x7f || TOKEN[code] === 0) return false
  }
  return text !== ''
}

/** Whether a text can be the value of a field: visible ASCII, space, tab and obs-text (0x80 to 0xff); nothing beyond Latin-1. */
export function isFieldValue(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if ((code < 0x20 && code !== HTAB) || code === 0x7f || code > 0xff) return false
  }
  return true
}

/** The words of a buffer that was read from more than once: a thread reads into one and the same, where it can. */
let words: Int32Array = new Int32Array(0)
let wordsOf: Uint8Array = new Uint8Array(0)
let readBefore: Uint8Array = wordsOf

/** Where octets end that may stand in a field's value: the offset of the first that may not, or `end`. */
export function fieldValueEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  if (bytes === wordsOf) {
    const view = words
    const { byteOffset } = bytes
    while (at < end && ((byteOffset + at) & 3) !== 0) {
      const octet = bytes[at] as number
      if ((octet < SP && octet !== HTAB) || octet === DEL) return at
      at++
    }
    // Four at once: a high bit stays where one is below 0x20, or 0x7f. A tab stops it too, and is looked at below.
    const lastWord = (byteOffset + end) >> 2
    let word = (byteOffset + at) >> 2
    while (word < lastWord) {
      const four = view[word] as number
      const flipped = four ^ 0x7f7f7f7f
      if (((((four - 0x20202020) & ~four) | ((flipped - 0x01010101) & ~flipped)) & 0x80808080) !== 0) break
      word++
    }
    at = Math.max(at, (word << 2) - byteOffset)
  } else if (bytes === readBefore) {
    wordsOf = bytes
    words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >> 2)
  } else readBefore = bytes
  while (at < end) {
    const octet = bytes[at] as number
    if ((octet < SP && octet !== HTAB) || octet === DEL) return at
    at++
  }
  return end
}

/**
 * The same text in one piece. What is put together from parts stays a tree of them, and is walked through each time that a
 * larger text is written that it became a part of: this is for parts that are used again and again.
 * @param text Latin-1
 */
export function flat(text: string): string {
  return latin1(Buffer.from(text, 'latin1'), 0, text.length)
}

/** `toString('latin1', …)` without its look at the encoding; not documented, so not relied upon. */
export const latin1: (bytes: Buffer, start: number, end: number) => string = (() => {
  const slice = (Buffer.prototype as { latin1Slice?: (start: number, end: number) => string }).latin1Slice
  if (slice) return (bytes, start, end) => slice.call(bytes, start, end)
  return (bytes, start, end) => bytes.toString('latin1', start, end)
})()
