/** What an entry of raw requests says is to happen. */
import { type Directive, directivesOf, type Entry, toField, unescaped } from './entries.ts'

export interface Forwarded {
  readonly method: string
  readonly target: string
  /** Latin-1. */
  readonly body: string
}

export interface Verdict {
  /** Final and informational statuses that the client is answered with, in order. */
  readonly statuses: readonly number[]
  /** The connection is over then, whatever the client would like. */
  readonly closes: boolean
  /** What reaches the node: exactly these. */
  readonly forwarded: readonly Forwarded[]
}

export interface RequestEntry extends Entry {
  readonly verdict: Verdict
  /** What the engine on node:http does instead, where that differs. */
  readonly safe: Verdict
  /** Every forwarded head has these. */
  readonly has: readonly (readonly [name: string, value: string])[]
  /** Names that no forwarded head has, nor its trailers. */
  readonly lacks: readonly string[]
  /** A part of a request may have reached the node: its body was on its way when it was found to be none. */
  readonly part: boolean
  readonly safePart: boolean
  /** The client ends its side behind the bytes. */
  readonly ends: boolean
  /** Servers that refuse what was forwarded, for a reason of their own. */
  readonly unreplayed: readonly string[]
}

export function toRequestEntry(entry: Entry): RequestEntry {
  const { directives, name } = entry
  const all = directivesOf(entry, WORDS)
  const forwarded = all('node').map((rest) => toForwarded(rest))
  const usual = directives.find(({ word }) => VERDICTS.includes(word))
  if (usual === undefined) throw new Error(`${name}: no verdict`)
  const other = (IS_LATER ? all('safe-later')[0] : undefined) ?? all('safe')[0]
  const see = all('see')[0]
  const verdict = toVerdict(usual, forwarded, see)
  const otherVerdict = other === undefined ? usual : toDirective(other)
  return {
    ...entry,
    verdict,
    safe: toVerdict(otherVerdict, forwarded, all('safe-see')[0] ?? see),
    has: all('node-has').map(toField),
    lacks: all('node-lacks').flatMap((rest) => rest.split(' ')),
    part: all('part').length > 0,
    safePart: all('part').length + all('safe-part').length > 0,
    ends: all('ends').length > 0,
    unreplayed: all('unreplayed').map((rest) => rest.split(' ')[0] as string),
  }
}

/** llhttp 9.4 has other opinions than those before it. */
const IS_LATER = Number(process.versions.llhttp?.split('.')[1]) >= 4 || !process.versions.llhttp?.startsWith('9.')

const VERDICTS = ['accept', 'refuse', 'answer', 'cut']
const WORDS: readonly string[] = [
  ...[
    ...VERDICTS,
    'safe',
    'safe-later',
    'see',
    'safe-see',
    'node',
    'node-has',
    'node-lacks',
    'part',
    'safe-part',
    'ends',
  ],
  'unreplayed',
]

function toDirective(text: string): Directive {
  const [word = '', ...rest] = text.split(' ')
  return { word, rest: rest.join(' ') }
}

function toVerdict({ word, rest }: Directive, forwarded: readonly Forwarded[], see: string | undefined): Verdict {
  const none: readonly Forwarded[] = []
  if (word === 'cut') return { statuses: [], closes: true, forwarded: none }
  if (word === 'refuse') return { statuses: [Number(rest)], closes: true, forwarded: none }
  if (word === 'answer') return { statuses: rest.split(' ').map(Number), closes: false, forwarded: none }
  const statuses = see === undefined ? forwarded.map(() => 200) : see.split(' ').map(Number)
  const then = /^then refuse (\d{3})$/.exec(rest)
  if (then) statuses.push(Number(then[1]))
  return { statuses, closes: then !== null, forwarded }
}

function toForwarded(rest: string): Forwarded {
  const found = /^(\S+) (\S+)(?: "(.*)")?$/.exec(rest)
  if (!found) throw new Error(`expected \`node <method> <target> "<body>"\`, got \`${rest}\``)
  const [, method = '', target = '', body = ''] = found
  return { method, target: unescaped(target), body: unescaped(body) }
}
