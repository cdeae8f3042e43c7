import { expect, test } from 'vitest'
import {
  type FamilySnapshot,
  lasting,
  type MergeRule,
  type MetricType,
  mergeSnapshots,
  withoutValues,
} from './metrics-snapshot.ts'

const family = (
  type: MetricType,
  merge: MergeRule,
  series: Readonly<Record<string, readonly number[]>>,
  name = 'a',
): FamilySnapshot => ({
  ...{ name, type, merge, help: 'A.', labels: ['x'], buckets: type === 'histogram' ? [1] : [] },
  series: Object.entries(series).map(([value, numbers]) => ({ values: [value], numbers })),
})
const merged = (...all: FamilySnapshot[]) =>
  mergeSnapshots(all.map((one, i) => ({ process: String(i), families: [one] })))
const shown = (families: readonly FamilySnapshot[]) =>
  families.flatMap(({ series }) => series.map(({ values, numbers }) => [...values, ...numbers]))

test('counters, histograms and gauges of several processes are summed', () => {
  for (const type of ['counter', 'gauge'] as const)
    expect(shown(merged(family(type, 'sum', { a: [1], b: [2] }), family(type, 'sum', { b: [5], c: [7] })))).toEqual([
      ['a', 1],
      ['b', 7],
      ['c', 7],
    ])
  const histogram = (numbers: readonly number[]) => family('histogram', 'sum', { a: numbers })
  expect(shown(merged(histogram([1, 2, 3.5]), histogram([10, 20, 30])))).toEqual([['a', 11, 22, 33.5]])
})

test('of some gauges the largest counts', () => {
  expect(shown(merged(family('gauge', 'max', { a: [2] }), family('gauge', 'max', { a: [1] })))).toEqual([['a', 2]])
})

test('numbers of a process itself are told apart by a label, where there are several', () => {
  const [one] = merged(family('gauge', 'each', { a: [1] }), family('gauge', 'each', { a: [1] }))
  expect(one?.labels).toEqual(['x', 'worker'])
  expect(shown(one ? [one] : [])).toEqual([
    ['a', '0', 1],
    ['a', '1', 1],
  ])
  const alone = mergeSnapshots([{ process: undefined, families: [family('gauge', 'each', { a: [1] })] }])
  expect(alone[0]?.labels).toEqual(['x'])
})

test('a metric of the same name that is something else is left out', () => {
  expect(shown(merged(family('counter', 'sum', { a: [1] }), family('gauge', 'sum', { a: [5] })))).toEqual([['a', 1]])
})

test('of a process that has ended stays what only rises', () => {
  const all = [
    family('counter', 'sum', { a: [1] }, 'a'),
    family('histogram', 'sum', { a: [1, 0, 1] }, 'b'),
    family('gauge', 'sum', { a: [1] }, 'c'),
    family('counter', 'each', { a: [1] }, 'd'),
  ]
  expect(lasting(all).map(({ name }) => name)).toEqual(['a', 'b'])
})

test('series of a value go, in families that have the label', () => {
  const all = [family('counter', 'sum', { n1: [1], n2: [2] })]
  expect(shown(withoutValues(all, 'x', (value) => value === 'n1'))).toEqual([['n2', 2]])
  expect(withoutValues(all, 'node', () => true)).toEqual(all)
})

test('series of several processes stay apart where their values hold the separator of keys', () => {
  const family = { name: 'a', type: 'counter', help: '', labels: ['x', 'y'], buckets: [], merge: 'sum' } as const
  const of = (...values: string[]) => ({ process: '1', families: [{ ...family, series: [{ values, numbers: [1] }] }] })
  const [merged] = mergeSnapshots([of('a\u0000b', 'c'), of('a', 'b\u0000c')])
  expect(merged?.series).toHaveLength(2)
})
