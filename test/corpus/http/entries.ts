/** Reads the corpus: entries of raw messages with their verdicts, from the text files beside this one (README.md has the form). */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** What is in the form of both kinds of entries. */
export interface Entry {
  /** Unique in its file. */
  readonly name: string
  /** Where the verdict comes from. */
  readonly rfc: string
  /** The bytes, in pieces that are sent one after the other. */
  readonly pieces: readonly Buffer[]
  /** Directives other than `rfc`, in their order. */
  readonly directives: readonly Directive[]
}

export interface Directive {
  readonly word: string
  readonly rest: string
}

export interface CorpusFile {
  readonly name: string
  readonly entries: readonly Entry[]
}

/** What stands behind a word, for each time it is used. @throws Error for an entry with a word that is not among these */
export function directivesOf(
  { name, directives }: Entry,
  known: readonly string[],
): (word: string) => readonly string[] {
  const stranger = directives.find(({ word }) => !known.includes(word))
  if (stranger) throw new Error(`${name}: unknown word \`${stranger.word}\``)
  return (word) => directives.flatMap((it) => (it.word === word ? [it.rest] : []))
}

/** The name and value of `name: value`. */
export function toField(rest: string): [name: string, value: string] {
  const colon = rest.indexOf(':')
  return [rest.slice(0, colon), unescaped(rest.slice(colon + 1).trim())]
}

/** All files of a folder beside this file, by name. */
export function readCorpus(folder: 'requests' | 'answers'): CorpusFile[] {
  const path = join(import.meta.dirname, folder)
  return readdirSync(path)
    .filter((file) => file.endsWith('.txt'))
    .sort()
    .map((file) => ({ name: file.slice(0, -4), entries: parseEntries(readFileSync(join(path, file), 'utf8'), file) }))
}

/** @throws Error with file and line for what has not the form */
export function parseEntries(text: string, file: string): Entry[] {
  const entries: (Entry & { pieces: Buffer[]; directives: Directive[]; rfc: string })[] = []
  const names = new Set<string>()
  for (const [index, line] of text.split('\n').entries()) {
    const fail = (why: string): never => {
      throw new Error(`${file}:${index + 1}: ${why}: ${line}`)
    }
    if (line === '' || line.startsWith('#')) continue
    if (line.startsWith('== ')) {
      const name = line.slice(3)
      if (names.has(name)) fail('a name twice')
      names.add(name)
      entries.push({ name, rfc: '', pieces: [Buffer.alloc(0)], directives: [] })
      continue
    }
    const entry = entries.at(-1) ?? fail('a line before the first entry')
    if (line === '---') entry.pieces.push(Buffer.alloc(0))
    else if (line === '|' || line.startsWith('| ')) {
      const last = entry.pieces.length - 1
      entry.pieces[last] = Buffer.concat([entry.pieces[last] as Buffer, toBytes(line.slice(2), fail)])
    } else {
      const space = line.indexOf(' ')
      const word = space < 0 ? line : line.slice(0, space)
      const rest = space < 0 ? '' : line.slice(space + 1)
      if (word === 'rfc') entry.rfc = rest
      else entry.directives.push({ word, rest })
    }
  }
  const bare = entries.find((entry) => entry.rfc === '')
  if (bare) throw new Error(`${file}: no rfc for "${bare.name}"`)
  return entries
}

/** A line of bytes ends with CRLF, unless it ends with a lone backslash. */
function toBytes(line: string, fail: (why: string) => never): Buffer {
  const continued = /(?:^|[^\\])(?:\\\\)*\\$/.test(line)
  const text = unescaped(continued ? line.slice(0, -1) : line, fail)
  return Buffer.from(continued ? text : `${text}\r\n`, 'latin1')
}

const CHARACTERS: Readonly<Record<string, string>> = {
  ...{ r: '\r', n: '\n', t: '\t', s: ' ', '0': '\0', '\\': '\\' },
}

/** `\r \n \t \0 \\`, `\s` for a space, `\xHH` for an octet, and `\{text*count}`. */
export function unescaped(text: string, fail: (why: string) => never = thrown): string {
  return text.replace(
    /\\(x[0-9a-fA-F]{2}|\{(.+?)\*(\d+)\}|.|$)/g,
    (_, code: string, repeated?: string, count?: string) => {
      if (repeated !== undefined) return unescaped(repeated, fail).repeat(Number(count))
      if (code.length === 3) return String.fromCharCode(Number.parseInt(code.slice(1), 16))
      return CHARACTERS[code] ?? fail(`unknown escape \\${code}`)
    },
  )
}

function thrown(why: string): never {
  throw new Error(why)
}
