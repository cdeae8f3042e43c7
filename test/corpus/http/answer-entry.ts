/** What an entry of raw answers says the client is to see. */
import { directivesOf, type Entry, toField, unescaped } from './entries.ts'

export interface AnswerEntry extends Entry {
  /** What the client asks with; the body is only for methods that have one. */
  readonly method: string
  /** What it speaks. */
  readonly version: '1.0' | '1.1'
  /**
   * What it sees: an answer with those statuses, the last of them final, and that body; or one that is cut off, before its
   * head or within its body.
   */
  readonly verdict: { readonly statuses: readonly number[]; readonly body: string | undefined } | 'cut'
  /** The answer has these. */
  readonly has: readonly (readonly [name: string, value: string])[]
  /** Names that it has not, nor its trailers. */
  readonly lacks: readonly string[]
  /** Its trailers. */
  readonly trailers: readonly string[]
  /** What the node does behind its bytes. */
  readonly ending: 'stays' | 'ends' | 'resets'
  /** The request has a body that the node does not wait for. */
  readonly early: boolean
  /** Nothing is asked before the node has said everything: what comes while somebody waits is taken for the answer. */
  readonly alone: boolean
  /** The client asks to switch to this protocol. */
  readonly upgrade: string | undefined
}

export function toAnswerEntry(entry: Entry): AnswerEntry {
  const all = directivesOf(entry, WORDS)
  const see = all('see')[0]
  if (see === undefined) throw new Error(`${entry.name}: no verdict`)
  return {
    ...entry,
    method: all('ask')[0] ?? 'GET',
    version: all('client')[0] === 'HTTP/1.0' ? '1.0' : '1.1',
    verdict: see === 'cut' ? 'cut' : toSeen(see),
    has: all('see-has').map(toField),
    lacks: all('see-lacks').flatMap((rest) => rest.split(' ')),
    trailers: all('see-trailer').map((rest) => unescaped(rest)),
    ending: all('ends').length > 0 ? 'ends' : all('resets').length > 0 ? 'resets' : 'stays',
    early: all('early').length > 0,
    alone: all('alone').length > 0,
    upgrade: all('upgrade')[0],
  }
}

const WORDS: readonly string[] = [
  ...['ask', 'client', 'see', 'see-has', 'see-lacks', 'see-trailer', 'ends', 'resets', 'early', 'alone', 'upgrade'],
]

/** `103 200 "body"`; without a body it may be any. */
function toSeen(rest: string): { statuses: number[]; body: string | undefined } {
  const found = /^([\d ]+?)(?: "(.*)")?$/.exec(rest)
  if (!found) throw new Error(`expected \`see <statuses> "<body>"\`, got \`${rest}\``)
  const [, statuses = '', body] = found
  return { statuses: statuses.split(' ').map(Number), body: body === undefined ? undefined : unescaped(body) }
}
