/** Whether a JSON object says `status` itself: searched, not parsed. */

const STATUS = Buffer.from('status')
/** From this size on a search beforehand pays. */
const SEARCHED_BYTES = 256

/**
 * Whether the object that opens before `from` has a key `status` of its own. One pass; strings are skipped, not decoded.
 * @param text the same as Latin-1, where that is at hand
 */
export function hasOwnStatus(json: Buffer, from: number, text?: string): boolean {
  // The system's search goes through large bodies at a fraction of the cost; without any of these there is no such key.
  if (text !== undefined) {
    if (text.indexOf('status"', from) < 0 && text.indexOf('\\', from) < 0) return false
  } else if (json.length > SEARCHED_BYTES && !json.includes('"status"', from) && !json.includes(0x5c, from))
    return false
  let depth = 1
  let keyNext = true
  for (let i = from; i < json.length && depth > 0; i++) {
    switch (json[i]) {
      case 0x7b: // {
      case 0x5b: // [
        depth++
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        break
      case 0x2c: // ,
        keyNext = depth === 1
        break
      case 0x3a: // :
        keyNext = false
        break
      case 0x22: {
        const end = endOfString(json, i + 1)
        if (keyNext && depth === 1 && isStatus(json, i, end)) return true
        i = end
        break
      }
    }
  }
  return false
}

/** Offset of the quote that closes a string. */
function endOfString(json: Buffer, from: number): number {
  let i = from
  while (i < json.length && json[i] !== 0x22) i += json[i] === 0x5c ? 2 : 1
  return i
}

/** A key may be written with escapes, `"st\u0061tus"`. */
function isStatus(json: Buffer, from: number, end: number): boolean {
  let at = from + 1
  while (at < end && json[at] !== 0x5c) at++
  if (at < end) return isWrittenStatus(json.toString('latin1', from, end + 1))
  if (end - from - 1 !== STATUS.length || end >= json.length) return false
  for (let i = 0; i < STATUS.length; i++) if (json[from + 1 + i] !== STATUS[i]) return false
  return true
}

function isWrittenStatus(text: string): boolean {
  try {
    return JSON.parse(text) === 'status'
  } catch {
    return false
  }
}
