/** The tables of the guide on metrics have every metric, with its type and labels, in both languages. */
import { expect, test } from 'vitest'
import { OWN_METRICS } from '../../src/telemetry/own-metrics.ts'
import { readPage, rowsUnder } from '../support/markdown.ts'

const wanted = OWN_METRICS.map(({ name, type, labels = [] }) => [
  `\`${name}\``,
  type,
  labels.map((label) => `\`${label}\``).join(', ') || '–',
])

test.each(['docs/guide/metrics.md', 'docs/zh-CN/guide/metrics.md'])('%s', (file) => {
  const rows = rowsUnder(readPage(file), 'metrics')
  expect(rows.map((row) => row.slice(0, 3))).toEqual(wanted)
  expect(rows.filter((row) => (row[3] ?? '') === '')).toEqual([])
})

test('in English the table says what the page says', () => {
  const rows = rowsUnder(readPage('docs/guide/metrics.md'), 'metrics')
  expect(rows.map((row) => row[3])).toEqual(OWN_METRICS.map(({ help }) => help))
})
