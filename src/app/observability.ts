/** What a process tells of its calls, put together from its settings: who observes them, and where it goes. */
import { atMost } from '../core/bounded.ts'
import type { Clock } from '../core/clock.ts'
import type { Log, LogRecord } from '../core/log.ts'
import type { Observers } from '../core/observe.ts'
import { joinObservers } from '../core/observers.ts'
import type { Settings } from '../core/options.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import { openElasticsearch } from './elasticsearch-outlet.ts'
import type { ProcessMetrics } from './metrics.ts'
import { openOutlets } from './span-outlets.ts'
import type { SpanOutlet, Tracing } from './tracing.ts'

export interface ObservabilityDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  /** Where spans go beside what the settings name. */
  readonly outlets?: readonly SpanOutlet[]
}

export interface Observability {
  readonly observers: Observers
  /** Undefined where they are switched off. */
  readonly metrics: ProcessMetrics | undefined
  /** Undefined: no traces are recorded. */
  readonly sampler: Sampler | undefined
  /** Takes the lines of this process too; undefined: nobody does. */
  readonly also: ((record: LogRecord) => void) | undefined
  /** A node of this process has its name, `<rpc address>_<http address>`. */
  named(service: string, node: string): void
  /** The cluster is joined. */
  keyed(callKey: string | undefined): void
  /** Takes changed settings. */
  update(settings: Settings): void
  /** What has not left goes now, 1 s at most. Never rejects. */
  close(): Promise<void>
}

const FLUSH_MS = 1000

/** Only what is asked for is loaded. */
export async function createObservability(deps: ObservabilityDeps): Promise<Observability> {
  const { settings } = deps
  const metrics = settings.metrics.enabled ? await openMetrics(deps) : undefined
  const elasticsearch = await openElasticsearch(settings, deps)
  const outlets = [...(await openOutlets(settings, deps)), ...(deps.outlets ?? [])]
  const exporters = elasticsearch === undefined ? outlets : [...outlets, elasticsearch]
  if (elasticsearch !== undefined && settings.elasticsearch.traces) outlets.push(elasticsearch)
  metrics?.watchExporters(exporters)
  const tracing = outlets.length === 0 ? undefined : await openTracing(deps, outlets)
  return {
    metrics,
    observers: joinObservers([metrics, tracing].flatMap((one) => one?.observers ?? [])),
    sampler: tracing?.sampler,
    also: settings.elasticsearch.logs ? elasticsearch?.log : undefined,
    named: (service, node) => tracing?.named(service, node),
    keyed: (callKey) => tracing?.keyed(callKey),
    update: (settings) => tracing?.update(settings),
    async close() {
      metrics?.close()
      await atMost(deps.clock, FLUSH_MS, Promise.all([tracing?.close(FLUSH_MS), elasticsearch?.close(FLUSH_MS)])).catch(
        () => {},
      )
    },
  }
}

async function openTracing(deps: ObservabilityDeps, outlets: readonly SpanOutlet[]): Promise<Tracing> {
  const { createTracing } = await import('./tracing.ts')
  return createTracing({ ...deps, outlets })
}

async function openMetrics({ settings, clock }: ObservabilityDeps): Promise<ProcessMetrics> {
  const { createProcessMetrics } = await import('./metrics.ts')
  return createProcessMetrics(settings.metrics, clock)
}
