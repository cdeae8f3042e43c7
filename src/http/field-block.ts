/**
 * Reads the lines of fields up to the empty line: of requests, answers, and trailers. One pass, nothing made of what is
 * only looked at; goes on where the bytes ended.
 * Source: RFC 9112 §5; what it lets recipients forgive (§2.2 bare LF, §5.2 folded lines) is refused.
 */
import { kindOfBytes } from './field-kinds.ts'
import { Fields, STRIDE } from './fields.ts'
import { type Refused, refused } from './head-result.ts'
import { COLON, CR, HTAB, LF, latin1, SP, TOKEN, UNDERSCORE } from './octets.ts'

const LINE = 0
const NAME = 1
const SPACE = 2
const VALUE = 3
const BREAK = 4

const FOLDED = refused(400, 'a folded header line')
const SPACED = refused(400, 'white space before the colon of a header field')
const BAD_NAME = refused(400, 'malformed name of a header field')
const BAD_VALUE = refused(400, 'a control character in a header field')
const BARE = refused(400, 'a line break other than CRLF')
const TOO_MANY = refused(431, 'too many header fields')

export class FieldBlock {
  readonly #maxCount: number
  /** Used again for each block, so that it need not grow. */
  readonly #spans: number[] = []
  #length = 0
  #kinds = 0
  #phase = LINE
  /** All relative to the start of the block. */
  #next = 0
  #nameStart = 0
  #nameEnd = 0
  #valueStart = 0
  #classes = 0

  constructor(maxCount: number) {
    this.#maxCount = maxCount
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
    const spans = this.#spans
    let at = base + this.#next
    let phase = this.#phase
    while (at < end) {
      if (phase === LINE) {
        if (bytes[at] === CR) {
          if (at + 1 === end) break
          if (bytes[at + 1] !== LF) return BARE
          this.#next = at + 2 - base
          return true
        }
        this.#nameStart = at - base
        this.#classes = 0
        phase = NAME
      }
      if (phase === NAME) {
        let classes = this.#classes
        let kind = 0
        while (at < end) {
          kind = TOKEN[bytes[at] as number] as number
          if (kind === 0) break
          classes |= kind
          at++
        }
        this.#classes = classes
        if (at === end) break
        if (bytes[at] !== COLON || at - base === this.#nameStart)
          return badName(bytes[at] as number, at - base === this.#nameStart)
        this.#nameEnd = at - base
        at++
        phase = SPACE
      }
      if (phase === SPACE) {
        while (at < end && (bytes[at] === SP || bytes[at] === HTAB)) at++
        if (at === end) break
        this.#valueStart = at - base
        phase = VALUE
      }
      if (phase === VALUE) {
        while (at < end) {
          const octet = bytes[at] as number
          if ((octet < 0x20 && octet !== HTAB) || octet === 0x7f) break
          at++
        }
        if (at === end) break
        if (bytes[at] !== CR) return bytes[at] === LF ? BARE : BAD_VALUE
        at++
        phase = BREAK
        if (at === end) break
      }
      if (bytes[at] !== LF) return BARE
      at++
      phase = LINE
      let valueEnd = at - 2
      const valueStart = base + this.#valueStart
      while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--
      const kind = kindOfBytes(bytes, base + this.#nameStart, base + this.#nameEnd, (this.#classes & UNDERSCORE) !== 0)
      let length = this.#length
      if (length === this.#maxCount * STRIDE) return TOO_MANY
      spans[length++] = this.#nameStart
      spans[length++] = this.#nameEnd
      spans[length++] = this.#valueStart
      spans[length++] = valueEnd - base
      spans[length++] = at - base
      spans[length++] = kind
      this.#length = length
      this.#kinds |= kind
    }
    this.#next = at - base
    this.#phase = phase
    return false
  }

  /** The fields of a block that is whole. The next `read` begins another one. */
  take(bytes: Buffer, base: number): Fields {
    const length = this.#length
    const fields =
      length === 0
        ? Fields.NONE
        : new Fields(latin1(bytes, base, base + this.#next - 2), this.#spans.slice(0, length), this.#kinds)
    this.reset()
    return fields
  }

  /** Forgets what was read. */
  reset(): void {
    this.#length = 0
    this.#kinds = 0
    this.#phase = LINE
    this.#next = 0
  }
}

function badName(octet: number, first: boolean): Refused {
  if (octet === SP || octet === HTAB) return first ? FOLDED : SPACED
  return octet === LF || octet === CR ? BARE : BAD_NAME
}
