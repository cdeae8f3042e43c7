/** Short ASCII text from bytes, unrolled by length. */

/** The bytes are there; said here once instead of at each. */
const char = String.fromCharCode as (...codes: (number | undefined)[]) => string

/**
 * Undefined where it is not ASCII or longer than 16 bytes. One call with all the characters is several times cheaper than
 * appending them one by one.
 */
export function readShortAscii(b: Buffer, i: number, length: number): string | undefined {
  let all = 0
  for (let at = i; at < i + length; at++) all |= b[at] as number
  if (all > 0x7f) return undefined
  switch (length) {
    case 1:
      return char(b[i])
    case 2:
      return char(b[i], b[i + 1])
    case 3:
      return char(b[i], b[i + 1], b[i + 2])
    case 4:
      return char(b[i], b[i + 1], b[i + 2], b[i + 3])
    case 5:
      return char(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4])
    case 6:
      return char(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5])
    case 7:
      return char(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6])
    case 8:
      return char(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7])
    case 9:
      return char(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8])
    case 10:
      return char(b[i], b[i + 1], b[i + 2], b[i + 3], b[i + 4], b[i + 5], b[i + 6], b[i + 7], b[i + 8], b[i + 9])
    case 11:
      return char(
        b[i],
        b[i + 1],
        b[i + 2],
        b[i + 3],
        b[i + 4],
        b[i + 5],
        b[i + 6],
        b[i + 7],
        b[i + 8],
        b[i + 9],
        b[i + 10],
      )
    case 12:
      return char(
        b[i],
        b[i + 1],
        b[i + 2],
        b[i + 3],
        b[i + 4],
        b[i + 5],
        b[i + 6],
        b[i + 7],
        b[i + 8],
        b[i + 9],
        b[i + 10],
        b[i + 11],
      )
    case 13:
      return char(
        b[i],
        b[i + 1],
        b[i + 2],
        b[i + 3],
        b[i + 4],
        b[i + 5],
        b[i + 6],
        b[i + 7],
        b[i + 8],
        b[i + 9],
        b[i + 10],
        b[i + 11],
        b[i + 12],
      )
    case 14:
      return char(
        b[i],
        b[i + 1],
        b[i + 2],
        b[i + 3],
        b[i + 4],
        b[i + 5],
        b[i + 6],
        b[i + 7],
        b[i + 8],
        b[i + 9],
        b[i + 10],
        b[i + 11],
        b[i + 12],
        b[i + 13],
      )
    case 15:
      return char(
        b[i],
        b[i + 1],
        b[i + 2],
        b[i + 3],
        b[i + 4],
        b[i + 5],
        b[i + 6],
        b[i + 7],
        b[i + 8],
        b[i + 9],
        b[i + 10],
        b[i + 11],
        b[i + 12],
        b[i + 13],
        b[i + 14],
      )
    case 16:
      return char(
        b[i],
        b[i + 1],
        b[i + 2],
        b[i + 3],
        b[i + 4],
        b[i + 5],
        b[i + 6],
        b[i + 7],
        b[i + 8],
        b[i + 9],
        b[i + 10],
        b[i + 11],
        b[i + 12],
        b[i + 13],
        b[i + 14],
        b[i + 15],
      )
    default:
      return undefined
  }
}
