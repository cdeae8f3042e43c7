/**
 * The header fields of one message as they came: one text, and where in it names and values stand. Nothing is taken apart
 * that nobody asks for, and what passes through is copied in runs.
 */
import { kindOfField } from './field-kinds.ts'

/** Offsets of one field in the text: name, value, and the end of its line with the line break. */
export interface FieldSpan {
  readonly nameStart: number
  readonly nameEnd: number
  readonly valueStart: number
  readonly valueEnd: number
  readonly lineEnd: number
  /** Bits of `FIELD`. */
  readonly kind: number
}

/** Numbers that a span takes in {@link Fields.spans}. */
export const STRIDE = 6

export class Fields {
  /** Latin-1, one field a line, each ended by CRLF. */
  readonly text: string
  /** Six numbers for each field, in the order of {@link FieldSpan}. */
  readonly spans: readonly number[]
  /** All kinds together: whether there is any field of a kind. */
  readonly kinds: number

  constructor(text: string, spans: readonly number[], kinds: number) {
    this.text = text
    this.spans = spans
    this.kinds = kinds
  }

  static readonly NONE: Fields = new Fields('', [], 0)

  /** From names and values in turn, as node:http gives them. The characters are not checked: see `toFieldLines`. */
  static of(list: readonly string[]): Fields {
    let text = ''
    let kinds = 0
    const spans: number[] = []
    for (let i = 0; i < list.length; i += 2) {
      const name = list[i] as string
      const value = list[i + 1] as string
      const start = text.length
      text += `${name}: ${value}\r\n`
      const kind = kindOfField(name.toLowerCase())
      kinds |= kind
      const valueStart = start + name.length + 2
      spans.push(start, start + name.length, valueStart, valueStart + value.length, text.length, kind)
    }
    return new Fields(text, spans, kinds)
  }

  get count(): number {
    return this.spans.length / STRIDE
  }

  has(kind: number): boolean {
    return (this.kinds & kind) !== 0
  }

  name(index: number): string {
    const at = index * STRIDE
    return this.text.slice(this.spans[at], this.spans[at + 1])
  }

  value(index: number): string {
    const at = index * STRIDE
    return this.text.slice(this.spans[at + 2], this.spans[at + 3])
  }

  kind(index: number): number {
    return this.spans[index * STRIDE + 5] as number
  }

  /** The value by a name in lower case; several of one name joined by `, `, cookies by `; `; undefined without one. */
  get(lowerCaseName: string): string | undefined {
    const { spans } = this
    const length = lowerCaseName.length
    let value: string | undefined
    for (let at = 0; at < spans.length; at += STRIDE) {
      const start = spans[at] as number
      if ((spans[at + 1] as number) - start !== length || !this.#isName(lowerCaseName, start)) continue
      const next = this.text.slice(spans[at + 2], spans[at + 3])
      // Several cookie fields are one list (RFC 6265 §5.4), others are joined as RFC 9110 §5.3 has it.
      value = value === undefined ? next : value + (lowerCaseName === 'cookie' ? '; ' : ', ') + next
    }
    return value
  }

  /** The value of the fields of a kind, one bit of `FIELD`; several joined by `, `; undefined without one. */
  ofKind(kind: number): string | undefined {
    if ((this.kinds & kind) === 0) return undefined
    const { spans, text } = this
    let value: string | undefined
    for (let at = 5; at < spans.length; at += STRIDE) {
      if (((spans[at] as number) & kind) === 0) continue
      const next = text.slice(spans[at - 3], spans[at - 2])
      value = value === undefined ? next : `${value}, ${next}`
    }
    return value
  }

  /** Whether there is exactly one field of a kind, with this value: compared in place. */
  isOfKind(kind: number, value: string): boolean {
    if ((this.kinds & kind) === 0) return value === ''
    const { spans } = this
    let found = false
    for (let at = 0; at < spans.length; at += STRIDE) {
      if (((spans[at + 5] as number) & kind) === 0) continue
      const start = spans[at + 2] as number
      if (found || (spans[at + 3] as number) - start !== value.length || !this.text.startsWith(value, start))
        return false
      found = true
    }
    return found
  }

  /** Names and values in turn, as they came. */
  list(): string[] {
    const all: string[] = []
    const { count } = this
    for (let i = 0; i < count; i++) all.push(this.name(i), this.value(i))
    return all
  }

  /**
   * The lines of all fields but those of the given kinds, and but those that `listed` names (in lower case). Neighbours that
   * stay are copied as one.
   */
  without(kinds: number, listed?: ReadonlySet<string>): string {
    if ((this.kinds & kinds) === 0 && listed === undefined) return this.text
    const { spans, text } = this
    let out = ''
    let from = 0
    for (let at = 0; at < spans.length; at += STRIDE) {
      const start = spans[at] as number
      const drops =
        ((spans[at + 5] as number) & kinds) !== 0 ||
        (listed?.has(text.slice(start, spans[at + 1]).toLowerCase()) ?? false)
      if (!drops) continue
      if (from < start) out += text.slice(from, start)
      from = spans[at + 4] as number
    }
    return from === 0 ? text : out + text.slice(from)
  }

  /** Letters of either case are one; the given name is in lower case. */
  #isName(lowerCaseName: string, start: number): boolean {
    for (let i = 0; i < lowerCaseName.length; i++) {
      const code = this.text.charCodeAt(start + i)
      const lower = code >= 0x41 && code <= 0x5a ? code | 0x20 : code
      if (lower !== lowerCaseName.charCodeAt(i)) return false
    }
    return true
  }
}
