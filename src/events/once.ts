/** Handling an event once, though brokers deliver it at least once: by its id, which is the same for every delivery. */
import type { EventInfo } from '../contract/handler.ts'
import { GomsError } from '../core/errors.ts'
import type { SeenStore } from './seen.ts'
import { createSeenHere } from './seen-here.ts'

export interface OnceOptions {
  /** Where ids are remembered: `seenInRedis(…)` for all nodes. @default this process alone */
  readonly seen?: SeenStore
  /** How long a handler may take before another delivery counts it as lost, 1000 to 86400000. @default 60000 */
  readonly claimMs?: number
  /** How long an id is remembered once it was handled, 1000 to 2592000000. @default 86400000, a day */
  readonly keepMs?: number
}

const DAY_MS = 86_400_000

/**
 * Wraps a handler of an event: a delivery of what was handled before does nothing, and one of what is being handled by
 * another node is put off. A handler that throws is called again with the next delivery. What it cannot know is whether a
 * process that died had done its work: effects outside of it happen at least once.
 * @example on: { order: { submitted: once(async (order, { db }) => db.save(order), { seen }) } }
 * @throws GomsError GOMS_OPTION_INVALID
 */
export function once<Received, Context extends { readonly event: EventInfo }>(
  handler: (received: Received, context: Context) => void | Promise<void>,
  options: OnceOptions = {},
): (received: Received, context: Context) => Promise<void> {
  const { seen = createSeenHere(), claimMs = 60_000, keepMs = DAY_MS } = options
  check('claimMs', claimMs, DAY_MS)
  check('keepMs', keepMs, 30 * DAY_MS)
  return async (received, context) => {
    const { id } = context.event
    const claimed = await seen.claim(id, claimMs)
    if (claimed === 'done') return
    if (claimed === 'busy') throw new GomsError('ABORTED', `event ${id}: another delivery of it is being handled`)
    try {
      await handler(received, context)
    } catch (thrown) {
      // The claim ends by itself where the store is away.
      await seen.release(id).catch(() => {})
      throw thrown
    }
    await seen.done(id, keepMs)
  }
}

function check(option: string, ms: number, mostMs: number): void {
  if (Number.isInteger(ms) && ms >= 1000 && ms <= mostMs) return
  const found = `\`${String(ms)}\` (${typeof ms})`
  const expected = `an integer from 1000 to ${mostMs}`
  throw new GomsError('GOMS_OPTION_INVALID', `once: expected \`${option}\` to be ${expected}, got ${found}`, {
    detail: { found, expected },
  })
}
