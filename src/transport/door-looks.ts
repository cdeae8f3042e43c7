/** The times of a door, counted in looks at all its connections: one timer for all of them, however many there are. */
import type { HttpDoorOptions } from './http-door.ts'

/** How long a client may take to close a connection that is over. */
const LINGER_MS = 2000
/** Looks in the shortest of the times; they are exact to that. */
const LOOKS = 4

export interface DoorLooks {
  readonly lookMs: number
  readonly headLooks: number
  readonly idleLooks: number
  readonly answerLooks: number
  readonly lingerLooks: number
}

export function looksOf(options: HttpDoorOptions): DoorLooks {
  const headMs = options.headTimeoutMs ?? 10_000
  const idleMs = options.idleTimeoutMs ?? 75_000
  const answerMs = options.answerTimeoutMs ?? 10_000
  const lookMs = Math.min(headMs, idleMs, answerMs, LINGER_MS) / LOOKS
  return {
    lookMs,
    headLooks: headMs / lookMs,
    idleLooks: idleMs / lookMs,
    answerLooks: answerMs / lookMs,
    lingerLooks: LINGER_MS / lookMs,
  }
}
