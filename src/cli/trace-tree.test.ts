import { expect, test } from 'vitest'
import { toTraceTree } from './trace-tree.ts'

const BEGIN_US = 1_700_000_000_000_000

interface Given {
  readonly id: string
  readonly parentId?: string
  readonly service?: string
  readonly [more: string]: unknown
}

/** `atMs` after the begin of all, as Zipkin tells it. */
function spanOf({ service = 'a', ...more }: Given, atMs: number, ms: number): object {
  const endpoint = { serviceName: service, ipv4: '10.0.0.1', port: 8080 }
  return { timestamp: BEGIN_US + atMs * 1000, duration: ms * 1000, name: more.id, localEndpoint: endpoint, ...more }
}

const shape = (spans: readonly unknown[]): string[] =>
  toTraceTree(spans).rows.map(({ span, depth, startMs, endMs }) => `${depth} ${span.id} ${startMs}-${endMs}`)

test('children stand below their parents by their begin, however they arrive', () => {
  const spans = [
    spanOf({ id: 'd', parentId: 'c' }, 6, 1),
    spanOf({ id: 'c', parentId: 'a' }, 5, 4),
    spanOf({ id: 'b', parentId: 'a' }, 1, 2),
    spanOf({ id: 'a', parentId: 'outside' }, 0, 10),
  ]
  expect(shape(spans)).toEqual(['0 a 0-10', '1 b 1-3', '1 c 5-9', '2 d 6-7'])
  expect(toTraceTree(spans)).toMatchObject({
    startedMs: BEGIN_US / 1000,
    durationMs: 10,
    roots: 1,
    orphans: 1,
    skews: new Map(),
  })
  expect(toTraceTree(spans).rows.map(({ continued }) => continued)).toEqual([
    [false],
    [false, true],
    [false, false],
    [false, false, false],
  ])
})

test('attempts that began at one moment are in the order of their numbers', () => {
  const attempt = (id: string, number: number): object =>
    spanOf({ id, parentId: 'r', tags: { 'goms.attempt': String(number) } }, 1, 1)
  expect(shape([attempt('x', 3), attempt('y', 2), attempt('z', 1), spanOf({ id: 'r' }, 0, 5)])).toEqual([
    '0 r 0-5',
    '1 z 1-2',
    '1 y 1-2',
    '1 x 1-2',
  ])
})

test('two roots, and spans whose parents are missing, are all at the top', () => {
  const spans = [spanOf({ id: 'b' }, 4, 1), spanOf({ id: 'a' }, 0, 1), spanOf({ id: 'c', parentId: 'lost' }, 2, 1)]
  expect(shape(spans)).toEqual(['0 a 0-1', '0 c 2-3', '0 b 4-5'])
  expect(toTraceTree(spans)).toMatchObject({ roots: 3, orphans: 1 })
})

test('spans that are their own ancestors are shown once: the first of them at the top', () => {
  const loop = [
    spanOf({ id: 'b', parentId: 'a' }, 1, 1),
    spanOf({ id: 'c', parentId: 'b' }, 2, 1),
    spanOf({ id: 'a', parentId: 'c' }, 0, 3),
    spanOf({ id: 'self', parentId: 'self' }, 5, 1),
    spanOf({ id: 'below', parentId: 'c' }, 2, 1),
  ]
  expect(shape(loop)).toEqual(['0 a 0-3', '1 b 1-2', '2 c 2-3', '3 below 2-3', '0 self 5-6'])
})

test('a node whose clock is slow or fast is shown within the call that reached it, with all below it', () => {
  for (const skewMs of [-5000, 5000]) {
    const spans = [
      spanOf({ id: 'call' }, 0, 10),
      spanOf({ id: 'served', parentId: 'call', service: 'b' }, 2 + skewMs, 6),
      spanOf({ id: 'inner', parentId: 'served', service: 'b' }, 3 + skewMs, 1),
    ]
    expect(shape(spans)).toEqual(['0 call 0-10', '1 served 2-8', '2 inner 3-4'])
    expect(toTraceTree(spans)).toMatchObject({ durationMs: 10, startedMs: BEGIN_US / 1000 })
    expect([...toTraceTree(spans).skews]).toEqual([['b 10.0.0.1:8080', -skewMs]])
  }
})

test('what goes on after the head of its answer, or begins late in its own process, has no wrong clock', () => {
  const spans = [
    spanOf({ id: 'call' }, 0, 5),
    spanOf({ id: 'served', parentId: 'call', service: 'b' }, 1, 20),
    spanOf({ id: 'later', parentId: 'call' }, 9, 1),
  ]
  expect(shape(spans)).toEqual(['0 call 0-5', '1 served 1-21', '1 later 9-10'])
  expect(toTraceTree(spans).skews.size).toBe(0)
})

test('both sides of a call with one id are two, and what the callee did is below its own', () => {
  const spans = [
    spanOf({ id: 'x', kind: 'SERVER', service: 'b', shared: true }, 1, 3),
    spanOf({ id: 'y', parentId: 'x', service: 'b' }, 2, 1),
    spanOf({ id: 'x', kind: 'CLIENT' }, 0, 5),
  ]
  expect(toTraceTree(spans).rows.map(({ span, depth }) => `${depth} ${span.service} ${span.id}`)).toEqual([
    '0 a x',
    '1 b x',
    '2 b y',
  ])
})

test('a span that was sent in two halves is one', () => {
  const {
    timestamp: _,
    duration: __,
    ...half
  } = spanOf({ id: 'a', tags: { one: '1' } }, 0, 0) as Record<string, unknown>
  const { rows } = toTraceTree([half, spanOf({ id: 'a', tags: { two: '2' } }, 0, 4)])
  expect(rows).toHaveLength(1)
  expect(rows[0]).toMatchObject({
    endMs: 4,
    span: {
      tags: [
        ['one', '1'],
        ['two', '2'],
      ],
    },
  })
})

test('spans without times, and what is no span, break nothing', () => {
  expect(shape([{ id: 'a' }, null, 7, { parentId: 'a' }, { id: 'b', parentId: 'a', timestamp: 'x', tags: 3 }])).toEqual(
    ['0 a 0-0', '1 b 0-0'],
  )
  expect(toTraceTree([])).toMatchObject({ rows: [], durationMs: 0 })
})

test('a chain of thousands and a crowd of thousands are as good as any', () => {
  const many = Array.from({ length: 5000 }, (_, n) => n)
  const chain = many.map((n) => spanOf({ id: `s${n}`, parentId: `s${n - 1}` }, n, 1))
  expect(toTraceTree(chain).rows.at(-1)).toMatchObject({ depth: 4999 })
  const crowd = many.map((n) => spanOf({ id: `s${n}`, parentId: 's0' }, n, 1))
  expect(toTraceTree(crowd).rows).toHaveLength(5000)
})
