/** Streams of HTTP/1.1 messages: mostly right, often odd, sometimes damaged. From a grammar, then changed byte by byte. */
import type { Chance } from './random.ts'
import {
  BODIES,
  CONNECTIONS,
  FIELDS,
  METHODS,
  ODD_BREAKS,
  ODD_CODINGS,
  ODD_EXTENSIONS,
  ODD_FIELDS,
  ODD_LENGTHS,
  ODD_METHODS,
  ODD_OCTETS,
  ODD_REASONS,
  ODD_SIZES,
  ODD_STATUSES,
  ODD_TARGETS,
  ODD_VERSIONS,
  REASONS,
  STATUSES,
  TARGETS,
} from './vocabulary.ts'

const CRLF = '\r\n'

/** Words of the grammar, and how often they are odd. */
class Speaker {
  readonly #chance: Chance
  readonly #oddity: number

  constructor(chance: Chance, oddity: number) {
    this.#chance = chance
    this.#oddity = oddity
  }

  odd(): boolean {
    return this.#chance.happens(this.#oddity)
  }

  word(usual: readonly string[], odd: readonly string[]): string {
    return this.#chance.pick(this.odd() ? odd : usual)
  }

  lineBreak(): string {
    return this.#chance.happens(this.#oddity / 3) ? this.#chance.pick(ODD_BREAKS) : CRLF
  }

  fields(own: readonly string[]): string {
    const lines = [...own]
    const more = this.#chance.below(4)
    for (let i = 0; i < more; i++) lines.splice(this.#chance.below(lines.length + 1), 0, this.word(FIELDS, ODD_FIELDS))
    if (this.#chance.happens(0.2)) lines.push(`Connection: ${this.#chance.pick(CONNECTIONS)}`)
    return lines.map((line) => `${this.#cased(line)}${this.lineBreak()}`).join('')
  }

  /** A body with the fields that frame it, or others. */
  framed(): { fields: string[]; body: string } {
    const data = this.#data()
    switch (this.#chance.below(4)) {
      case 0:
        return { fields: [], body: '' }
      case 1:
        return { fields: [`Content-Length: ${this.odd() ? this.#chance.pick(ODD_LENGTHS) : data.length}`], body: data }
      default:
        return { fields: [`Transfer-Encoding: ${this.word(['chunked'], ODD_CODINGS)}`], body: this.#chunks() }
    }
  }

  #data(): string {
    return this.#chance.pick(BODIES)
  }

  #chunks(): string {
    let text = ''
    for (let i = this.#chance.below(3); i > 0; i--) {
      const data = this.#data() || 'x'
      const size = data.length.toString(16)
      const cased = this.#chance.happens(0.5) ? size.toUpperCase() : size
      text += this.odd() ? this.#chance.pick(ODD_SIZES) : cased
      if (this.odd()) text += this.#chance.pick(ODD_EXTENSIONS)
      text += `${this.lineBreak()}${data}${this.lineBreak()}`
    }
    text += this.word(['0', '0', '00'], ODD_SIZES)
    if (this.odd()) text += this.#chance.pick(ODD_EXTENSIONS)
    text += this.lineBreak()
    const trailers = this.#chance.happens(0.3) ? this.word(FIELDS, ODD_FIELDS) : ''
    if (trailers) text += `${trailers}${this.lineBreak()}`
    return text + this.lineBreak()
  }

  #cased(line: string): string {
    if (!this.#chance.happens(0.1)) return line
    const colon = line.indexOf(':')
    return this.#chance.happens(0.5)
      ? line.slice(0, colon).toUpperCase() + line.slice(colon)
      : line.slice(0, colon).toLowerCase() + line.slice(colon)
  }
}

/** A stream of one to three requests. @param oddity share of odd choices, from 0 to 1 */
export function requestStream(chance: Chance, oddity: number): Buffer {
  const say = new Speaker(chance, oddity)
  let text = ''
  for (let i = chance.below(3); i >= 0; i--) {
    if (say.odd()) text += chance.pick(['\r\n', '\r\n\r\n', '\n', '\r', ' '])
    const version = say.word(['HTTP/1.1'], ODD_VERSIONS)
    const { fields, body } = say.framed()
    const space = say.odd() && chance.happens(0.2) ? chance.pick(['  ', '\t', '']) : ' '
    text += `${say.word(METHODS, ODD_METHODS)}${space}${say.word(TARGETS, ODD_TARGETS)}${space}${version}${say.lineBreak()}`
    const host = say.odd() ? [] : ['Host: h.test']
    text += say.fields([...host, ...fields]) + say.lineBreak() + body
  }
  return damaged(Buffer.from(text, 'latin1'), chance)
}

/** One answer, sometimes with more behind it. */
export function answerStream(chance: Chance, oddity: number): Buffer {
  const say = new Speaker(chance, oddity)
  const version = say.word(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'], ODD_VERSIONS)
  const { fields, body } = say.framed()
  let text = ''
  if (chance.happens(0.1))
    text += `HTTP/1.1 ${chance.pick(['100', '102', '103', '103'])} Early${CRLF}Link: x${CRLF}${CRLF}`
  text += `${version}${chance.happens(oddity / 5) ? '  ' : ' '}${say.word(STATUSES, ODD_STATUSES)}${say.word(REASONS, ODD_REASONS)}`
  text += say.lineBreak() + say.fields(fields) + say.lineBreak() + body
  return damaged(Buffer.from(text, 'latin1'), chance)
}

/** In a third of cases: some octets changed, put in, left out, or a part said twice. */
function damaged(bytes: Buffer, chance: Chance): Buffer {
  if (!chance.happens(0.33) || bytes.length === 0) return bytes
  let text = bytes.toString('latin1')
  for (let i = chance.below(3); i >= 0; i--) {
    const at = chance.below(text.length + 1)
    const octet = chance.happens(0.7) ? chance.pick(ODD_OCTETS) : String.fromCharCode(chance.below(256))
    const size = chance.below(8)
    switch (chance.below(5)) {
      case 0:
        text = text.slice(0, at) + octet + text.slice(at)
        break
      case 1:
        text = text.slice(0, at) + octet + text.slice(at + 1)
        break
      case 2:
        text = text.slice(0, at) + text.slice(at + 1 + size)
        break
      case 3:
        text = text.slice(0, at + size) + text.slice(at)
        break
      default:
        text = text.slice(0, at)
    }
  }
  return Buffer.from(text, 'latin1')
}

/** Where a stream is cut into pieces, ascending, its end among them. */
export function cutsOf(length: number, chance: Chance): number[] {
  if (chance.happens(0.4)) return [length]
  if (chance.happens(0.2)) return Array.from({ length }, (_, i) => i + 1)
  const cuts = new Set<number>([length])
  for (let i = chance.below(4); i >= 0; i--) cuts.add(chance.below(length) + 1)
  return [...cuts].filter((cut) => cut <= length).sort((a, b) => a - b)
}
