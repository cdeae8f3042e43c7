/**
 * Metrics as a page for Prometheus: its text format 0.0.4.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
import type { FamilySnapshot, MetricsSnapshot, SeriesSnapshot } from './metrics-snapshot.ts'

export const PAGE_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Text of so many characters is handed out at a time, so that a long page does not hold up calls. */
const SLICE_CHARACTERS = 65_536

/** The page in slices. Families without a series are left out. */
export function* pageOf(families: MetricsSnapshot): Generator<string, void, undefined> {
  let slice = ''
  for (const family of families) {
    if (family.series.length === 0) continue
    slice += `# HELP ${family.name} ${escapeHelp(family.help)}\n# TYPE ${family.name} ${family.type}\n`
    for (const series of family.series) {
      slice += family.type === 'histogram' ? histogramLines(family, series) : line(family, series)
      if (slice.length < SLICE_CHARACTERS) continue
      yield slice
      slice = ''
    }
  }
  if (slice !== '') yield slice
}

function line({ name, labels }: FamilySnapshot, { values, numbers }: SeriesSnapshot): string {
  return `${name}${braced(labelsOf(labels, values))} ${toNumber(numbers[0] ?? 0)}\n`
}

/** Buckets are cumulative on the page, and end with the one that has all. */
function histogramLines({ name, labels, buckets }: FamilySnapshot, { values, numbers }: SeriesSnapshot): string {
  const own = labelsOf(labels, values)
  const before = own === '' ? '' : `${own},`
  let lines = ''
  let count = 0
  for (let i = 0; i <= buckets.length; i++) {
    count += numbers[i] ?? 0
    lines += `${name}_bucket{${before}le="${i < buckets.length ? toNumber(buckets[i] as number) : '+Inf'}"} ${count}\n`
  }
  return `${lines}${name}_sum${braced(own)} ${toNumber(numbers[buckets.length + 1] ?? 0)}\n${name}_count${braced(own)} ${count}\n`
}

function labelsOf(names: readonly string[], values: readonly string[]): string {
  return names.map((name, i) => `${name}="${escapeValue(values[i] ?? '')}"`).join(',')
}

function braced(labels: string): string {
  return labels === '' ? '' : `{${labels}}`
}

function toNumber(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  return String(value)
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

function escapeValue(text: string): string {
  if (!/[\\\n"]/.test(text)) return text
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"')
}
