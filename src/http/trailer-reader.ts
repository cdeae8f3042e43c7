/** Reads the trailer fields behind a body in chunks. Source: RFC 9112 §7.1.2, RFC 9110 §6.5.1. */
import { FieldBlock } from './field-block.ts'
import { FIELD } from './field-kinds.ts'
import { Fields } from './fields.ts'
import { type Refused, refused } from './head-result.ts'
import { latin1 } from './octets.ts'

export interface TrailerLimits {
  readonly headBytes: number
  readonly fieldCount: number
}

const TOO_LARGE = refused(431, 'the trailer fields are too large')
/** §6.5.1: what frames, routes or authenticates has no place here. Parsers that merge trailers into heads would obey it. */
export const MISPLACED: Refused = refused(400, 'a trailer field that only a head may hold')
const ONLY_IN_HEADS = FIELD.framing | FIELD.host | FIELD.connection | FIELD.upgrade | FIELD.expect

/** Whether there are fields among trailers that only a head may hold. */
export function isMisplaced(trailers: Fields): boolean {
  return trailers.has(ONLY_IN_HEADS)
}

/** The bytes that a piece is first kept in. */
const KEPT_BYTES = 256

export class TrailerReader {
  readonly #limits: TrailerLimits
  readonly #block: FieldBlock
  /** What came in pieces: there may be a field across two of them. */
  #kept: Buffer | undefined
  #keptBytes = 0

  fields: Fields = Fields.NONE

  constructor(limits: TrailerLimits) {
    this.#limits = limits
    this.#block = new FieldBlock(limits.fieldCount)
  }

  /** @returns the offset behind them; -1: more is needed. After an offset the next call begins others. */
  read(bytes: Buffer, start: number, end: number): number | Refused {
    const before = this.#keptBytes
    const size = Math.min(end - start, this.#limits.headBytes - before)
    const from = before === 0 ? bytes : this.#keep(bytes, start, size)
    const base = before === 0 ? start : 0
    const read = this.#block.read(from, base, base + before + size)
    if (typeof read === 'object') return read
    if (!read) {
      if (before + size >= this.#limits.headBytes) return TOO_LARGE
      if (before === 0) this.#keep(bytes, start, size)
      return -1
    }
    const position = start + this.#block.size - before
    this.fields = this.#block.take(latin1(from, base, base + this.#block.size - 2))
    this.#kept = undefined
    this.#keptBytes = 0
    return isMisplaced(this.fields) ? MISPLACED : position
  }

  #keep(bytes: Buffer, start: number, size: number): Buffer {
    const total = this.#keptBytes + size
    if (this.#kept === undefined || this.#kept.length < total) {
      const larger = Buffer.allocUnsafe(Math.max(KEPT_BYTES, total * 2))
      this.#kept?.copy(larger, 0, 0, this.#keptBytes)
      this.#kept = larger
    }
    bytes.copy(this.#kept, this.#keptBytes, start, start + size)
    this.#keptBytes = total
    return this.#kept
  }
}
