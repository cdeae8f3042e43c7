/** What a node's HTTP answer says about an attempt: its own refusal, busy without proof, or an answer. */
import type { Outcome, Refusal } from '../core/call.ts'
import { fieldOf, retryAfterMs } from './header-rules.ts'
import { INTERNAL } from './internal.ts'

const REFUSALS = new Set<string>(['draining', 'overloaded', 'wrong-node', 'unimplemented'])

/** An event stream lives as long as both sides like: it is a session. */
export function isEventStream(headers: readonly string[]): boolean {
  return /^text\/event-stream\b/i.test(fieldOf(headers, 'content-type') ?? '')
}

export function outcomeOf(status: number, headers: readonly string[], nowWallMs: number): Outcome {
  const refused = fieldOf(headers, INTERNAL.refused)
  if (refused === undefined && status !== 503 && status !== 429) {
    return isEventStream(headers) ? { stage: 'answered', status, session: true } : { stage: 'answered', status }
  }
  const waitMs = retryAfterMs(fieldOf(headers, 'retry-after'), nowWallMs)
  const wait = waitMs === undefined ? undefined : { retryAfterMs: waitMs }
  if (refused !== undefined && REFUSALS.has(refused)) {
    return { stage: 'refused', status, refusal: refused as Refusal, ...wait }
  }
  return { stage: status === 503 || status === 429 ? 'busy' : 'answered', status, ...wait }
}
