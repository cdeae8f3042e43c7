/** Whether a request carries the key that the processes of a project share. */
import { timingSafeEqual } from 'node:crypto'

/** Answers in a time that does not depend on where a wrong key differs. */
export type KeyCheck = (given: string | undefined) => boolean

/**
 * The check of one key. Header values arrive as bytes read as latin-1; a key with other characters may have been
 * written as UTF-8 (Go does), so both are accepted.
 */
export function keyCheck(key: string): KeyCheck {
  const expected = [Buffer.from(key, 'utf8')]
  const latin1 = Buffer.from(key, 'latin1')
  if (!latin1.equals(expected[0] as Buffer) && latin1.toString('latin1') === key) expected.push(latin1)
  return (given) => {
    if (given === undefined) return false
    const bytes = Buffer.from(given, 'latin1')
    let matches = false
    for (const one of expected) {
      // A wrong length is compared too, so that its time tells nothing but the length itself.
      const same = timingSafeEqual(bytes.length === one.length ? bytes : one, one) && bytes.length === one.length
      matches = matches || same
    }
    return matches
  }
}

/**
 * The same for text that has been decoded already, as the metadata of RPC: every character of the key is looked at,
 * whatever differs, and nothing is allocated. Several times cheaper than bytes for a key of usual length.
 */
export function textCheck(key: string): KeyCheck {
  const expected = Array.from({ length: key.length }, (_, at) => key.charCodeAt(at))
  return (given) => {
    if (given === undefined) return false
    let difference = given.length ^ expected.length
    // Beyond the end of what was given there is NaN, which counts as 0: the length has said that already.
    for (let i = 0; i < expected.length; i++) difference |= given.charCodeAt(i) ^ (expected[i] as number)
    return difference === 0
  }
}
