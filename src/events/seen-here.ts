/** What this process has handled: enough where one node of a service handles an event, and for tests. */
import { type Clock, systemClock } from '../core/clock.ts'
import type { SeenStore } from './seen.ts'

/** The oldest are forgotten first. */
const MOST_IDS = 100_000

interface Entry {
  readonly state: 'busy' | 'done'
  readonly untilMs: number
}

export function createSeenHere(clock: Clock = systemClock, mostIds: number = MOST_IDS): SeenStore {
  const entries = new Map<string, Entry>()

  function put(id: string, entry: Entry): void {
    // Anew at the end: a map keeps the order in which its keys came.
    entries.delete(id)
    entries.set(id, entry)
    for (const oldest of entries.keys()) {
      if (entries.size <= mostIds) break
      entries.delete(oldest)
    }
  }

  return {
    async claim(id, claimMs) {
      const held = entries.get(id)
      const now = clock.now()
      if (held !== undefined && held.untilMs > now) return held.state
      put(id, { state: 'busy', untilMs: now + claimMs })
      return 'new'
    },
    async done(id, keepMs) {
      put(id, { state: 'done', untilMs: clock.now() + keepMs })
    },
    async release(id) {
      entries.delete(id)
    },
  }
}
