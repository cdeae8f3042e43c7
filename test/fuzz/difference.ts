/** What two parsers make of the same bytes, held against each other. */
import type { Message, Reading } from './own-reader.ts'

/**
 * What we accept and llhttp does not, or what is read otherwise; undefined where there is nothing.
 * @param own of the bytes in pieces
 * @param whole ours of the bytes at once
 */
export function difference(own: Reading, whole: Reading, node: Reading): string | undefined {
  if (JSON.stringify(own) !== JSON.stringify(whole)) {
    return `in pieces ${JSON.stringify(own)}, whole ${JSON.stringify(whole)}`
  }
  const part = differentMessage(own, node)
  return part && `${part}: ours ${JSON.stringify(own)}, llhttp's ${JSON.stringify(node)}`
}

function differentMessage(own: Reading, node: Reading): string | undefined {
  for (const [i, message] of own.messages.entries()) {
    const other = node.messages[i]
    if (!other) return `message ${i} is none`
    const part = differentPart(message, other, own.refused !== undefined)
    if (part) return `${part} of message ${i}`
  }
  if (own.upgraded !== undefined && own.upgraded !== node.upgraded) return 'bytes behind the upgrade'
  // Where we wait for more, it may not have found another message. Where we close, nothing more is read: llhttp goes on
  // after `keep-alive, close` in HTTP/1.0, against RFC 9112 §9.3.
  const waits = own.refused === undefined && !own.closed
  return waits && node.messages.length > own.messages.length ? 'another message' : undefined
}

function differentPart(own: Message, node: Message, refused: boolean): string | undefined {
  if (own.start !== node.start) return 'start line'
  if (!isEqual(own.fields, node.fields)) return 'fields'
  if (own.complete) {
    if (!node.complete) return 'end'
    if (own.body !== node.body) return 'body'
    return isEqual(own.trailers, node.trailers) ? undefined : 'trailers'
  }
  // It may have read on where we did not.
  if (refused) return undefined
  return node.complete ? 'missing end' : own.body === node.body ? undefined : 'body so far'
}

function isEqual(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}
