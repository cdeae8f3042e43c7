import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ManualClock, manualClock } from '../core/clock.ts'
import { type Log, type LogFields, STAYS_HERE } from '../core/log.ts'
import { type BulkServer, startBulkServer } from './elasticsearch.fixtures.ts'
import { createElasticsearchSink, type ElasticsearchSink } from './elasticsearch.ts'

let server: BulkServer
let clock: ManualClock
let sink: ElasticsearchSink
let warnings: { readonly line: string; readonly fields: LogFields | undefined }[]
const log: Log = { debug() {}, info() {}, error() {}, warn: (line, fields) => void warnings.push({ line, fields }) }

beforeEach(async () => {
  server = await startBulkServer()
  clock = manualClock()
  warnings = []
})
afterEach(async () => {
  const end = sink.close()
  clock.advance(1000)
  await end
  await server.close()
})

function open(address = server.url): void {
  sink = createElasticsearchSink(address, { clock, log, random: () => 0.5 })
}

function say(...messages: string[]): void {
  for (const msg of messages) {
    sink.log({ time: '2026-11-25T10:00:00.000Z', level: 'info', service: 'a', node: undefined, msg })
  }
}

/** Real sockets, and a clock that stands still: turns of the loop until it is so. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

const bulks = (): number => server.asked.filter((it) => it.method === 'POST').length
const messages = (): unknown[] => [...server.documents.values()].map((it) => it.msg)

it('creates the index of the day once, and sends what came within a second together', async () => {
  open()
  say('a', 'b')
  expect(server.asked).toEqual([])
  clock.advance(1000)
  await until(() => sink.numbers().sent === 2)
  say('c')
  clock.advance(1000)
  await until(() => sink.numbers().sent === 3)
  expect(server.asked.map((it) => `${it.method} ${it.path.split('?')[0]}`)).toEqual([
    'PUT /logs-2026.11.25',
    'POST /_bulk',
    'POST /_bulk',
  ])
  expect(messages()).toEqual(['a', 'b', 'c'])
})

it('writes to an index that it may not create, or that another process was first to create', async () => {
  server.create = 403
  open()
  say('a')
  clock.advance(1000)
  await until(() => sink.numbers().sent === 1)
  expect(warnings).toEqual([])
})

it('sends again only what was refused for now; what is refused for good is told of and stays out of what it tells', async () => {
  const seen = new Set<unknown>()
  server.bulk = ({ msg }) => {
    if (msg === 'bad') return 400
    if (msg !== 'busy' || seen.has(msg)) return 201
    seen.add(msg)
    return 429
  }
  open()
  say('a', 'busy', 'bad')
  clock.advance(1000)
  await until(() => sink.numbers().sent === 1)
  expect(sink.numbers()).toMatchObject({ failed: 1, queued: 1 })
  clock.advance(500)
  await until(() => sink.numbers().sent === 2)
  expect(bulks()).toBe(2)
  expect(messages()).toEqual(['a', 'busy'])
  expect(warnings.map((it) => it.fields?.[STAYS_HERE])).toEqual([true])
})

it.each([429, 503])('sends all again after %d, and nothing after 500', async (status) => {
  server.bulk = status
  open()
  say('a')
  clock.advance(1000)
  await until(() => warnings.length === 1)
  expect(sink.numbers()).toMatchObject({ failed: 0, queued: 1 })
  server.bulk = 500
  clock.advance(500)
  await until(() => sink.numbers().failed === 1)
  expect(sink.numbers()).toMatchObject({ queued: 0, sent: 0 })
})

it('sends again what was lost on the way, and it is there once', async () => {
  server.bulk = 'cut'
  open()
  say('a', 'b')
  clock.advance(1000)
  await until(() => warnings.length === 1)
  expect(messages()).toEqual(['a', 'b'])
  server.bulk = () => 201
  clock.advance(500)
  await until(() => sink.numbers().sent === 2)
  expect(messages()).toEqual(['a', 'b'])
})

it('does not wait for ever for a server that hangs, and ends within a second then', async () => {
  server.bulk = 'hang'
  open()
  say('a')
  clock.advance(1000)
  await until(() => bulks() === 1)
  clock.advance(10_000)
  await until(() => warnings.length === 1)
  expect(warnings[0]?.line).toContain('no answer within 10000 ms')
  expect(sink.numbers()).toMatchObject({ failed: 0, queued: 1 })
  const end = sink.close()
  await until(() => bulks() === 2)
  clock.advance(1000)
  await end
  expect(sink.numbers()).toMatchObject({ failed: 1, queued: 0 })
})

it('takes the next node at once when one is not there, and lets that one rest; users go along', async () => {
  const gone = await startBulkServer()
  await gone.close()
  open(`${gone.url.replace('//', '//me:p%40ss@')}|${server.url}`)
  for (let sent = 1; sent <= 3; sent++) {
    say('a')
    clock.advance(1000)
    await until(() => sink.numbers().sent === sent)
  }
  expect(warnings).toEqual([])
  expect(new Set(server.asked.map((it) => it.authorization))).toEqual(
    new Set([`Basic ${Buffer.from('me:p@ss').toString('base64')}`]),
  )
})

it('holds a bounded number while nobody takes them, and drops the oldest', async () => {
  server.bulk = 503
  open()
  say(...Array.from({ length: 10_500 }, () => 'x'))
  const { queued, dropped } = sink.numbers()
  expect({ queued, dropped }).toEqual({ queued: 10_000, dropped: 500 })
})
