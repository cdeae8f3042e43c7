/** The metrics of one name: a child for each combination of label values, as many as there is room for. */
import { type Counter, type Gauge, type Histogram, LATENCY_BUCKETS, type LabelValues } from './metric-kinds.ts'
import { type FamilySnapshot, type MergeRule, type MetricType, seriesKey } from './metrics-snapshot.ts'

/** Longer values are cut: they are names, not texts. */
const VALUE_CHARACTERS = 256

export interface MetricOptions<L extends string> {
  /** One sentence, for the page. */
  readonly help: string
  /** Names of the labels. Values should be few: each combination is a series of its own, kept until the process ends. */
  readonly labels?: readonly L[]
}

export interface HistogramOptions<L extends string> extends MetricOptions<L> {
  /** Upper bounds, rising, without infinity. @default 0.5 ms to 10 s, in seconds */
  readonly buckets?: readonly number[]
}

/** Those of one name: one for each combination of label values. */
export interface Family<L extends string, Kind> {
  readonly name: string
  readonly type: MetricType
  /**
   * The one with these values, made when it is first asked for: keep it where it is used often. Beyond `maxSeries` it counts
   * for nobody, and that it does is counted in `goms_metrics_dropped_series_total`.
   */
  with(values: LabelValues<L>): Kind
  /** The same by values alone, in the order of the names. */
  bind(...values: readonly string[]): Kind
}

export interface CounterFamily<L extends string = never> extends Family<L, Counter> {
  /** Counts one, or `by`: what is negative or no finite number is left out. */
  inc(values?: LabelValues<L>, by?: number): void
}

export interface GaugeFamily<L extends string = never> extends Family<L, Gauge> {
  set(values: LabelValues<L>, value: number): void
  /** Sets all that there are to 0, for those who then set what is there now. */
  zero(): void
}

export interface HistogramFamily<L extends string = never> extends Family<L, Histogram> {
  observe(values: LabelValues<L>, value: number): void
}

/** How series of several processes of one gateway become one, and what labels ever disappear. */
export interface OwnOptions {
  /** @default `sum` */
  readonly merge?: MergeRule
  /**
   * What bounds its series: `maxSeries`, of which those of nodes have as many of their own so that many routes do not take
   * their place, or nothing, where they are few by nature. @default 'shared'
   */
  readonly bound?: 'shared' | 'nodes' | 'none'
}

export type Child = Counter | Gauge | Histogram

export class Store<Kind extends Child> implements Family<string, Kind> {
  readonly name: string
  readonly type: MetricType
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets: readonly number[]
  readonly merge: MergeRule
  readonly children: Map<string, { readonly values: readonly string[]; readonly child: Kind }> = new Map()
  readonly #make: () => Kind
  readonly #budget: Budget
  /** What those beyond the bound get: it counts, and nobody reads it. */
  #nobody: Kind | undefined

  constructor(
    type: MetricType,
    name: string,
    options: HistogramOptions<string> & OwnOptions,
    budget: Budget,
    make: () => Kind,
  ) {
    this.type = type
    this.name = name
    this.help = options.help
    this.labels = options.labels ?? []
    this.buckets = type === 'histogram' ? (options.buckets ?? LATENCY_BUCKETS) : []
    this.merge = options.merge ?? 'sum'
    this.#make = make
    this.#budget = budget
  }

  /** Lines of the page that one more costs. */
  get #cost(): number {
    return this.type === 'histogram' ? this.buckets.length + 3 : 1
  }

  with(values: LabelValues<string>): Kind {
    return this.bind(...this.labels.map((label) => (Object.hasOwn(values, label) ? String(values[label] ?? '') : '')))
  }

  bind(...given: readonly string[]): Kind {
    const isLong = given.some((value) => value.length > VALUE_CHARACTERS)
    const values = isLong ? given.map((value) => value.slice(0, VALUE_CHARACTERS)) : given
    const key = seriesKey(values)
    const known = this.children.get(key)
    if (known !== undefined) return known.child
    if (!this.#budget.take(this.#cost)) {
      this.#nobody ??= this.#make()
      return this.#nobody
    }
    const child = this.#make()
    this.children.set(key, { values: [...values], child })
    return child
  }

  /** Takes series away. */
  drop(where: (value: (label: string) => string | undefined) => boolean): void {
    for (const [key, { values }] of this.children) {
      if (!where((label) => values[this.labels.indexOf(label)])) continue
      this.children.delete(key)
      this.#budget.give(this.#cost)
    }
  }

  snapshot(): FamilySnapshot {
    const { name, type, help, labels, buckets, merge } = this
    const series = [...this.children.values()].map(({ values, child }) => ({ values, numbers: child.numbers() }))
    return { name, type, help, labels, buckets, merge, series }
  }
}

export class Counters extends Store<Counter> implements CounterFamily<string> {
  inc(values: LabelValues<string> = {}, by = 1): void {
    this.with(values).inc(by)
  }
}

export class Gauges extends Store<Gauge> implements GaugeFamily<string> {
  set(values: LabelValues<string>, value: number): void {
    this.with(values).set(value)
  }

  zero(): void {
    for (const { child } of this.children.values()) child.set(0)
  }
}

export class Histograms extends Store<Histogram> implements HistogramFamily<string> {
  observe(values: LabelValues<string>, value: number): void {
    this.with(values).observe(value)
  }
}

/** How many series there may be. */
export class Budget {
  maxSeries: number
  used: number = 0
  dropped: number = 0

  constructor(maxSeries: number) {
    this.maxSeries = maxSeries
  }

  take(cost: number): boolean {
    if (this.used + cost > this.maxSeries) {
      this.dropped += cost
      return false
    }
    this.used += cost
    return true
  }

  give(cost: number): void {
    this.used -= cost
  }
}
