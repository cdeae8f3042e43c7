/**
 * Reads a body in chunks as ranges of the bytes that came: nothing is copied. Strict, and going on where the bytes ended.
 * Source: RFC 9112 §7.1.
 */
import { ChunkExtension } from './chunk-extension.ts'
import { Fields } from './fields.ts'
import { type Refused, refused } from './head-result.ts'
import { CR, LF } from './octets.ts'
import { TrailerReader } from './trailer-reader.ts'

export interface ChunkReaderOptions {
  /**
   * Whether `;name=value` behind a chunk's size is read over. §7.1.1 has recipients ignore what they do not know, and nodes
   * may count on it. No client sends any, but those who hope that two parsers end the line at different places: refused
   * there. Read over, they are held to the grammar and to a size, and do not pass on.
   */
  readonly extensions: boolean
  /** For trailers. */
  readonly headBytes: number
  readonly fieldCount: number
}

/** 52 bits: sizes stay exact numbers, and no sum of two overflows. */
const MAX_SIZE_DIGITS = 13

/**
 * - `data`: the bytes from `from` to `to` are the body's; call again with `position`
 * - `more`: everything was read
 * - `done`: the body has come whole; what follows `position` is another message
 */
export type ChunkStep = 'data' | 'more' | 'done' | Refused

const BAD_SIZE = refused(400, 'malformed size of a chunk')
const LARGE = refused(400, 'a chunk of more than 52 bits')
const EXTENDED = refused(400, 'an extension of a chunk')
const BAD_END = refused(400, 'data behind the end of a chunk')
const BARE = refused(400, 'a line break other than CRLF within chunks')

const SIZE = 0
const SIZE_LF = 1
const EXTENSION = 2
const DATA = 3
const DATA_CR = 4
const DATA_LF = 5
const TRAILERS = 6

export class ChunkReader {
  readonly #options: ChunkReaderOptions
  #phase = SIZE
  /** Of the chunk: what is left of it. */
  #size = 0
  #digits = 0
  #extension: ChunkExtension | undefined
  #trailers: TrailerReader | undefined

  /** The range of `data`. */
  from = 0
  to = 0
  /** Offset to go on at, in the same bytes. */
  position = 0
  /** After `done`. */
  trailers: Fields = Fields.NONE

  constructor(options: ChunkReaderOptions) {
    this.#options = options
  }

  /** Reads on from `start`. After `done` the next call begins another body. */
  read(bytes: Buffer, start: number, end: number): ChunkStep {
    let at = start
    while (at < end) {
      switch (this.#phase) {
        case SIZE: {
          const octet = bytes[at] as number
          const digit = HEX[octet] as number
          if (digit < 16) {
            if (++this.#digits > MAX_SIZE_DIGITS) return LARGE
            this.#size = this.#size * 16 + digit
          } else if (this.#digits === 0) return BAD_SIZE
          else if (octet === CR) this.#phase = SIZE_LF
          else if (octet === SEMICOLON) {
            if (!this.#options.extensions) return EXTENDED
            this.#extension ??= new ChunkExtension()
            this.#phase = EXTENSION
          } else return octet === LF ? BARE : BAD_SIZE
          at++
          break
        }
        case EXTENSION: {
          const read = (this.#extension as ChunkExtension).read(bytes, at, end)
          if (typeof read === 'object') return read
          at = read
          // It stops behind its CR, or where the bytes end.
          if (bytes[at - 1] === CR) this.#phase = SIZE_LF
          break
        }
        case SIZE_LF:
          if (bytes[at++] !== LF) return BARE
          this.#phase = this.#size === 0 ? TRAILERS : DATA
          break
        case DATA: {
          const to = Math.min(end, at + this.#size)
          this.#size -= to - at
          if (this.#size === 0) this.#phase = DATA_CR
          this.from = at
          this.to = to
          this.position = to
          return 'data'
        }
        case DATA_CR:
          if (bytes[at++] !== CR) return BAD_END
          this.#phase = DATA_LF
          break
        case DATA_LF:
          if (bytes[at++] !== LF) return BARE
          this.#phase = SIZE
          this.#digits = 0
          break
        default: {
          this.#trailers ??= new TrailerReader(this.#options)
          const read = this.#trailers.read(bytes, at, end)
          if (typeof read === 'object') return read
          if (read < 0) return this.#more(end)
          this.trailers = this.#trailers.fields
          this.position = read
          this.#phase = SIZE
          this.#digits = 0
          this.#extension = undefined
          return 'done'
        }
      }
    }
    return this.#more(end)
  }

  #more(end: number): 'more' {
    this.position = end
    return 'more'
  }
}

const SEMICOLON = 0x3b
/** The value of a digit; 16 for what is none. */
const HEX: Uint8Array = new Uint8Array(256).fill(16)
for (let i = 0; i < 16; i++) {
  HEX[i.toString(16).charCodeAt(0)] = i
  HEX[i.toString(16).toUpperCase().charCodeAt(0)] = i
}
