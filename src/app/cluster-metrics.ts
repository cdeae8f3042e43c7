/** What a process knows of the others: endpoints, breakers, connections, registry. Read when the page is asked for. */
import { type NodeInfo, toHostPort } from '../core/node.ts'
import type { Registry } from '../registry/registry.ts'
import type { BreakerState } from '../resilience/breaker.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { NodeMetrics } from '../telemetry/node-metrics.ts'
import type { OwnMetrics } from '../telemetry/own-metrics.ts'
import type { Cluster } from './cluster.ts'

const STATES: Readonly<Record<BreakerState, number>> = { closed: 0, 'half-open': 1, open: 2 }

/** Returns how to stop. */
export function watchCluster(
  cluster: Cluster,
  own: OwnMetrics,
  nodes: NodeMetrics,
  registry: MetricsRegistry,
): () => void {
  const { view } = cluster.registry
  const all = (): NodeInfo[] => view.services().flatMap((service) => view.nodes(service))
  for (const node of all()) nodes.joined(node)
  const stopFollowing = view.subscribe((change) => {
    if (change.type === 'leave') nodes.left(change.node)
    else nodes.joined(change.node)
  })
  const stopCollecting = registry.collector(() => {
    nodes.forget()
    // Of a node that has left nothing is open any more, while its series are still there.
    for (const family of [own.endpointInFlight, own.endpointSessions, own.breakerState]) family.zero()
    for (const service of view.services()) endpointsOf(service, cluster, own)
    poolsOf(all(), cluster, own)
    for (const { service, action, onError, calls } of cluster.sharedLimits?.unanswered() ?? []) {
      own.limiterUnanswered.bind(service, action, onError).value = calls
    }
  })
  return () => {
    stopFollowing()
    stopCollecting()
  }
}

function endpointsOf(service: string, { mesh, callClock }: Cluster, own: OwnMetrics): void {
  const left = mesh.retriesLeft(service)
  if (left === undefined) return
  own.retryBudget.bind(service).set(left)
  const nowMs = callClock.now()
  for (const endpoint of mesh.endpoints(service)) {
    const { name } = endpoint.node
    own.endpointInFlight.bind(service, name).set(endpoint.inFlight)
    own.endpointSessions.bind(service, name).set(endpoint.sessions)
    for (const [action, { breaker }] of endpoint.guards()) {
      if (breaker !== undefined) own.breakerState.bind(service, action, name).set(STATES[breaker.state(nowMs)])
    }
  }
}

/** Connections belong to addresses; those of nodes that have left are on their way out. */
function poolsOf(nodes: readonly NodeInfo[], cluster: Cluster, own: OwnMetrics): void {
  own.poolConnections.zero()
  own.poolWaiting.zero()
  const pools = cluster.pools()
  if (pools === undefined || pools.length === 0) return
  const names = new Map(nodes.map(({ http, name }) => [toHostPort(http), name]))
  for (const { address, connections, idle, waiting } of pools) {
    const name = names.get(toHostPort(address))
    if (name === undefined) continue
    own.poolConnections.bind(name, 'busy').set(connections - idle)
    own.poolConnections.bind(name, 'idle').set(idle)
    own.poolWaiting.bind(name).set(waiting)
  }
}

export function registryOf(registry: Registry, own: OwnMetrics): void {
  const { view } = registry
  const { connected, ageMs } = registry.status()
  own.registryConnected.bind().set(connected ? 1 : 0)
  own.registryAge.bind().set(ageMs / 1000)
  own.registrySkipped.bind().set(view.skipped)
  for (const service of view.services()) own.registryNodes.bind(service).set(view.nodes(service).length)
}
