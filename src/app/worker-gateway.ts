/** The gateway of a worker at work: over the view of its primary, with its share of the limits. */
import type { Clock } from '../core/clock.ts'
import type { ProcessLog } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import { setRunning } from '../core/running.ts'
import type { GatheredStats } from '../gateway/cluster.ts'
import type { GatewayDefinition } from '../gateway/gateway.ts'
import { createMirrorRegistry, type Mirror } from '../registry/mirror.ts'
import { type Share, shareOf } from '../resilience/share.ts'
import type { MetricsSnapshot } from '../telemetry/metrics-snapshot.ts'
import { createClusterOf, overSockets } from './cluster.ts'
import { createComponents } from './components.ts'
import { createDoor } from './create-door.ts'
import type { Door } from './door.ts'
import { createEvents } from './events.ts'
import { createObservability } from './observability.ts'
import { createOutbound } from './outbound.ts'
import type { Channel } from './process-channel.ts'
import { createProcessLimits } from './shared-limits.ts'
import { setUserLog } from './user-log.ts'
import type { Evidence, OpenOrder, Reports, StatsList } from './worker-protocol.ts'

/** For the sums of all workers, which the primary waits for itself; then a worker shows its own. */
const GATHER_MS = 500

export interface WorkerGatewayDeps {
  readonly definition: GatewayDefinition
  readonly settings: Settings
  readonly share: Share
  readonly mirror: Mirror
  readonly kind: OpenOrder['kind']
  readonly callKey: string | undefined
  /** Name of the node. */
  readonly node: string
  readonly channel: Channel<Reports>
  readonly clock: Clock
  readonly log: ProcessLog
  ready(): boolean
  leaving(): boolean
}

export interface WorkerGateway {
  readonly door: Door
  /** Takes changed settings. */
  apply(settings: Settings): void
  /** Another process found hard evidence. */
  believe(evidence: Evidence): void
  stats(): StatsList
  /** All that it counts; empty where that is switched off. Never rejects. */
  metrics(): Promise<MetricsSnapshot>
  close(): Promise<void>
}

/** The settings with bounds that hold for all workers together divided among them. */
export function inShare(settings: Settings, share: Share): Settings {
  const { gateway } = settings
  return {
    ...settings,
    gateway: {
      ...gateway,
      maxConnections: shareOf(gateway.maxConnections, share),
      maxConnectionsPerNode: shareOf(gateway.maxConnectionsPerNode, share),
      maxWaitingPerNode: gateway.maxWaitingPerNode && shareOf(gateway.maxWaitingPerNode, share),
    },
  }
}

export async function openWorkerGateway(deps: WorkerGatewayDeps): Promise<WorkerGateway> {
  const { definition, settings, share, mirror, channel, clock, log } = deps
  const observability = await createObservability({ settings, clock, log })
  const { observers } = observability
  observability.named(definition.name, deps.node)
  observability.keyed(deps.callKey)
  const cluster = createClusterOf(
    {
      ...{ settings, clock, share, balancers: definition.balancers, use: definition.use },
      observe: observers.outbound,
      sampler: observability.sampler,
      onHardEvidence: (node, transport) => channel.tell('evidence', { node, transport }),
    },
    {
      registry: createMirrorRegistry(deps.kind, mirror),
      callKey: deps.callKey,
      // Whoever counts for the project counts for all workers.
      sharedLimits: createProcessLimits(settings, clock, log),
      ...overSockets(inShare(settings, share), clock),
    },
  )
  const { mesh } = cluster
  // The registry is its primary's affair.
  observability.metrics?.watchCluster(cluster, false)
  const outbound = createOutbound(cluster, settings, definition.name)

  const components = createComponents(settings, clock)
  const events = createEvents({
    ...{ settings, clock, log, sampler: observability.sampler },
    store: undefined,
    observe: observers.events,
  })

  function announceRunning(current: Settings): void {
    setRunning({
      settings: current,
      fetchAction: (service, action, request) => outbound.fetchAction(service, action, request),
      callMethod: (ref, input, options) => outbound.callMethod(ref, input, options),
      emit: (contract, event, payload, options) => events.emit(definition.name, contract, event, payload, options),
    })
  }

  async function gather(): Promise<GatheredStats> {
    try {
      const { stats, partial } = await channel.ask('gather', undefined, { boundMs: GATHER_MS })
      const sums = new Map(stats)
      return { of: (service) => sums.get(service) ?? mesh.stats(service), partial }
    } catch {
      return { of: (service) => mesh.stats(service), partial: true }
    }
  }

  announceRunning(settings)
  setUserLog(() => log)
  const { door, update } = await createDoor({
    ...{
      definition,
      settings,
      cluster,
      outbound,
      observers,
      log,
      access: log.access,
      clock,
      gather,
      components,
      events,
      ready: deps.ready,
      leaving: deps.leaving,
    },
    // Of the way in of services, which are none of a worker's.
    nodeId: '',
  })
  await door.start()
  return {
    door,
    apply(changed) {
      mesh.update(changed.balance)
      update(changed)
      observability.update(changed)
      outbound.update(changed)
      announceRunning(changed)
    },
    believe: ({ node, transport }) => mesh.hardEvidence(node, transport),
    metrics: async () => observability.metrics?.snapshot() ?? [],
    stats: () => mirror.services().map((service) => [service, mesh.stats(service)]),
    async close() {
      await door.close()
      await events.close()
      await components.close()
      outbound.close()
      await cluster.close()
      await observability.close()
    },
  }
}
