/** Prints who joins and who leaves, as the original does, and a summary instead when that would flood the log. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { View } from '../registry/registry.ts'

/** Lines a second, above which the rest of that second becomes one summary line. */
const MAX_LINES_PER_SECOND = 20

/** Follows the view until stopped. `isOwn` keeps a node's own coming and going out of its log. */
export function announce(view: View, log: Log, clock: Clock, isOwn: (id: string) => boolean): () => void {
  let windowEndsMs = 0
  let lines = 0
  const beyond = { join: 0, leave: 0 }

  function summarise(): void {
    if (beyond.join + beyond.leave === 0) return
    log.info(`nodes: ${beyond.join} more joined, ${beyond.leave} more left within a second`)
    beyond.join = 0
    beyond.leave = 0
  }

  return view.subscribe((change) => {
    if (change.type === 'update' || isOwn(change.node.id)) return
    const nowMs = clock.now()
    if (nowMs >= windowEndsMs) {
      windowEndsMs = nowMs + 1000
      lines = 0
      clock.after(1000, summarise)
    }
    if (++lines > MAX_LINES_PER_SECOND) {
      beyond[change.type]++
      return
    }
    log.info(`node [${change.node.name}] ${change.type}`, {
      service: change.node.service,
      node: change.node.name,
      nodeId: change.node.id,
    })
  })
}
