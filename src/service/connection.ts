/** What is to be done when a connection closes: one listener a connection, however many calls it carries. */
import type { Duplex } from 'node:stream'

const waiting = new WeakMap<Duplex, Set<() => void>>()

/**
 * Calls `fn` when the connection closes. node:http tells only the answer that is being sent; of pipelined requests the
 * later ones would never hear of it. Returns how to call it off.
 */
export function onConnectionClose(connection: Duplex, fn: () => void): () => void {
  let all = waiting.get(connection)
  if (all === undefined) {
    const made = new Set<() => void>()
    all = made
    waiting.set(connection, made)
    connection.once('close', () => {
      for (const one of made) one()
    })
  }
  const own = all.add(fn)
  return () => own.delete(fn)
}
