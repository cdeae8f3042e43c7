/** Takes the internal headers out of a request, so that the application never sees (or echoes) them. */
import type { IncomingMessage } from 'node:http'
import { fromIdentityHeader, INTERNAL } from '../http/internal.ts'
import type { KeyCheck } from './call-key.ts'

/** Who calls whom: the same for many calls of one caller. */
export interface CallerHeaders {
  /** Whether the call key matched; true where none is set. */
  readonly admitted: boolean
  /** Whether its word on what is recorded counts: the call key matched, or nobody has one. */
  readonly believed: boolean
  /** `<service>/<node id>` as it was sent. */
  readonly target: string | undefined
  readonly attempt: number
  readonly caller: string | undefined
  readonly identity: unknown
}

export interface InternalHeaders extends CallerHeaders {
  /** Milliseconds that the caller gives; undefined: no deadline. */
  readonly deadlineMs: number | undefined
}

/**
 * Reads and removes them. Caller and identity are believed only where a key is set and matched; deadline, attempt and
 * target can only narrow what a caller gets, and are taken without a key too where none is set.
 */
export function takeInternalHeaders(req: IncomingMessage, check: KeyCheck | undefined): InternalHeaders {
  const taken = take(req)
  const serviceKey = check?.(taken[INTERNAL.callServiceKey]) === true
  const callKey = check?.(taken[INTERNAL.callKey]) === true
  const matched = serviceKey || callKey
  const admitted = matched || check === undefined
  const identity = taken[INTERNAL.identity]
  return {
    admitted,
    believed: admitted,
    target: taken[INTERNAL.target],
    deadlineMs: admitted ? toInteger(taken[INTERNAL.deadline]) : undefined,
    attempt: Math.max(1, (admitted ? toInteger(taken[INTERNAL.attempt]) : undefined) ?? 1),
    caller: matched ? taken[INTERNAL.caller] : undefined,
    identity: matched && identity !== undefined ? fromIdentityHeader(identity) : undefined,
  }
}

function take(req: IncomingMessage): Record<string, string | undefined> {
  const taken: Record<string, string | undefined> = Object.create(null)
  const raw = req.rawHeaders
  if (!hasOurs(raw)) return taken
  // node:http makes both from the raw list when they are first asked for, and goes by its first length for ever.
  const { headers, headersDistinct } = req
  let kept = 0
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    const value = raw[i + 1] as string
    const lower = mayBeOurs(name) ? name.toLowerCase() : name
    if (isOurs(lower)) {
      // Sent twice is sent wrongly: joined, no value of ours matches any more.
      taken[lower] = taken[lower] === undefined ? value : `${taken[lower]}, ${value}`
    } else {
      raw[kept++] = name
      raw[kept++] = value
    }
  }
  raw.length = kept
  for (const name in taken) {
    delete headers[name]
    delete headersDistinct[name]
  }
  return taken
}

function hasOurs(raw: readonly string[]): boolean {
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string
    if (mayBeOurs(name) && isOurs(name.toLowerCase())) return true
  }
  return false
}

/** By the first letter: most names are done with here. */
function mayBeOurs(name: string): boolean {
  const first = name.charCodeAt(0) | 0x20
  return first === 0x67 || first === 0x63
}

function isOurs(lowerCaseName: string): boolean {
  return (
    lowerCaseName.startsWith('goms-') || lowerCaseName === INTERNAL.callServiceKey || lowerCaseName === INTERNAL.callKey
  )
}

/** Of at most 15 digits. Asked several times for every call, which is why there is no regular expression. */
export function toInteger(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const first = text.startsWith('-') ? 1 : 0
  const digits = text.length - first
  if (digits < 1 || digits > 15) return undefined
  let value = 0
  for (let i = first; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return first === 1 ? -value : value
}
