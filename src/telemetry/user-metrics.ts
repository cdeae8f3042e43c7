/** Metrics of the user's own, on the same page as those of goms. */

import type { CounterFamily, GaugeFamily, HistogramFamily, HistogramOptions, MetricOptions } from './metric-family.ts'
import { type Collector, createMetricsRegistry, type MetricsRegistry } from './metrics.ts'
import { pageOf } from './metrics-page.ts'
import { type MetricsSnapshot, mergeSnapshots } from './metrics-snapshot.ts'

/** Counters, gauges and histograms of this process. */
export interface Metrics {
  /**
   * Counts what only rises: `metrics.counter('shop_orders_total', { help: 'Orders.', labels: ['kind'] })`. The same name
   * again gives the same counter.
   * @throws GomsError GOMS_OPTION_INVALID: a name that Prometheus does not take or that begins with `goms_` or `process_`,
   *   or that is something else already
   */
  counter<const L extends string = never>(name: string, options: MetricOptions<L>): CounterFamily<L>
  /** Tells how much there is: `gauge.set({ shelf: 'a' }, 12)`. @throws as `counter` */
  gauge<const L extends string = never>(name: string, options: MetricOptions<L>): GaugeFamily<L>
  /** Counts values by size: `histogram.observe({}, 0.12)`. In base units: seconds, bytes. @throws as `counter` */
  histogram<const L extends string = never>(name: string, options: HistogramOptions<L>): HistogramFamily<L>
  /** Is asked before each page, to set gauges; a page waits for it at most half a second. Returns how to stop. */
  collector(collector: Collector): () => void
  /** The page as `/metrics` of this process gives it, in Prometheus' text format 0.0.4. Never rejects. */
  collect(): Promise<string>
}

const registry: MetricsRegistry = createMetricsRegistry({ maxSeries: 10_000, reserved: ['goms_', 'process_'] })
const sources = new Set<() => Promise<MetricsSnapshot>>()

export const metrics: Metrics = {
  counter: (name, options) => registry.counter(name, options),
  gauge: (name, options) => registry.gauge(name, options),
  histogram: (name, options) => registry.histogram(name, options),
  collector: (collector) => registry.collector(collector),
  async collect() {
    const all = await Promise.all([registry.snapshot(), ...[...sources].map((source) => source())])
    return [...pageOf(mergeSnapshots(all.map((families) => ({ process: undefined, families }))))].join('')
  },
}

/** For `app/` only: the user's own, which go onto its page. */
export function userMetrics(): MetricsRegistry {
  return registry
}

/** For `app/` only: what a running process tells besides. Returns how to stop. */
export function addMetricsSource(source: () => Promise<MetricsSnapshot>): () => void {
  sources.add(source)
  return () => sources.delete(source)
}
