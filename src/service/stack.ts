/**
 * THE inbound order: what stands between a listener and the application or method, and why it stands where it does.
 * Everything here happens before any code of the application runs, so what is refused may safely be tried elsewhere.
 */

import type { CallerHeaders } from './internal-headers.ts'
import { type Denial, DRAINING, OVERLOADED, STARTING, TOO_LATE, WRONG_KEY, WRONG_NODE } from './refusal.ts'

/** What the order looks at. */
export interface Door {
  /** `<service>/<node id>` of this node. */
  readonly target: string
  readonly started: boolean
  readonly refusing: boolean
  /** As many calls are in progress as it takes. */
  readonly full: boolean
}

/**
 * Undefined: the application may run.
 *
 * 1. target: even before the key. At an address that changed hands another project's key may rule, and the caller
 *    must learn that this is the wrong node rather than be told that its key is wrong. To refuse believes nothing.
 * 2. key: whoever has none learns nothing more of this node.
 * 3. started, draining: costs nothing, and the caller has time left to go elsewhere.
 * 4. deadline: work that nobody waits for is not begun.
 * 5. concurrency: last, since it is the only one that counts what really runs.
 *
 * HTTP (`inbound.ts`) and RPC (`rpc-inbound.ts`) go by it; for RPC the method is looked up, and its input checked, right
 * after. Trace and ambient context wrap the application itself: they are read only when something asks.
 */
export function refuse(headers: CallerHeaders, deadlineMs: number | undefined, door: Door): Denial | undefined {
  if (headers.target !== undefined && headers.target !== door.target) return WRONG_NODE
  if (!headers.admitted) return WRONG_KEY
  if (door.refusing) return DRAINING
  if (!door.started) return STARTING
  if (deadlineMs !== undefined && deadlineMs <= 0) return TOO_LATE
  if (door.full) return OVERLOADED
  return undefined
}
