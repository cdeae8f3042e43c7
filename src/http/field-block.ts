/**
 * Reads the lines of fields up to the empty line: of requests, answers, and trailers. One pass, nothing made of what is
 * only looked at; goes on where the bytes ended.
 * Source: RFC 9112 §5; what it lets recipients forgive (§2.2 bare LF, §5.2 folded lines) is refused.
 */
import { FIELD, kindOfBytes } from './field-kinds.ts'
import { Fields, STRIDE } from './fields.ts'
import { type Refused, refused } from './head-result.ts'
import { COLON, CR, fieldValueEnd, HTAB, LF, SP, TOKEN, UNDERSCORE } from './octets.ts'

const FOLDED = refused(400, 'a folded header line')
const SPACED = refused(400, 'white space before the colon of a header field')
const BAD_NAME = refused(400, 'malformed name of a header field')
const BAD_VALUE = refused(400, 'a control character in a header field')
const BARE = refused(400, 'a line break other than CRLF')
const TOO_MANY = refused(431, 'too many header fields')

export class FieldBlock {
  readonly #maxLength: number
  /** Used again for each block, so that it need not grow. */
  readonly #spans: number[] = []
  #length = 0
  #kinds = 0
  /** Where the line begins that is not whole. All offsets are from the start of the block. */
  #next = 0
  /** Up to where that line was looked at, and whether its colon was seen. */
  #seen = 0
  #inValue = false

  constructor(maxCount: number) {
    this.#maxLength = maxCount * STRIDE
  }

  /** Where the block ended, behind the empty line, after `read` returned true. Relative to its start. */
  get size(): number {
    return this.#next
  }

  /**
   * @param base where the block starts: the same bytes as in the call before, and more of them
   * @returns true: whole; false: more is needed
   */
  read(bytes: Buffer, base: number, end: number): boolean | Refused {
    if (this.#seen > this.#next && !this.#goesOn(bytes, base, end)) return false
    const spans = this.#spans
    const token = TOKEN
    let length = this.#length
    let kinds = this.#kinds
    let lineStart = base + this.#next
    let at = lineStart
    let inValue = false
    while (at < end) {
      if (bytes[at] === CR) {
        if (at + 1 === end) break
        if (bytes[at + 1] !== LF) return BARE
        lineStart = at + 2
        this.#save(length, kinds, lineStart - base, lineStart - base, false)
        return true
      }
      let classes = 0
      while (at < end) {
        const bits = token[bytes[at] as number] as number
        if (bits === 0) break
        classes |= bits
        at++
      }
      if (at === end) break
      if (bytes[at] !== COLON || at === lineStart) return badName(bytes[at] as number, at === lineStart)
      const nameEnd = at++
      inValue = true
      while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++
      const valueStart = at
      at = fieldValueEnd(bytes, at, end)
      if (at === end) break
      if (bytes[at] !== CR) return bytes[at] === LF ? BARE : BAD_VALUE
      if (at + 1 === end) break
      if (bytes[at + 1] !== LF) return BARE
      let valueEnd = at
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--
      at += 2
      inValue = false
      if (length === this.#maxLength) return TOO_MANY
      const kind = kindOfBytes(bytes, lineStart, nameEnd, (classes & UNDERSCORE) !== 0)
      kinds |= kind
      // llhttp takes a tab behind a length for a part of it, and so do we then.
      if ((kind & FIELD.framing) !== 0 && valueEnd < at - 2) valueEnd = framingValueEnd(bytes, valueEnd, at - 2)
      spans[length] = lineStart - base
      spans[length + 1] = nameEnd - base
      spans[length + 2] = valueStart - base
      spans[length + 3] = valueEnd - base
      spans[length + 4] = at - base
      spans[length + 5] = kind
      length += STRIDE
      lineStart = at
    }
    this.#save(length, kinds, lineStart - base, at - base, inValue)
    return false
  }

  /**
   * Whether there is more to do with a line that was not whole than to look at its new bytes. It is read again when its end
   * has come or something is wrong in it, not with each piece: so many small pieces cost no more than one.
   */
  #goesOn(bytes: Buffer, base: number, end: number): boolean {
    let at = base + this.#seen
    if (this.#inValue) at = fieldValueEnd(bytes, at, end)
    else while (at < end && TOKEN[bytes[at] as number] !== 0) at++
    this.#seen = at - base
    return at < end
  }

  #save(length: number, kinds: number, next: number, seen: number, inValue: boolean): void {
    this.#length = length
    this.#kinds = kinds
    this.#next = next
    this.#seen = seen
    this.#inValue = inValue
  }

  /**
   * The fields of a block that is whole. The next `read` begins another one.
   * @param text of the block, without the empty line
   */
  take(text: string): Fields {
    const length = this.#length
    const fields = length === 0 ? Fields.NONE : new Fields(text, this.#spans.slice(0, length), this.#kinds)
    this.reset()
    return fields
  }

  /** Forgets what was read. */
  reset(): void {
    this.#save(0, 0, 0, 0, false)
  }
}

/** Behind the last tab of what is not the value. */
function framingValueEnd(bytes: Buffer, valueEnd: number, lineEnd: number): number {
  let end = lineEnd
  while (end > valueEnd && bytes[end - 1] === SP) end--
  return end
}

function badName(octet: number, first: boolean): Refused {
  if (octet === SP || octet === HTAB) return first ? FOLDED : SPACED
  return octet === LF || octet === CR ? BARE : BAD_NAME
}
