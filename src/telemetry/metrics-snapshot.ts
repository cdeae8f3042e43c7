/** The metrics of a process at one moment, as data: what goes from a worker to its primary, is summed, and becomes a page. */

export type MetricType = 'counter' | 'gauge' | 'histogram'

/**
 * How the same series of several processes become one: their sum, the largest, or one for each process, told apart by a label
 * `worker`. Counters and histograms of processes that have ended stay in sums.
 */
export type MergeRule = 'sum' | 'max' | 'each'

export interface SeriesSnapshot {
  /** In the order of the family's labels. */
  readonly values: readonly string[]
  /** The value; of a histogram the counts of its buckets, each alone, and the sum. */
  readonly numbers: readonly number[]
}

export interface FamilySnapshot {
  readonly name: string
  readonly type: MetricType
  readonly help: string
  readonly labels: readonly string[]
  readonly buckets: readonly number[]
  readonly merge: MergeRule
  readonly series: readonly SeriesSnapshot[]
}

export type MetricsSnapshot = readonly FamilySnapshot[]

/** The metrics of one process, and the name that it has in the label `worker`; undefined: it is alone. */
export interface ProcessSnapshot {
  readonly process: string | undefined
  readonly families: MetricsSnapshot
}

const SEPARATOR = '\u0000'

/** What a series is known by within its family: no two combinations of values have one key. */
export function seriesKey(values: readonly string[]): string {
  if (values.length === 1) return values[0] as string
  return values.some((value) => value.includes(SEPARATOR)) ? JSON.stringify(values) : values.join(SEPARATOR)
}

interface Merging {
  readonly family: FamilySnapshot
  readonly series: Map<string, { readonly values: readonly string[]; numbers: readonly number[] }>
}

/** One for all. A family that looks otherwise than the first of its name is left out: its numbers are of other things. */
export function mergeSnapshots(all: readonly ProcessSnapshot[]): MetricsSnapshot {
  const merged = new Map<string, Merging>()
  for (const { process, families } of all) {
    for (const given of families) {
      const family = process !== undefined && given.merge === 'each' ? labelled(given, process) : given
      const known = merged.get(family.name)
      const into = known ?? { family, series: new Map() }
      if (known === undefined) merged.set(family.name, into)
      else if (!isAlike(known.family, family)) continue
      for (const series of family.series) addTo(into, series)
    }
  }
  return [...merged.values()].map(({ family, series }) => ({ ...family, series: [...series.values()] }))
}

function addTo({ family, series }: Merging, { values, numbers }: SeriesSnapshot): void {
  const key = seriesKey(values)
  const known = series.get(key)
  if (known === undefined) {
    series.set(key, { values, numbers })
    return
  }
  const larger = family.merge === 'max'
  known.numbers = known.numbers.map((number, i) => {
    const other = numbers[i] ?? 0
    return larger ? Math.max(number, other) : number + other
  })
}

function isAlike(a: FamilySnapshot, b: FamilySnapshot): boolean {
  return a.type === b.type && a.labels.join() === b.labels.join() && a.buckets.join() === b.buckets.join()
}

function labelled(family: FamilySnapshot, process: string): FamilySnapshot {
  return {
    ...family,
    labels: [...family.labels, 'worker'],
    series: family.series.map(({ values, numbers }) => ({ values: [...values, process], numbers })),
  }
}

/** What stays counted of a process that has ended. */
export function lasting(families: MetricsSnapshot): MetricsSnapshot {
  return families.filter(({ type, merge }) => type !== 'gauge' && merge === 'sum')
}

/** Without the series that have such a value in that label. */
export function withoutValues(
  families: MetricsSnapshot,
  label: string,
  gone: (value: string) => boolean,
): MetricsSnapshot {
  return families.map((family) => {
    const at = family.labels.indexOf(label)
    if (at < 0) return family
    return { ...family, series: family.series.filter(({ values }) => !gone(values[at] as string)) }
  })
}
