/**
 * JSON that may be cut off anywhere, as a tree that keeps order, double names and numbers as they stand (RFC 8259). Bodies
 * are kept to their first kilobytes; `JSON.parse` says nothing about those.
 */

export type JsonTree =
  | { readonly kind: 'text'; readonly value: string }
  /** Numbers and words, as they stand. */
  | { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly JsonTree[] }
  | { readonly kind: 'object'; readonly members: readonly (readonly [name: string, value: JsonTree])[] }

export interface ReadJson {
  /** Undefined where nothing but space came. */
  readonly tree: JsonTree | undefined
  readonly isCut: boolean
}

const MAX_DEPTH = 64
const RUN = /[-+.\w]+/y
const WORD = /^(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)$/
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON has none of them within a text
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const TEXT_BEGUN = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*(?:\\(?:u[0-9a-fA-F]{0,3})?)?$/y
const SPACE = /[ \t\n\r]*/y

class NotJson extends Error {}

/**
 * @param mayBeCut whether the end of the text may come before its time
 * @returns undefined for what is no JSON
 */
export function readJson(text: string, mayBeCut: boolean): ReadJson | undefined {
  const reader = new Reader(text, mayBeCut)
  try {
    return reader.read()
  } catch (error) {
    if (error instanceof NotJson) return undefined
    throw error
  }
}

class Reader {
  #at = 0
  #isCut = false
  readonly #text: string
  readonly #mayBeCut: boolean

  constructor(text: string, mayBeCut: boolean) {
    this.#text = text
    this.#mayBeCut = mayBeCut
  }

  read(): ReadJson {
    const tree = this.#value(0)
    this.#match(SPACE)
    if (this.#at < this.#text.length) throw new NotJson()
    return { tree, isCut: this.#isCut }
  }

  /** Undefined at the end. */
  #value(depth: number): JsonTree | undefined {
    const first = this.#next()
    if (first === undefined) return this.#end()
    if (depth > MAX_DEPTH) throw new NotJson()
    if (first === '"') return { kind: 'text', value: this.#string() }
    if (first === '[') return { kind: 'list', items: this.#items(depth) }
    if (first === '{') return { kind: 'object', members: this.#members(depth) }
    const word = this.#match(RUN)
    if (word === undefined) throw new NotJson()
    // What follows may be the rest of it: 12 of 12345, and `tru`.
    if (this.#mayBeCut && this.#at === this.#text.length) return this.#end()
    if (!WORD.test(word)) throw new NotJson()
    return { kind: 'word', text: word }
  }

  #items(depth: number): JsonTree[] {
    const items: JsonTree[] = []
    this.#at++
    if (this.#takes(']')) return items
    while (!this.#isCut) {
      const item = this.#value(depth + 1)
      if (item === undefined) break
      items.push(item)
      if (!this.#goesOn(']')) break
    }
    return items
  }

  #members(depth: number): (readonly [string, JsonTree])[] {
    const members: (readonly [string, JsonTree])[] = []
    this.#at++
    if (this.#takes('}')) return members
    while (!this.#isCut) {
      const first = this.#next()
      if (first === undefined) this.#end()
      else if (first !== '"') throw new NotJson()
      if (this.#isCut) break
      const name = this.#string()
      if (this.#isCut) break
      if (this.#next() === undefined) this.#end()
      else if (!this.#takes(':')) throw new NotJson()
      if (this.#isCut) break
      const value = this.#value(depth + 1)
      if (value === undefined) break
      members.push([name, value])
      if (!this.#goesOn('}')) break
    }
    return members
  }

  /** Whether another one follows. */
  #goesOn(close: string): boolean {
    if (this.#isCut || this.#takes(close)) return false
    if (this.#next() === undefined) this.#end()
    else if (!this.#takes(',')) throw new NotJson()
    return !this.#isCut
  }

  /** A text that was cut is what there is of it. */
  #string(): string {
    const whole = this.#match(TEXT)
    if (whole !== undefined) return JSON.parse(whole) as string
    const begun = this.#match(TEXT_BEGUN)
    if (begun === undefined) throw new NotJson()
    this.#end()
    return JSON.parse(`${begun.replace(/(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?$/, '$1')}"`) as string
  }

  #end(): undefined {
    if (!this.#mayBeCut) throw new NotJson()
    this.#at = this.#text.length
    this.#isCut = true
    return undefined
  }

  #next(): string | undefined {
    this.#match(SPACE)
    return this.#text[this.#at]
  }

  #takes(char: string): boolean {
    if (this.#next() !== char) return false
    this.#at++
    return true
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }
}
