/** The metrics of a process, put together: what is counted, who is asked, and the page that comes of it. */
import type { Clock } from '../core/clock.ts'
import type { MetricsOptions } from '../core/observability-options.ts'
import type { Observers } from '../core/observe.ts'
import type { BatchSenderNumbers } from '../telemetry/batch-sender.ts'
import { callMetrics } from '../telemetry/call-metrics.ts'
import { eventMetrics } from '../telemetry/event-metrics.ts'
import { gatewayMetrics } from '../telemetry/gateway-metrics.ts'
import { createMetricsRegistry } from '../telemetry/metrics.ts'
import { pageOf } from '../telemetry/metrics-page.ts'
import { type MetricsSnapshot, mergeSnapshots, type ProcessSnapshot } from '../telemetry/metrics-snapshot.ts'
import { NodeMetrics } from '../telemetry/node-metrics.ts'
import { createOwnMetrics } from '../telemetry/own-metrics.ts'
import { servedMetrics } from '../telemetry/served-metrics.ts'
import { addMetricsSource, userMetrics } from '../telemetry/user-metrics.ts'
import type { Cluster } from './cluster.ts'
import { registryOf, watchCluster } from './cluster-metrics.ts'
import { watchProcess } from './process-metrics.ts'

/** What of a node is shown. */
export interface ShownNode {
  readonly service: string
  ready(): boolean
  inFlight(): number
  sessions(): number
}

/** What takes spans or log lines elsewhere. */
export interface Exporter {
  readonly name?: string
  numbers?(): BatchSenderNumbers
}

export interface ProcessMetrics {
  readonly observers: Observers
  /** @param registryToo not where that belongs to another process */
  watchCluster(cluster: Cluster, registryToo: boolean): void
  /** Returns how to stop. */
  watchNode(node: ShownNode): () => void
  watchExporters(exporters: readonly Exporter[]): void
  /** @param number of the shared routes in force, if any are */
  watchRoutes(number: () => number | undefined): void
  /** @param dropped lines so far that nobody took */
  watchLog(dropped: () => number): void
  /** Whether numbers of the node of that name are still of interest. */
  showsNode(name: string): boolean
  /** This process at one moment, with what the user counts. Never rejects. */
  snapshot(): Promise<MetricsSnapshot>
  /**
   * The page of a node, in slices. Never rejects.
   * @param workers the metrics of a gateway's workers, and what stays of those that have ended
   */
  page(workers: (() => Promise<readonly ProcessSnapshot[]>) | undefined): Promise<Iterable<string>>
  close(): void
}

export function createProcessMetrics({ maxSeries }: MetricsOptions, clock: Clock): ProcessMetrics {
  const registry = createMetricsRegistry({ maxSeries })
  const own = createOwnMetrics(registry)
  const nodes = new NodeMetrics(own, registry, clock)
  const shown = new Set<ShownNode>()
  const stops: (() => void)[] = [watchProcess(own, registry, clock)]
  const users = userMetrics()
  users.maxSeries = maxSeries

  stops.push(
    registry.collector(() => {
      own.droppedSeries.bind().value = registry.dropped + users.dropped
      for (const node of shown) {
        own.ready.bind(node.service).set(node.ready() ? 1 : 0)
        own.inFlight.bind(node.service).set(node.inFlight())
        own.sessions.bind(node.service).set(node.sessions())
      }
    }),
    addMetricsSource(() => registry.snapshot()),
  )
  async function snapshot(): Promise<MetricsSnapshot> {
    const [ours, theirs] = await Promise.all([registry.snapshot(), users.snapshot()])
    return [...ours, ...theirs]
  }

  return {
    observers: {
      outbound: callMetrics(own, nodes),
      served: servedMetrics(own),
      requests: gatewayMetrics(own),
      events: eventMetrics(own),
    },
    watchCluster(cluster, registryToo) {
      stops.push(watchCluster(cluster, own, nodes, registry))
      if (registryToo) stops.push(registry.collector(() => registryOf(cluster.registry, own)))
    },
    watchNode(node) {
      shown.add(node)
      return () => shown.delete(node)
    },
    watchExporters(exporters) {
      for (const exporter of exporters) {
        const { name = 'other' } = exporter
        const numbers = exporter.numbers?.bind(exporter)
        if (numbers === undefined) continue
        const collect = (): void => {
          const { sent, dropped, failed, queued } = numbers()
          own.exported.bind(name).value = sent
          own.exportDropped.bind(name).value = dropped + failed
          own.exportWaiting.bind(name).set(queued)
        }
        stops.push(registry.collector(collect))
      }
    },
    watchRoutes(number) {
      stops.push(registry.collector(() => own.routesNumber.bind().set(number() ?? 0)))
    },
    watchLog(dropped) {
      const collect = (): void => {
        own.logLinesDropped.bind().value = dropped()
      }
      stops.push(registry.collector(collect))
    },
    showsNode: (name) => nodes.shows(name),
    snapshot,
    async page(workers) {
      const [families, others] = await Promise.all([snapshot(), workers?.() ?? []])
      const process = workers === undefined ? undefined : 'primary'
      return pageOf(mergeSnapshots([{ process, families }, ...others]))
    },
    close() {
      for (const stop of stops) stop()
    },
  }
}
