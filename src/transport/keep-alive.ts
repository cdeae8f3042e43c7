/** How long a connection to a node is kept while it carries nothing: always shorter than the node keeps it. */
import type { Fields } from '../http/fields.ts'

/** Where the node does not say how long it keeps idle connections. */
export const IDLE_MS = 4000
/** Never longer than our own services keep them (75 s) less 5 s, so that we close first. */
const MAX_IDLE_MS = 70_000
/** What is taken off a node's announced keep-alive; at its 5 s default node:http would be left with 3. */
const IDLE_MARGIN_MS = 2000

/**
 * By the `Keep-Alive` of an answer (RFC 2068 §19.7.1, no standard and in use everywhere): from 0, which is not to be kept,
 * to 70000. 4000 without one.
 */
export function keptMs(fields: Fields): number {
  const said = /(?:^|,)\s*timeout\s*=\s*(\d{1,6})\b/i.exec(fields.get('keep-alive') ?? '')?.[1]
  if (said === undefined) return IDLE_MS
  return Math.max(0, Math.min(Number(said) * 1000 - IDLE_MARGIN_MS, MAX_IDLE_MS))
}
