/** Handling an event once, though brokers deliver it at least once: by its id, which is the same for every delivery. */
import type { EventInfo } from '../contract/handler.ts'
import { GomsError } from '../core/errors.ts'
import { integerOption } from '../core/option-check.ts'
import type { SeenStore } from './seen.ts'
import { createSeenHere } from './seen-here.ts'

export interface OnceOptions {
  /** Where it is remembered: `seenInRedis(…)` for all nodes of a service. @default this process alone */
  readonly seen?: SeenStore
  /** How long `run` may take before another delivery counts it as lost, 1000 to 86400000. @default 60000 */
  readonly claimMs?: number
  /** How long it is remembered once it was handled, 1000 to 2592000000. @default 86400000, a day */
  readonly keepMs?: number
}

const DAY_MS = 86_400_000

/** The memory of this process; each service has names of its own in it. */
const here = createSeenHere()

/**
 * Runs `run` unless this service has handled the event before; undefined then. A delivery of what is being handled by
 * another node rejects with ABORTED, and comes again. When `run` throws, the next delivery runs it again. What this cannot
 * know is whether a process that died had done its work: effects outside of it happen at least once.
 * @example submitted: (order, { event, db }) => once(event, () => db.save(order), { seen })
 */
export async function once<T>(
  event: EventInfo,
  run: () => T | Promise<T>,
  { seen = here, claimMs = 60_000, keepMs = DAY_MS }: OnceOptions = {},
): Promise<T | undefined> {
  integerOption('once', 'claimMs', claimMs, [1000, DAY_MS])
  integerOption('once', 'keepMs', keepMs, [1000, 30 * DAY_MS])
  const id = `${event.service}/${event.name}/${event.id}`
  const claimed = await seen.claim(id, claimMs)
  if (claimed === 'done') return undefined
  if (claimed === 'busy') throw new GomsError('ABORTED', `event ${id}: another delivery of it is being handled`)
  let answer: T
  try {
    answer = await run()
  } catch (thrown) {
    // The claim ends by itself where the store is away.
    await seen.release(id).catch(() => {})
    throw thrown
  }
  await seen.done(id, keepMs)
  return answer
}
