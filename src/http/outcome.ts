/** What an HTTP answer, or the lack of one, says about an attempt. */
import type { Outcome, Refusal } from '../core/call.ts'
import { INTERNAL } from './internal.ts'

const REFUSALS: ReadonlySet<string> = new Set<Refusal>(['draining', 'overloaded', 'wrong-node', 'unimplemented'])

/** The outcome of an attempt whose answer began: names and values of its header fields in turn. */
export function outcomeOfAnswer(status: number, headers: readonly string[]): Outcome {
  const refused = headerOf(headers, INTERNAL.refused)
  const retryAfterMs = toRetryAfterMs(headerOf(headers, 'retry-after'))
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  if (refused !== undefined && isRefusal(refused)) return { stage: 'refused', status, refusal: refused, ...wait }
  if (status === 503 || status === 429) return { stage: 'busy', status, ...wait }
  return { stage: 'answered', status, ...(isEventStream(headers) ? { session: true } : {}) }
}

/** The outcome of an attempt that ended before an answer. */
export function outcomeOfError(cause: unknown, stage: 'unsent' | 'unanswered'): Outcome {
  return { stage, status: 0, cause }
}

function isRefusal(text: string): text is Refusal {
  return REFUSALS.has(text)
}

function isEventStream(headers: readonly string[]): boolean {
  return headerOf(headers, 'content-type')?.toLowerCase().startsWith('text/event-stream') === true
}

/** Whole seconds only: the date form of RFC 9110, section 10.2.3, is not what nodes of ours send. */
function toRetryAfterMs(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1000 : undefined
}

function headerOf(headers: readonly string[], lowerCaseName: string): string | undefined {
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i]
    if (name !== undefined && name.length === lowerCaseName.length && name.toLowerCase() === lowerCaseName) {
      return headers[i + 1]
    }
  }
  return undefined
}
