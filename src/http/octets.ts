/** Which octets may stand where in a message. Sources: RFC 9110 §5.6.2 (token), §5.5 (field value). */

export const CR = 0x0d
export const LF = 0x0a
export const SP = 0x20
export const HTAB = 0x09
export const COLON = 0x3a

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

/** `toString('latin1', …)` without its look at the encoding; not documented, so not relied upon. */
export const latin1: (bytes: Buffer, start: number, end: number) => string = (() => {
  const slice = (Buffer.prototype as { latin1Slice?: (start: number, end: number) => string }).latin1Slice
  if (slice) return (bytes, start, end) => slice.call(bytes, start, end)
  return (bytes, start, end) => bytes.toString('latin1', start, end)
})()
