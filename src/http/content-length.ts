/** The value of `Content-Length`. Source: RFC 9110 §8.6; no list of equal lengths, which it lets recipients forgive. */

/** Digits up to which a length is an exact number. */
const MAX_DIGITS = 15

/** -1 for what is no length. */
export function contentLengthOf(value: string): number {
  const { length } = value
  if (length === 0 || length > MAX_DIGITS) return -1
  let number = 0
  for (let i = 0; i < length; i++) {
    const digit = value.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return -1
    number = number * 10 + digit
  }
  return number
}
