/** The lease under a process's claims: they end with the process, and others take over what it had in hand. */
import type { Clock, Timer } from '../core/clock.ts'
import type { Kv } from '../registry/kv.ts'

export interface KvHold {
  /** The lease to claim with. */
  lease(): Promise<bigint>
  close(): Promise<void>
}

const TTL_SECONDS = 5
const RENEW_MS = (TTL_SECONDS * 1000) / 3

export function createKvHold(kv: Kv, clock: Clock): KvHold {
  let granted: Promise<bigint> | undefined
  let timer: Timer | undefined
  let closed = false

  async function grant(): Promise<bigint> {
    const { lease } = await kv.grant(TTL_SECONDS)
    renewLater(lease)
    return lease
  }

  function renewLater(lease: bigint): void {
    if (closed) return
    timer = clock.after(RENEW_MS, () => {
      kv.keepAlive(lease).then(
        (left) => {
          if (left > 0) renewLater(lease)
          // What was claimed with it is free by now; what is claimed from here on has a new one.
          else granted = undefined
        },
        () => renewLater(lease),
      )
    })
  }

  return {
    lease() {
      granted ??= grant().catch((error) => {
        granted = undefined
        throw error
      })
      return granted
    },
    async close() {
      closed = true
      timer?.cancel()
      const lease = await granted?.catch(() => undefined)
      if (lease !== undefined) await kv.revoke(lease).catch(() => {})
    },
  }
}
