/** The endpoints of every service, kept in step with the registry's view. */
import type { Clock } from '../core/clock.ts'
import type { NodeInfo, Transport } from '../core/node.ts'
import type { View } from '../registry/registry.ts'
import { createHealth } from '../resilience/ejection.ts'
import type { Share } from '../resilience/share.ts'
import { Endpoint } from './endpoint.ts'

export interface Fleet {
  /** Sorted by key; the array is replaced when the view changes, never changed. */
  endpoints(service: string): readonly Endpoint[]
  close(): void
}

export interface FleetDeps {
  readonly view: View
  readonly clock: Clock
  readonly random: () => number
  /** Whether the service has enough calls that one of its nodes could be overrun by its share of them. */
  busy(service: string): boolean
  left(node: NodeInfo): void
  /** What this process may use of the limits. */
  readonly share: Share
  /** The first hard evidence against a node. */
  becameHard(nodeId: string, transport: Transport): void
}

/** A node that comes back with another id is another endpoint: nothing of what was known of it holds. */
export function createFleet(deps: FleetDeps): Fleet {
  const { view, left } = deps
  const services = new Map<string, readonly Endpoint[]>()

  function refresh(service: string): void {
    const known = new Map(services.get(service)?.map((endpoint) => [endpoint.node.id, endpoint]))
    const slowly = known.size > 0 && deps.busy(service)
    services.set(
      service,
      view.nodes(service).map((node) => {
        const endpoint = known.get(node.id)
        if (!endpoint) return createEndpoint(node, deps, slowly)
        endpoint.node = node
        return endpoint
      }),
    )
  }

  for (const service of view.services()) refresh(service)
  const stop = view.subscribe((change) => {
    refresh(change.node.service)
    if (change.type === 'leave') left(change.node)
  })
  return { endpoints: (service) => services.get(service) ?? [], close: stop }
}

/** One that joins others under load, which are warm already, starts slowly. */
function createEndpoint(node: NodeInfo, { clock, random, share, becameHard }: FleetDeps, slowly: boolean): Endpoint {
  const healthOf = (transport: Transport) => createHealth(clock, random, () => becameHard(node.id, transport))
  const health = { http: healthOf('http'), rpc: healthOf('rpc') }
  if (slowly) for (const one of [health.http, health.rpc]) one.warmUp(clock.now())
  return new Endpoint(node, health, share)
}
