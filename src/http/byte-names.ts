/** Names found among known ones by their bytes: no string is made of what is only compared. */

export interface ByteNames {
  /** The position among the known names, or -1. The bytes are tokens (RFC 9110 §5.6.2). */
  find(bytes: Uint8Array, start: number, end: number): number
}

/** Longer ones are not among the known. */
const MAX_LENGTH = 63

/**
 * @param names at most 255, of at most 63 characters each
 * @param foldCase whether `A` is `a`; the known names are in lower case then
 */
export function createByteNames(names: readonly string[], foldCase: boolean): ByteNames {
  // Length and first letter are enough to tell nearly all apart; those that share both are in one chain.
  const first = new Uint8Array((MAX_LENGTH + 1) * 32)
  const next = new Uint8Array(names.length + 1)
  const startOf = new Uint16Array(names.length + 1)
  const text = Uint8Array.from(Buffer.from(names.join(''), 'latin1'))
  let at = 0
  for (const [index, name] of names.entries()) {
    const slot = (name.length << 5) | (name.charCodeAt(0) & 31)
    next[index + 1] = first[slot] as number
    first[slot] = index + 1
    startOf[index + 1] = at
    at += name.length
  }
  // A token's bytes with this bit are letters, digits and `-` of a known name only where they were these (or capitals).
  const fold = foldCase ? 0x20 : 0

  return {
    find(bytes, start, end) {
      const length = end - start
      if (length > MAX_LENGTH) return -1
      let entry = first[(length << 5) | ((bytes[start] as number) & 31)] as number
      while (entry !== 0) {
        const from = startOf[entry] as number
        let i = 0
        while (i < length && ((bytes[start + i] as number) | fold) === text[from + i]) i++
        if (i === length) return entry - 1
        entry = next[entry] as number
      }
      return -1
    },
  }
}
