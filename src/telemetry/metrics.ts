/**
 * Numbers of a process, for Prometheus: counters, gauges and histograms. What counts is bound beforehand and is a plain field
 * from then on; whoever asks for the page pays for it.
 */
import { type Clock, systemClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import {
  Budget,
  type Child,
  type CounterFamily,
  Counters,
  type GaugeFamily,
  Gauges,
  type HistogramFamily,
  type HistogramOptions,
  Histograms,
  type MetricOptions,
  type OwnOptions,
  type Store,
} from './metric-family.ts'
import { Counter, Gauge, Histogram, LATENCY_BUCKETS } from './metric-kinds.ts'
import type { MetricsSnapshot } from './metrics-snapshot.ts'

/** Prometheus' data model, https://prometheus.io/docs/concepts/data_model/. */
const METRIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/
/** A page waits so long for those who set gauges. */
const COLLECT_MS = 500
const LABEL_NAME = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/

/** Sets gauges when the page is asked for. One that fails leaves its gauges as they are. */
export type Collector = () => void | Promise<void>

/** The metrics of a process. */
export interface MetricsRegistry {
  counter<const L extends string = never>(name: string, options: MetricOptions<L> & OwnOptions): CounterFamily<L>
  gauge<const L extends string = never>(name: string, options: MetricOptions<L> & OwnOptions): GaugeFamily<L>
  histogram<const L extends string = never>(name: string, options: HistogramOptions<L> & OwnOptions): HistogramFamily<L>
  /** Asked before each page, which waits for it at most half a second. Returns how to stop. */
  collector(collector: Collector): () => void
  /** Takes series away, of whatever family has them. */
  drop(where: (value: (label: string) => string | undefined) => boolean): void
  /** Everything as it is now, collectors asked. Never rejects. */
  snapshot(): Promise<MetricsSnapshot>
  /** Series that had no place, in lines of the page. */
  readonly dropped: number
  maxSeries: number
}

/**
 * @param options.reserved what names must not begin with
 * @throws GomsError GOMS_OPTION_INVALID for names that Prometheus does not take, or the same name as something else
 */
export function createMetricsRegistry(options: {
  readonly maxSeries: number
  readonly reserved?: readonly string[]
  readonly clock?: Clock
}): MetricsRegistry {
  const budgets = {
    shared: new Budget(options.maxSeries),
    nodes: new Budget(options.maxSeries),
    none: new Budget(Number.POSITIVE_INFINITY),
  }
  const budgetOf = ({ bound = 'shared' }: OwnOptions): Budget => budgets[bound]
  const clock = options.clock ?? systemClock
  const families = new Map<string, Store<Child>>()
  const collectors = new Set<Collector>()

  function add<S extends Store<Child>>(made: S): S {
    const { name, type, labels } = made
    check(made, options.reserved)
    const known = families.get(name)
    if (known === undefined) {
      for (const other of families.values()) checkLines(made, other)
      families.set(name, made)
      return made
    }
    const sameLabels = known.labels.join() === labels.join()
    if (known.type === type && sameLabels && known.buckets.join() === made.buckets.join()) return known as S
    throw invalid(
      `metrics: "${name}" is there already, as a ${known.type} with the labels [${known.labels}]`,
      `a ${type} with the labels [${labels}]`,
      'the same kind, labels and buckets, or another name',
    )
  }

  return {
    counter: (name, of) => add(new Counters('counter', name, of, budgetOf(of), () => new Counter())),
    gauge: (name, of) => add(new Gauges('gauge', name, of, budgetOf(of), () => new Gauge())),
    histogram(name, of) {
      const buckets = of.buckets ?? LATENCY_BUCKETS
      return add(new Histograms('histogram', name, of, budgetOf(of), () => new Histogram(buckets)))
    },
    collector(collector) {
      collectors.add(collector)
      return () => collectors.delete(collector)
    },
    drop(where) {
      for (const family of families.values()) family.drop(where)
    },
    async snapshot() {
      const asked = [...collectors].map(async (collector) => collector())
      await settledWithin(clock, COLLECT_MS, asked)
      return [...families.values()].map((family) => family.snapshot())
    },
    get dropped() {
      return budgets.shared.dropped + budgets.nodes.dropped
    },
    get maxSeries() {
      return budgets.shared.maxSeries
    },
    set maxSeries(most) {
      budgets.shared.maxSeries = most
      budgets.nodes.maxSeries = most
    },
  }
}

function check({ name, type, labels, buckets }: Store<Child>, reserved: readonly string[] = []): void {
  if (!METRIC_NAME.test(name)) throw invalid(`metrics: "${name}" is no name`, `"${name}"`, 'letters, digits, _ and :')
  const taken = reserved.find((prefix) => name.startsWith(prefix))
  if (taken !== undefined)
    throw invalid(`metrics: names that begin with ${taken} are those of goms`, `"${name}"`, 'a prefix of your own')
  const wrong = labels.find(
    (label, i) => !LABEL_NAME.test(label) || (type === 'histogram' && label === 'le') || labels.indexOf(label) !== i,
  )
  if (wrong !== undefined)
    throw invalid(
      `metrics: ${name}: "${wrong}" cannot be a label`,
      `"${wrong}"`,
      'letters, digits and _, not le, each once',
    )
  const rises = buckets.every((bound, i) => Number.isFinite(bound) && bound > (buckets[i - 1] ?? -Infinity))
  if (!rises || (type === 'histogram' && buckets.length === 0))
    throw invalid(`metrics: ${name}: the buckets do not rise`, `[${buckets}]`, 'finite bounds, each above the last')
}

const PARTS: readonly string[] = ['_bucket', '_sum', '_count']

/** The lines of a histogram have names of their own, which nobody else may have. */
function checkLines(one: Store<Child>, other: Store<Child>): void {
  for (const [of, named] of [[one, other] as const, [other, one] as const]) {
    if (of.type !== 'histogram' || !PARTS.some((part) => named.name === of.name + part)) continue
    throw invalid(
      `metrics: "${named.name}" is a part of the histogram "${of.name}"`,
      `"${one.name}" beside "${other.name}"`,
      'another name',
    )
  }
}

function invalid(message: string, found: string, expected: string): GomsError {
  return new GomsError('GOMS_OPTION_INVALID', message, { detail: { found, expected } })
}

async function settledWithin(clock: Clock, boundMs: number, all: readonly Promise<unknown>[]): Promise<void> {
  if (all.length === 0) return
  await new Promise<void>((resolve) => {
    const timer = clock.after(boundMs, resolve)
    Promise.allSettled(all).then(() => {
      timer.cancel()
      resolve()
    })
  })
}
