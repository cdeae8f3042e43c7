/** Dashboard and alerts ask for metrics and labels that there are, and for all that there are. */
import { expect, test } from 'vitest'
import { OWN_METRICS } from '../../src/telemetry/own-metrics.ts'
import { alerts, panels } from '../support/monitoring.ts'

/** Labels that Prometheus adds, and those of workers and buckets. */
const ANYWHERE = ['job', 'instance', 'worker', 'le']
const known = new Map<string, readonly string[]>([['up', []]])
for (const { name, type, labels = [] } of OWN_METRICS) {
  const names = type === 'histogram' ? ['_bucket', '_sum', '_count'].map((end) => name + end) : [name]
  for (const one of names) known.set(one, labels)
}

/** What is wrong with a query; names of metrics begin with a prefix of ours, or are `up`. */
function mistakes(query: string): string[] {
  const wrong: string[] = []
  const all = new Set<string>()
  for (const [, name, matchers = ''] of query.matchAll(/\b((?:goms|process)_\w+|up)\b(?:\{([^}]*)\})?/g)) {
    const labels = known.get(name as string)
    if (labels === undefined) {
      wrong.push(`no metric ${name}`)
      continue
    }
    for (const label of labels) all.add(label)
    for (const [, label] of matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g))
      if (![...labels, ...ANYWHERE].includes(label as string)) wrong.push(`${name} has no label ${label}`)
  }
  for (const [, by] of query.matchAll(/\bby \(([^)]*)\)/g))
    for (const label of (by as string).split(',').map((it) => it.trim()))
      if (!all.has(label) && !ANYWHERE.includes(label)) wrong.push(`by (${label}): none of the metrics has it`)
  return wrong
}

test('mistakes in queries are found', () => {
  expect(mistakes('sum by (node) (rate(goms_calls_total{service="a", path="/"}[1m])) + goms_nothing')).toEqual([
    'goms_calls_total has no label path',
    'no metric goms_nothing',
    'by (node): none of the metrics has it',
  ])
})

test.each(alerts().map(({ alert, expr }) => [alert, expr]))('alert %s asks for what there is', (_, expr) => {
  expect(mistakes(expr as string)).toEqual([])
})

test.each(panels().map(({ title, queries }) => [title, queries] as const))('panel "%s" does', (_, queries) => {
  expect(queries.flatMap(mistakes)).toEqual([])
})

test('the summaries of alerts use labels that the alerts have', () => {
  const wrong = alerts().flatMap(({ alert, expr, annotations }) => {
    const by = /\bby \(([^)]*)\)/
      .exec(expr)?.[1]
      ?.split(',')
      .map((it) => it.trim())
    const name = /\b((?:goms|process)_\w+|up)\b/.exec(expr)?.[1] as string
    const has = by ?? [...(known.get(name) as string[]), 'job', 'instance']
    const used = [
      ...Object.values(annotations)
        .join(' ')
        .matchAll(/\$labels\.(\w+)/g),
    ].map((match) => match[1] as string)
    return used.filter((label) => !has.includes(label)).map((label) => `${alert}: ${label}`)
  })
  expect(wrong).toEqual([])
})

test('the dashboard shows every metric', () => {
  const shown = panels()
    .flatMap(({ queries }) => queries)
    .join('\n')
  const missing = OWN_METRICS.filter(({ name }) => !new RegExp(`\\b${name}(_bucket)?\\b`).test(shown))
  expect(missing.map(({ name }) => name)).toEqual([])
})
