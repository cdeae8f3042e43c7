import { expect, test } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { createMetricsRegistry, type MetricsRegistry } from './metrics.ts'
import { pageOf } from './metrics-page.ts'

const make = (maxSeries = 100): MetricsRegistry => createMetricsRegistry({ maxSeries, reserved: ['goms_'] })
const pageFrom = async (registry: MetricsRegistry): Promise<string> => [...pageOf(await registry.snapshot())].join('')

test('counters and gauges are lines below their help and type', async () => {
  const registry = make()
  const orders = registry.counter('shop_orders_total', { help: 'Orders.', labels: ['kind', 'paid'] })
  orders.inc({ kind: 'book', paid: 'yes' })
  orders.inc({ kind: 'book', paid: 'yes' }, 2.5)
  orders.inc({ kind: 'pen', paid: 'no' })
  registry.gauge('shop_open', { help: 'Whether it is.' }).set({}, 1)
  expect(await pageFrom(registry)).toBe(
    [
      '# HELP shop_orders_total Orders.',
      '# TYPE shop_orders_total counter',
      'shop_orders_total{kind="book",paid="yes"} 3.5',
      'shop_orders_total{kind="pen",paid="no"} 1',
      '# HELP shop_open Whether it is.',
      '# TYPE shop_open gauge',
      'shop_open 1',
      '',
    ].join('\n'),
  )
})

test('the buckets of a histogram are cumulative; a bound belongs to its bucket', async () => {
  const registry = make()
  const wait = registry.histogram('wait_seconds', { help: 'Waits.', labels: ['at'], buckets: [0.1, 1] })
  for (const value of [0.05, 0.1, 0.5, 1.5, Number.NaN]) wait.observe({ at: 'a' }, value)
  expect(await pageFrom(registry)).toBe(
    [
      '# HELP wait_seconds Waits.',
      '# TYPE wait_seconds histogram',
      'wait_seconds_bucket{at="a",le="0.1"} 2',
      'wait_seconds_bucket{at="a",le="1"} 3',
      'wait_seconds_bucket{at="a",le="+Inf"} 4',
      'wait_seconds_sum{at="a"} 2.15',
      'wait_seconds_count{at="a"} 4',
      '',
    ].join('\n'),
  )
})

test('what would end a line or a value early is escaped', async () => {
  const registry = make()
  registry.gauge('a', { help: 'back\\slash\nnew line "quoted"', labels: ['x'] }).set({ x: 'a\\b\n"c"' }, -Infinity)
  expect(await pageFrom(registry)).toBe(
    '# HELP a back\\\\slash\\nnew line "quoted"\n# TYPE a gauge\na{x="a\\\\b\\n\\"c\\""} -Inf\n',
  )
})

test('counters never fall, and take no NaN', async () => {
  const registry = make()
  const counter = registry.counter('a_total', { help: 'A.' })
  counter.inc({}, -3)
  counter.inc({}, Number.NaN)
  counter.inc()
  expect(await pageFrom(registry)).toContain('a_total 1\n')
})

test('series beyond the bound are dropped and counted, those that are there go on', async () => {
  const registry = make(12)
  const counter = registry.counter('a_total', { help: 'A.', labels: ['x'] })
  for (let i = 0; i < 20; i++) counter.inc({ x: String(i) })
  for (let i = 0; i < 20; i++) counter.inc({ x: String(i) })
  const [family] = await registry.snapshot()
  expect(family?.series.map(({ numbers }) => numbers)).toEqual(Array(12).fill([2]))
  expect(registry.dropped).toBe(16)
  // A histogram costs as many lines as it has on the page.
  const other = make(4)
  other.histogram('b', { help: 'B.', buckets: [1, 2] }).observe({}, 1)
  expect((await other.snapshot())[0]?.series).toEqual([])
  expect(other.dropped).toBe(5)
})

test('series that are taken away make room', async () => {
  const registry = make(2)
  const counter = registry.counter('a_total', { help: 'A.', labels: ['node', 'x'] })
  counter.inc({ node: 'n1', x: 'a' })
  counter.inc({ node: 'n2', x: 'a' })
  registry.drop((label) => label('node') === 'n1')
  counter.inc({ node: 'n3', x: 'a' })
  expect((await registry.snapshot())[0]?.series.map(({ values }) => values[0])).toEqual(['n2', 'n3'])
})

test('a value as long as a book is cut', async () => {
  const registry = make()
  const counter = registry.counter('a_total', { help: 'A.', labels: ['x'] })
  counter.inc({ x: 'x'.repeat(1000) })
  counter.inc({ x: 'x'.repeat(2000) })
  expect((await registry.snapshot())[0]?.series).toEqual([{ values: ['x'.repeat(256)], numbers: [2] }])
})

test('collectors are asked before each page, and one that fails keeps nobody from it', async () => {
  const registry = make()
  const gauge = registry.gauge('a', { help: 'A.' })
  let value = 0
  registry.collector(() => Promise.reject(new Error('broken')))
  registry.collector(() => {
    throw new Error('broken')
  })
  const stop = registry.collector(async () => {
    await Promise.resolve()
    gauge.set({}, ++value)
  })
  await registry.snapshot()
  expect(await pageFrom(registry)).toContain('a 2\n')
  stop()
  expect(await pageFrom(registry)).toContain('a 2\n')
})

test('a collector that does not come back is waited for half a second', async () => {
  const clock = manualClock()
  const registry = createMetricsRegistry({ maxSeries: 10, clock })
  registry.gauge('a', { help: 'A.' }).set({}, 1)
  registry.collector(() => new Promise(() => {}))
  const page = pageFrom(registry)
  clock.advance(500)
  expect(await page).toContain('a 1\n')
})

test('a long page comes in slices', async () => {
  const registry = make(10_000)
  const counter = registry.counter('a_total', { help: 'A.', labels: ['x'] })
  for (let i = 0; i < 10_000; i++) counter.inc({ x: `value ${i}` })
  const slices = [...pageOf(await registry.snapshot())]
  expect(slices.length).toBeGreaterThan(3)
  expect(Math.max(...slices.map((slice) => slice.length))).toBeLessThan(70_000)
  expect(slices.join('').split('\n')).toHaveLength(10_003)
})

test('the same name again is the same metric, unless it is something else', () => {
  const registry = make()
  const first = registry.counter('a_total', { help: 'A.', labels: ['x'] })
  expect(registry.counter('a_total', { help: 'A.', labels: ['x'] })).toBe(first)
  expect(() => registry.gauge('a_total', { help: 'A.', labels: ['x'] })).toThrow(
    'metrics: "a_total" is there already, as a counter with the labels [x]',
  )
  expect(() => registry.counter('a_total', { help: 'A.' })).toThrow('is there already')
})

test.each([
  ['1a', [], 'is no name'],
  ['goms_a', [], 'names that begin with goms_ are those of goms'],
  ['a', ['b-c'], '"b-c" cannot be a label'],
  ['a', ['__b'], '"__b" cannot be a label'],
  ['a', ['b', 'b'], '"b" cannot be a label'],
])('a metric %s with the labels %j is refused', (name, labels, message) => {
  expect(() => make().counter(name, { help: 'A.', labels })).toThrow(message)
})

test('a histogram whose buckets do not rise is refused, and one with a label of Prometheus', () => {
  for (const buckets of [[1, 1], [2, 1], [], [1, Number.POSITIVE_INFINITY]])
    expect(() => make().histogram('a', { help: 'A.', buckets })).toThrow('the buckets do not rise')
  expect(() => make().histogram('a', { help: 'A.', labels: ['le'] })).toThrow('"le" cannot be a label')
})

test('a value that holds the separator of keys is not mistaken for two, and no label is found on the prototype', async () => {
  const registry = make()
  const pairs = registry.counter('pairs_total', { help: 'Pairs.', labels: ['a', 'constructor'] })
  pairs.bind('x\u0000y', 'z').inc()
  pairs.bind('x', 'y\u0000z').inc()
  pairs.inc({ a: 'own' } as never)
  const lines = (await pageFrom(registry)).split('\n').filter((line) => line.startsWith('pairs_total'))
  expect(lines).toHaveLength(3)
  expect(lines[2]).toBe('pairs_total{a="own",constructor=""} 1')
})

test('what is bound by nothing has a place when all places are taken', async () => {
  const registry = make(1)
  const routes = registry.counter('routes_total', { help: 'Routes.', labels: ['route'] })
  routes.bind('a').inc()
  routes.bind('b').inc()
  registry.gauge('up', { help: 'Up.', bound: 'none' }).set({}, 1)
  expect([registry.dropped, await pageFrom(registry)]).toEqual([1, expect.stringContaining('\nup 1\n')])
})

test('lines of a histogram have names that nobody else may have, whichever comes first', () => {
  const registry = make()
  registry.histogram('wait', { help: 'Waits.' })
  expect(() => registry.counter('wait_count', { help: 'Waits.' })).toThrow(
    '"wait_count" is a part of the histogram "wait"',
  )
  registry.gauge('size_sum', { help: 'Sizes.' })
  expect(() => registry.histogram('size', { help: 'Sizes.' })).toThrow('"size_sum" is a part of the histogram "size"')
})

test('values that are no texts are shown as such, and infinity is not counted', async () => {
  const registry = make()
  const seats = registry.counter('seats_total', { help: 'Seats.', labels: ['row', 'taken'] })
  seats.inc({ row: 0, taken: false } as never)
  seats.inc({ row: 0, taken: false } as never, Number.POSITIVE_INFINITY)
  expect(await pageFrom(registry)).toContain('seats_total{row="0",taken="false"} 1\n')
})

test('many routes take no place from nodes', async () => {
  const registry = make(1)
  registry
    .counter('routes_total', { help: 'Routes.', labels: ['action'] })
    .bind('a')
    .inc()
  registry.gauge('open', { help: 'Open.', labels: ['node'], bound: 'nodes' }).set({ node: 'n' }, 1)
  registry.gauge('busy', { help: 'Busy.', labels: ['node'], bound: 'nodes' }).set({ node: 'n' }, 1)
  expect([registry.dropped, await pageFrom(registry)]).toEqual([1, expect.stringContaining('\nopen{node="n"} 1\n')])
})
