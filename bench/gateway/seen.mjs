/** Whether as much was seen of the requests as should have been: who loses what it should tell is no faster for that. */
import { setTimeout as sleep } from 'node:timers/promises'
import { CONTESTANTS } from './contestants.mjs'

/** One of the gateway, one of its attempt. */
const SPANS = 2
/** Longer than anything waits for others of its kind. */
const SETTLE_MS = 2000
/** What checks and requests that are broken off at the end of a window add. */
const TOLERANCE = 0.03
/** Standard deviations that a share which is drawn may be off. */
const DEVIATIONS = 5

/**
 * Why a row does not count, by the name of its gateway.
 * @param answered how many requests each has answered under load
 */
export async function unseen(gateways, answered, spans) {
  await sleep(SETTLE_MS)
  const refused = new Map()
  for (const { name, lines } of gateways) {
    const { sample = 0, accessLog = 0 } = CONTESTANTS[name].options.sees
    const requests = answered.get(name)
    const checks = [
      ['spans', spans.countOf(name), sample, SPANS],
      ['lines', lines?.() ?? 0, accessLog, 1],
    ]
    for (const [what, found, share, each] of checks) {
      const drawn = requests * share
      const off = drawn * TOLERANCE + DEVIATIONS * Math.sqrt(drawn * (1 - share))
      if (Math.abs(found / each - drawn) <= off) continue
      refused.set(name, `${found} ${what} of ${requests} requests, expected about ${Math.round(drawn * each)}`)
    }
  }
  return refused
}
