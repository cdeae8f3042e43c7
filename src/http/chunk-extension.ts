/** Reads over the extensions of chunks, `;name=value;name="value"`. Source: RFC 9112 §7.1.1, without its white space. */
import { type Refused, refused } from './head-result.ts'
import { CR, HTAB, SP, TOKEN } from './octets.ts'

/** Bytes of all extensions of one body. */
export const MAX_EXTENSION_BYTES = 16_384

const MALFORMED = refused(400, 'malformed extension of a chunk')
const TOO_LARGE = refused(400, 'the extensions of chunks are too large')

const SEMICOLON = 0x3b
const EQUALS = 0x3d
const QUOTE = 0x22
const BACKSLASH = 0x5c

const NAME_START = 0
const NAME = 1
const VALUE_START = 2
const VALUE = 3
const QUOTED = 4
const PAIR = 5
const QUOTED_END = 6

/** Of one body: begins behind the first semicolon of each of its chunks. */
export class ChunkExtension {
  #phase = NAME_START
  #bytes = 0

  /** @returns the offset behind the CR of the line, or `end` where that has not come */
  read(bytes: Uint8Array, start: number, end: number): number | Refused {
    for (let at = start; at < end; at++) {
      if (++this.#bytes > MAX_EXTENSION_BYTES) return TOO_LARGE
      const next = step(this.#phase, bytes[at] as number)
      if (next < 0) return MALFORMED
      this.#phase = next
      if (next === NAME_START && bytes[at] === CR) return at + 1
    }
    return end
  }
}

/** The phase behind an octet; -1 where it cannot stand. */
function step(phase: number, octet: number): number {
  const token = TOKEN[octet] !== 0
  switch (phase) {
    case NAME_START:
      return token ? NAME : -1
    case NAME:
      if (token) return NAME
      return octet === EQUALS ? VALUE_START : behind(octet)
    case VALUE_START:
      if (octet === QUOTE) return QUOTED
      return token ? VALUE : -1
    case VALUE:
      return token ? VALUE : behind(octet)
    case QUOTED:
      if (octet === QUOTE) return QUOTED_END
      if (octet === BACKSLASH) return PAIR
      return isText(octet) ? QUOTED : -1
    case PAIR:
      return isText(octet) ? QUOTED : -1
    default:
      return behind(octet)
  }
}

/** Behind a name or value: the next extension, or the end of the line. */
function behind(octet: number): number {
  return octet === SEMICOLON || octet === CR ? NAME_START : -1
}

function isText(octet: number): boolean {
  return octet >= SP ? octet !== 0x7f : octet === HTAB
}
