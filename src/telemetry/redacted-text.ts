/** Takes secrets out of texts whose form is known: JSON, forms and queries; and of free ones as well as that can be done. */
import { type JsonTree, readJson } from './json-tree.ts'
import type { IsSecret } from './secret-names.ts'

/** Stands for what was taken out. */
export const REDACTED = '[redacted]'

/** Texts within texts: JSON in a field of a form in a field of JSON … */
const MAX_NESTING = 4
/** A name is looked for that far before its `=` or `:`. */
const NAME_CHARS = 64
/** `Bearer …`, `Basic …`, the three parts of a JWT, the user of a URL: secrets by their look. */
const SECRET_LOOK = /\b(?:bearer|basic|digest|negotiate)\s+\S|\beyJ[\w-]{8,}\.[\w-]+|:\/\/[^/\s@]*@/i
/** A name in quotes: of JSON within a text, where it is not known what belongs to it. */
const QUOTED = /["'](?=([^"'\\]{1,64})\\*["'])/g
const ENDS_OF_NAME = /[&;,{}()\n\r<>?]/g
/** Members that name what another member of the same object holds: `{"name": "password", "value": …}`. */
const NAMING: ReadonlySet<string> = new Set(
  'name key field param parameter header property attribute label k n'.split(' '),
)

/** A body that says that it is JSON; undefined: it is none. `isCut`: there was more of it. */
export function redactJson(text: string, isCut: boolean, isSecret: IsSecret, nesting = 0): string | undefined {
  const json = readJson(text, isCut)
  if (json === undefined) return undefined
  const { tree } = json
  return `${tree === undefined ? '' : write(tree, isSecret, nesting)}${isCut ? '…' : ''}`
}

function write(tree: JsonTree, isSecret: IsSecret, nesting: number): string {
  if (tree.kind === 'word') return tree.text
  if (tree.kind === 'text') return JSON.stringify(redactText(tree.value, isSecret, nesting + 1))
  if (tree.kind === 'list') {
    const [first] = tree.items
    // A list of a name and a value, as maps are written by some.
    const isPair = tree.items.length === 2 && first?.kind === 'text' && isSecret(first.value)
    if (isPair) return `[${JSON.stringify(first.value)},"${REDACTED}"]`
    return `[${tree.items.map((item) => write(item, isSecret, nesting)).join(',')}]`
  }
  const naming = tree.members.find(([name, value]) => {
    return NAMING.has(name.toLowerCase()) && value.kind === 'text' && isSecret(value.value)
  })
  const members = tree.members.map((member) => {
    const [name, value] = member
    const hides = isSecret(name) || (naming !== undefined && naming !== member)
    return `${JSON.stringify(name)}:${hides ? `"${REDACTED}"` : write(value, isSecret, nesting)}`
  })
  return `{${members.join(',')}}`
}

/** Pairs of a query or a form; values keep their encoding. `isCut`: the last one may be a part of itself. */
export function redactPairs(text: string, isSecret: IsSecret, nesting = 0): string {
  return text
    .split(/([&;])/)
    .map((pair, n) => {
      if (n % 2 === 1) return pair
      const equals = pair.indexOf('=')
      if (equals < 0) return redactText(pair, isSecret, nesting + 1)
      const name = pair.slice(0, equals)
      if (isSecret(percentDecoded(name))) return `${name}=${REDACTED}`
      return `${name}=${redactText(pair.slice(equals + 1), isSecret, nesting + 1)}`
    })
    .join('')
}

/** A text of any kind: where a secret's name is followed by `=` or `:`, it ends there. JSON within it is redacted as such. */
export function redactText(text: string, isSecret: IsSecret, nesting = 0): string {
  if (nesting > MAX_NESTING) return REDACTED
  if (/^\s*[[{]/.test(text)) {
    const json = redactJson(text, false, isSecret, nesting + 1) ?? redactJson(text, true, isSecret, nesting + 1)
    if (json !== undefined) return json
  }
  const plain = redactPlain(text, isSecret)
  if (plain !== text) return plain
  // What a text hides is looked for in all that it may be decoded to; the decoded form is not shown.
  const decoded = percentDecoded(text)
  if (decoded !== text && redactText(decoded, isSecret, nesting + 1).includes(REDACTED)) return REDACTED
  return text
}

function redactPlain(text: string, isSecret: IsSecret): string {
  for (const [, name = ''] of text.matchAll(QUOTED)) if (isSecret(name)) return REDACTED
  const look = SECRET_LOOK.exec(text)
  if (look !== null) return `${redactPlain(text.slice(0, look.index), isSecret)}${REDACTED}`
  for (const { index } of text.matchAll(/[:=]/g)) {
    const before = text.slice(Math.max(0, index - NAME_CHARS), index)
    const name = before.slice(endOfLast(ENDS_OF_NAME, before))
    if (isSecret(percentDecoded(name))) return `${text.slice(0, index + 1)}${REDACTED}`
  }
  return text
}

function endOfLast(pattern: RegExp, text: string): number {
  let end = 0
  for (const match of text.matchAll(pattern)) end = match.index + match[0].length
  return end
}

/** Decoded as often as something is left to decode; what is no encoding stays. */
export function percentDecoded(text: string): string {
  let decoded = text
  for (let i = 0; i < MAX_NESTING; i++) {
    const next = decoded.replaceAll('+', ' ').replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
      return Buffer.from(run.replaceAll('%', ''), 'hex').toString()
    })
    if (next === decoded) break
    decoded = next
  }
  // `\u0070assword` within a text.
  return decoded.replace(/\\+u([0-9a-f]{4})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}
