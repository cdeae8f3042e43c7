/** What a process tells of its calls, put together from its settings: who observes them, and where it goes. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Observers } from '../core/observe.ts'
import { joinObservers } from '../core/observers.ts'
import type { Settings } from '../core/options.ts'
import { atMost } from './bounded.ts'
import { createProcessMetrics, type ProcessMetrics } from './metrics.ts'

export interface ObservabilityDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
}

export interface Observability {
  readonly observers: Observers
  /** Undefined where they are switched off. */
  readonly metrics: ProcessMetrics | undefined
  /** Takes changed settings. */
  update(settings: Settings): void
  /** What has not left goes now, 1 s at most. Never rejects. */
  close(): Promise<void>
}

/** One of those that want to know. */
export interface Onlooking {
  readonly observers: Observers
  update?(settings: Settings): void
  close?(): Promise<void>
}

const FLUSH_MS = 1000

export async function createObservability(deps: ObservabilityDeps): Promise<Observability> {
  const metrics = deps.settings.metrics.enabled ? createProcessMetrics(deps.settings.metrics, deps.clock) : undefined
  const parts: readonly Onlooking[] = metrics === undefined ? [] : [metrics]
  return {
    metrics,
    observers: joinObservers(parts.map(({ observers }) => observers)),
    update(settings) {
      for (const part of parts) part.update?.(settings)
    },
    async close() {
      const closing = Promise.all(parts.map((part) => part.close?.()))
      await atMost(deps.clock, FLUSH_MS, closing).catch(() => {})
    },
  }
}
