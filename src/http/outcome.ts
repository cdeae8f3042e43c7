/** What a node's HTTP answer says about an attempt: its own refusal, busy without proof, or an answer. */
import type { Outcome, Refusal } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { FIELD } from './field-kinds.ts'
import type { Fields } from './fields.ts'
import { retryAfterMs } from './header-rules.ts'
import { INTERNAL } from './internal.ts'

const REFUSALS = new Set<string>(['draining', 'overloaded', 'wrong-node', 'unimplemented'])

/** An event stream lives as long as both sides like: it is a session. */
export function isEventStream(fields: Fields): boolean {
  const type = fields.ofKind(FIELD.contentType)
  // Most begin otherwise.
  return type !== undefined && (type.charCodeAt(0) | 0x20) === 0x74 && /^text\/event-stream\b/i.test(type)
}

/** @param clock asked for its wall time where `Retry-After` may be a date */
export function outcomeOf(status: number, fields: Fields, clock: Pick<Clock, 'wallMs'>): Outcome {
  const refused = fields.has(FIELD.internal) ? fields.get(INTERNAL.refused) : undefined
  if (refused === undefined && status !== 503 && status !== 429) {
    return isEventStream(fields) ? { stage: 'answered', status, session: true } : { stage: 'answered', status }
  }
  const waitMs = retryAfterMs(fields.get('retry-after'), clock.wallMs())
  const wait = waitMs === undefined ? undefined : { retryAfterMs: waitMs }
  if (refused !== undefined && REFUSALS.has(refused)) {
    return { stage: 'refused', status, refusal: refused as Refusal, ...wait }
  }
  return { stage: status === 503 || status === 429 ? 'busy' : 'answered', status, ...wait }
}
