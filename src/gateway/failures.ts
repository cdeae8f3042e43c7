/** The gateway's own failures as answers, with its own codes or with those of the originals. */
import type { GomsError } from '../core/errors.ts'
import type { Compat } from '../core/options.ts'
import { toJson } from './method-body.ts'

export interface Failure {
  readonly status: number
  /** Names and values in turn, without the length. */
  readonly headers: string[]
  readonly body: string
}

/**
 * An error as an answer. `goms` and `go-garden` give the status and text that those gave in the same case, without a code.
 * An unknown error shows its trace id only: what it says may be a secret.
 */
export function toFailure(error: GomsError, compat: Compat, traceId: string | undefined): Failure {
  const { status, content } = toContent(error, compat, traceId)
  return withRetryAfter(toAnswer(status, JSON.stringify(content)), error)
}

/** An error that a method answered with: its code, status, text and data, as they are for callers inside. */
export function toMethodFailure(error: GomsError, compat: Compat, traceId: string | undefined): Failure {
  const replaced = replacedAnswer(statusOf(error), compat)
  if (replaced) return replaced
  const { status, content } = toContent(error, compat, traceId)
  const data = error.code === 'INTERNAL' ? undefined : error.data
  return withRetryAfter(toAnswer(status, toJson(data === undefined ? content : { ...content, data })), error)
}

function toAnswer(status: number, body: string): Failure {
  return { status, headers: ['content-type', 'application/json; charset=utf-8'], body }
}

function withRetryAfter({ status, headers, body }: Failure, error: GomsError): Failure {
  if (error.retryAfterMs !== undefined && Number.isFinite(error.retryAfterMs)) {
    headers.push('retry-after', String(Math.max(1, Math.ceil(error.retryAfterMs / 1000))))
  }
  return { status, headers, body }
}

function toContent(error: GomsError, compat: Compat, traceId: string | undefined): { status: number; content: object } {
  const status = statusOf(error)
  if (compat === 'native') {
    const msg = error.code === 'INTERNAL' ? 'internal error' : error.message
    return { status, content: { status: false, code: error.code, msg, ...(traceId !== undefined && { traceId }) } }
  }
  // What the originals had no case for keeps its status; only their shape is kept.
  const theirs = compat === 'goms' ? gomsStatus(error) : gardenAnswer(error)
  if (compat === 'goms') return { status: theirs?.status ?? status, content: { status: false } }
  return { status: theirs?.status ?? status, content: { status: false, msg: theirs?.msg ?? error.message } }
}

function statusOf({ status }: GomsError): number {
  return status >= 400 && status <= 599 ? status : 500
}

interface Theirs {
  readonly status: number
  readonly msg?: string
}

function gomsStatus(error: GomsError): Theirs | undefined {
  switch (error.code) {
    case 'NOT_FOUND':
    case 'UNAVAILABLE':
    case 'DEADLINE_EXCEEDED':
    case 'BAD_GATEWAY':
    case 'OVERLOADED':
    case 'DRAINING':
    case 'INTERNAL':
      return { status: 500 }
    default:
      return undefined
  }
}

function gardenAnswer(error: GomsError): Theirs | undefined {
  switch (error.code) {
    case 'NOT_FOUND':
      return { status: 404, msg: 'The resource could not be found' }
    case 'UNAVAILABLE':
      if (isBreaker(error)) return { status: 404, msg: 'Server fusing flow' }
      // The node was there and could not be reached: theirs told that apart from "no node".
      if (error.cause !== undefined) return { status: 500, msg: 'Server Error' }
      return { status: 404, msg: 'The resource could not be found' }
    case 'RESOURCE_EXHAUSTED':
      return { status: 404, msg: 'Server limit flow' }
    case 'DEADLINE_EXCEEDED':
      return { status: 500, msg: 'Request timeout' }
    case 'BAD_GATEWAY':
    case 'OVERLOADED':
    case 'DRAINING':
    case 'INTERNAL':
      return { status: 500, msg: 'Server Error' }
    default:
      return undefined
  }
}

function isBreaker(error: GomsError): boolean {
  return (error.data as { reason?: unknown } | undefined)?.reason === 'breaker'
}

/** What the originals made of a service's own answer of 400 and above; undefined where it passes as it is. */
export function replacedAnswer(status: number, compat: Compat): Failure | undefined {
  if (status < 400 || compat === 'native') return undefined
  const body = JSON.stringify(compat === 'goms' ? { status: false } : { status: false, msg: 'Server Error' })
  return toAnswer(compat === 'goms' ? 500 : status, body)
}
