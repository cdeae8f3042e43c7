import { expect, test } from 'vitest'
import { clip, columnsOf, fitted, printable } from './terminal-text.ts'
import { toTraceTree } from './trace-tree.ts'
import { toWaterfall, type WaterfallOptions } from './waterfall.ts'

const BEGIN_US = 1_700_000_000_000_000
const PLAIN: WaterfallOptions = { width: 80, colour: false, tags: false }

function span(id: string, parentId: string | undefined, fromMs: number, ms: number, more: object = {}): object {
  return {
    ...{ id, parentId, kind: 'SERVER', name: 'user/login', timestamp: BEGIN_US + fromMs * 1000, duration: ms * 1000 },
    ...{ localEndpoint: { serviceName: 'gateway', ipv4: '10.0.0.1', port: 8080 }, ...more },
  }
}

const attempt = (id: string, number: number, fromMs: number, ms: number, tags: object = {}): object =>
  span(id, 'a', fromMs, ms, {
    kind: 'CLIENT',
    name: 'user.login',
    remoteEndpoint: { serviceName: 'user', ipv4: '10.0.0.2', port: 9000 + number },
    tags: { 'goms.attempt': String(number), ...tags },
  })

const RETRIED = [
  span('a', undefined, 0, 40),
  attempt('b', 1, 0, 10, { error: 'connect ECONNREFUSED', 'error.code': 'UNAVAILABLE' }),
  attempt('c', 2, 20, 20),
  span('d', 'c', 25, 10, { localEndpoint: { serviceName: 'user', ipv4: '10.0.0.2', port: 9002 } }),
]

const shown = (spans: readonly unknown[], options: Partial<WaterfallOptions> = {}): string =>
  toWaterfall(toTraceTree(spans), '4bf92f3577b34da6', { ...PLAIN, ...options })

test('a call that was tried again', () => {
  expect(`\n${shown(RETRIED)}`).toBe(`
trace 4bf92f3577b34da6  2023-11-14T22:13:20.000Z
4 spans  2 services  1 failed  40.0 ms

  gateway user/login    10.0.0.1:8080       40.0 ms  ███████████████████████████
! ├ gateway user.login  #1 → 10.0.0.2:9001  10.0 ms  ███████
  │   ! UNAVAILABLE: connect ECONNREFUSED
  └ gateway user.login  #2 → 10.0.0.2:9002  20.0 ms               ██████████████
    └ user user/login   10.0.0.2:9002       10.0 ms                  ████████
`)
})

test('an event that was delivered again', () => {
  const order = { localEndpoint: { serviceName: 'order', ipv4: '10.0.0.1', port: 9001 } }
  const mail = { localEndpoint: { serviceName: 'mail', ipv4: '10.0.0.2', port: 9002 } }
  const delivery = (id: string, number: number, fromMs: number, tags: object = {}): object =>
    span(id, 'b', fromMs, 5, {
      ...{ kind: 'CONSUMER', name: 'order.submitted', ...mail },
      tags: { 'goms.delivery': String(number), ...tags },
    })
  const spans = [
    span('a', undefined, 0, 10, { name: 'order.submit', ...order }),
    span('b', 'a', 2, 3, { kind: 'PRODUCER', name: 'emit order.submitted', ...order }),
    delivery('c', 1, 10, { error: 'the mail server is away', 'error.code': 'INTERNAL' }),
    delivery('d', 2, 30),
  ]
  expect(`\n${shown(spans)}`).toBe(`
trace 4bf92f3577b34da6  2023-11-14T22:13:20.000Z
4 spans  2 services  1 failed  35.0 ms

  order order.submit            10.0.0.1:9001     10.0 ms  ██████
  └ order emit order.submitted  10.0.0.1:9001      3.0 ms   ██
!   ├ mail order.submitted      #1 10.0.0.2:9002   5.0 ms        ███
    │   ! INTERNAL: the mail server is away
    └ mail order.submitted      #2 10.0.0.2:9002   5.0 ms                    ███
`)
})

test('no line is longer than the terminal is wide', () => {
  const long = [
    ...RETRIED,
    span('e', 'd', 26, 1, { name: '一个非常长的名字'.repeat(9), tags: { error: '错'.repeat(99) } }),
  ]
  for (const width of [1, 40, 55, 80, 81, 132, 400]) {
    const widths = shown(long, { width }).split('\n').map(columnsOf)
    expect(Math.max(...widths)).toBeLessThanOrEqual(Math.max(40, width))
    expect(shown(long, { width })).toContain('█')
  }
})

test('a chain that is deeper than the terminal is wide shows every span all the same', () => {
  const chain = Array.from({ length: 5000 }, (_, n) => span(`s${n}`, n === 0 ? undefined : `s${n - 1}`, n, 1))
  const lines = shown(chain).trimEnd().split('\n')
  expect(lines).toHaveLength(5003)
  expect(lines.at(-1)).toMatch(/^ {2}….* 1\.0 ms +█$/)
})

test('wide characters keep the columns', () => {
  const lines = shown([span('a', undefined, 0, 4), span('b', 'a', 0, 4, { name: '用户/登录' })])
    .split('\n')
    .slice(3, 5)
  const [first, second] = lines.map((line) => columnsOf(line.slice(0, line.indexOf('█'))))
  expect(first).toBe(second)
})

test('colours for failures where they are wanted, and nothing that others wrote commands the terminal', () => {
  const evil = '\u001b]0;x\u0007\u009b2J\r\n\u202eabc\ud800'
  const spans = [span('a', undefined, 0, 1, { name: evil, tags: { [evil]: evil, error: evil } })]
  const plain = shown(spans, { tags: true, width: 200 })
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  expect(plain).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\ud800]/)
  expect(plain.split('\n')).toHaveLength(9)
  const coloured = shown(RETRIED, { colour: true }).split('\n')
  const red = coloured.filter((line) => line.startsWith('\u001b[31m') && line.endsWith('\u001b[39m'))
  expect(red).toEqual([expect.stringContaining('! ├ gateway user.login'), expect.stringContaining('! UNAVAILABLE')])
})

test('tags, spans of unknown parents and wrong clocks are told', () => {
  const other = { serviceName: 'user', ipv4: '10.0.0.2', port: 9002 }
  const spans = [...RETRIED, span('x', 'lost', 1, 1), span('y', 'c', -3000, 1, { localEndpoint: other })]
  const text = shown(spans, { tags: true })
  expect(text).toContain('  │   goms.attempt: 1\n')
  expect(text).toContain('\nthe parent of 1 span is missing: ')
  expect(text).toMatch(/\nuser 10\.0\.0\.2:9002: its clock differs, shown 3\.\d\d s later\n$/)
})

test.each([
  ['abc', 3],
  ['用户', 4],
  ['한글', 4],
  ['e\u0301', 1],
  ['👩‍👩‍👧', 2],
  ['❤️', 2],
  ['，。', 4],
  ['→└█', 3],
])('%s takes %i columns', (text, columns) => {
  expect(columnsOf(text)).toBe(columns)
})

test('texts are cut and filled by columns', () => {
  expect(clip('用户登录', 5)).toBe('用户…')
  expect(clip('用户登录', 4)).toBe('用…')
  expect(fitted('用户登录', 4)).toBe('用… ')
  expect(fitted('ab', 4)).toBe('ab  ')
  expect(clip('abc', 0)).toBe('')
  expect(printable('a\nb\u001b\u{e0001}👩‍👧')).toBe('a\\nb\\u001b\\u{e0001}👩‍👧')
})
