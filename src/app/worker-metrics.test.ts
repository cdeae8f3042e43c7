import { expect, test } from 'vitest'
import { type FamilySnapshot, mergeSnapshots } from '../telemetry/metrics-snapshot.ts'
import { WorkerMetrics } from './worker-metrics.ts'
import type { WorkerProcess } from './worker-process.ts'

const calls = (count: number, node = 'n1'): FamilySnapshot => ({
  ...{ name: 'calls_total', type: 'counter', merge: 'sum', help: '', labels: ['node'], buckets: [] },
  series: [{ values: [node], numbers: [count] }],
})
const memory = (bytes: number): FamilySnapshot => ({
  ...{ name: 'memory', type: 'gauge', merge: 'each', help: '', labels: [], buckets: [] },
  series: [{ values: [], numbers: [bytes] }],
})

/** @param answer undefined: it gives none */
function workerOf(index: number, pid: number, answer: () => readonly FamilySnapshot[] | undefined): WorkerProcess {
  const ask = async () => answer() ?? Promise.reject(new Error('busy'))
  return { index, pid, channel: { ask } } as unknown as WorkerProcess
}

async function shown(metrics: WorkerMetrics): Promise<Record<string, number>> {
  const families = mergeSnapshots(await metrics.gather())
  return Object.fromEntries(
    families.flatMap(({ name, series }) =>
      series.map(({ values, numbers }) => [[name, ...values].join(' '), numbers[0] as number]),
    ),
  )
}

test('numbers are summed, and never go back when a worker is busy, ends or is replaced', async () => {
  const metrics = new WorkerMetrics(() => true)
  let answers = true
  const one = workerOf(0, 100, () => (answers ? [calls(5), memory(1)] : undefined))
  const two = workerOf(1, 101, () => [calls(7), memory(2)])
  metrics.add(one)
  metrics.add(two)
  expect(await shown(metrics)).toEqual({ 'calls_total n1': 12, 'memory 1': 1, 'memory 2': 2 })
  answers = false
  expect(await shown(metrics)).toEqual({ 'calls_total n1': 12, 'memory 1': 1, 'memory 2': 2 })
  metrics.take(one, [calls(6), memory(1)])
  metrics.remove(one)
  // Nothing is known of one that has gone.
  metrics.take(one, [calls(600)])
  expect(await shown(metrics)).toEqual({ 'calls_total n1': 13, 'memory 2': 2 })
  metrics.add(workerOf(0, 102, () => [calls(1), memory(3)]))
  expect(await shown(metrics)).toEqual({ 'calls_total n1': 14, 'memory 1': 3, 'memory 2': 2 })
})

test('while one is replaced both are shown, and the younger has the name', async () => {
  const metrics = new WorkerMetrics(() => true)
  metrics.add(workerOf(0, 100, () => [memory(1)]))
  metrics.add(workerOf(0, 101, () => [memory(2)]))
  expect(await shown(metrics)).toEqual({ 'memory 1': 2, 'memory 1-100': 1 })
})

test('what is kept of workers that have ended forgets nodes that are of no interest any more', async () => {
  let shows = true
  const metrics = new WorkerMetrics((node) => shows || node === 'n1')
  for (const node of ['n1', 'n2']) {
    const worker = workerOf(0, 100, () => [])
    metrics.add(worker)
    metrics.take(worker, [calls(3, node)])
    metrics.remove(worker)
  }
  expect(await shown(metrics)).toEqual({ 'calls_total n1': 3, 'calls_total n2': 3 })
  shows = false
  expect(await shown(metrics)).toEqual({ 'calls_total n1': 3 })
})

test('whoever asks meanwhile gets the same', async () => {
  let asked = 0
  const metrics = new WorkerMetrics(() => true)
  metrics.add(
    workerOf(0, 100, () => {
      asked++
      return [calls(1)]
    }),
  )
  await Promise.all([metrics.gather(), metrics.gather()])
  expect(asked).toBe(1)
  await metrics.gather()
  expect(asked).toBe(2)
})
