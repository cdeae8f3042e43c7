/** Brings nodes back that refused connections: tries to connect, off the way of any call, until one is accepted. */
import type { Clock, Timer } from '../core/clock.ts'
import type { Address } from '../core/node.ts'
import type { View } from '../registry/registry.ts'
import type { Fleet } from './fleet.ts'

/** Resolves to whether the address accepts a connection; bounded in time by whoever gives it. */
export type Probe = (address: Address) => Promise<boolean>

/** How often suspects are looked for. Whether one is due is decided by its own back-off. */
const LOOK_EVERY_MS = 250

export interface ProberDeps {
  readonly fleet: Fleet
  readonly view: View
  readonly clock: Clock
  readonly probe: Probe
}

export function createProber(deps: ProberDeps): { close(): void } {
  let closed = false
  let timer: Timer | undefined

  function look(): void {
    for (const service of deps.view.services()) {
      for (const endpoint of deps.fleet.endpoints(service)) {
        for (const transport of endpoint.node.protocols) {
          const health = endpoint.health[transport]
          if (!health.probeDue(deps.clock.now())) continue
          health.probing(deps.clock.now())
          deps.probe(endpoint.node[transport]).then(
            (accepted) => health.probed(accepted, deps.clock.now()),
            () => {},
          )
        }
      }
    }
    if (!closed) timer = deps.clock.after(LOOK_EVERY_MS, look)
  }

  timer = deps.clock.after(LOOK_EVERY_MS, look)
  return {
    close() {
      closed = true
      timer?.cancel()
    },
  }
}
