/** What is sent to a real Elasticsearch: that it is found there, once, whatever happens to the server meanwhile. */
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import type { LogRecord } from '../../src/core/log.ts'
import type { Span } from '../../src/core/span.ts'
import { createElasticsearchSink, type ElasticsearchSink } from '../../src/telemetry/elasticsearch.ts'
import { type Elasticsearch, elasticsearchIsMissing, startElasticsearch } from '../support/elasticsearch.ts'
import { freePort, startGoms } from '../support/processes.ts'

interface Document extends Readonly<Record<string, unknown>> {
  readonly msg: string
}

const record = (fields: Record<string, unknown> = {}): LogRecord => ({
  time: '2026-11-25T10:00:00.000Z',
  level: 'info',
  service: 'order',
  node: '10.0.0.1:9000_10.0.0.1:8000',
  msg: 'order 17 submitted',
  ...fields,
})

const span = (fields: Partial<Span> = {}): Span => ({
  trace: {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    parentId: 'b7ad6b7169203331',
    sampled: true,
    state: undefined,
  },
  name: 'user.exists',
  kind: 'CLIENT',
  service: 'order',
  node: '10.0.0.1:9000_10.0.0.1:8000',
  remote: { service: 'user', host: '10.0.0.2', port: 9000 },
  startedMs: Date.UTC(2026, 10, 25, 10, 0, 0, 1) + 0.25,
  durationMs: 12.345,
  tags: { 'http.status_code': '503', 'goms.attempt': '2' },
  error: { code: 'UNAVAILABLE', message: 'no node' },
  ...fields,
})

describe.skipIf(elasticsearchIsMissing)('Elasticsearch', () => {
  let server: Elasticsearch
  let sink: ElasticsearchSink
  let warnings: string[]
  const log = { debug() {}, info() {}, error() {}, warn: (line: string) => void warnings.push(line) }
  const open = (): void => {
    warnings = []
    // Waits after failures are a tenth of their bounds.
    sink = createElasticsearchSink(server.url, { clock: systemClock, log, random: () => 0.1 })
  }
  beforeAll(async () => {
    server = await startElasticsearch()
  }, 70_000)
  afterEach(() => sink?.close())
  afterAll(() => server?.close())

  it('finds lines and spans of a trace, by their fields, tags and words', async () => {
    open()
    const { traceId } = span().trace
    // What looks like a date does not make one of the field, and half a character is no reason to refuse the line.
    sink.log(record({ msg: '2026-11-25', traceId }))
    sink.log(record({ traceId, user: 'bob', basket: { items: 3 }, half: '\ud83d', status: 201, durationMs: 1.5 }))
    sink.log(record({ msg: 'another', err: { name: 'Error', message: 'disk full', stack: 'Error: disk full\n at x' } }))
    sink.take(span())
    sink.take(span({ tags: {}, trace: { ...span().trace, traceId: 'ffffffffffffffffffffffffffffffff' } }))
    await sink.close(10_000)
    expect(sink.numbers()).toEqual({ sent: 5, failed: 0, dropped: 0, queued: 0, queuedBytes: 0 })
    expect(warnings).toEqual([])

    const ofTrace = await server.search<Document>('logs-*', { term: { traceId } })
    expect(ofTrace.map((it) => it.msg).sort()).toEqual(['2026-11-25', 'order 17 submitted'])
    const search = async (index: string, query: unknown) => (await server.search(index, query)).length
    expect(await search('logs-*', { term: { fields: 'user=bob' } })).toBe(1)
    expect(await search('logs-*', { term: { fields: 'basket={"items":3}' } })).toBe(1)
    expect(await search('logs-*', { range: { status: { gte: 200, lt: 300 } } })).toBe(1)
    expect(await search('logs-*', { match: { 'error.message': 'disk' } })).toBe(1)
    expect(await search('logs-*', { match: { msg: 'submitted' } })).toBe(1)
    const [found] = await server.search('trace_logs-*', { bool: { filter: [{ term: { traceId } }] } })
    expect(found).toEqual({
      '@timestamp': '2026-11-25T10:00:00.001250Z',
      traceId,
      spanId: '00f067aa0ba902b7',
      parentId: 'b7ad6b7169203331',
      name: 'user.exists',
      kind: 'CLIENT',
      service: 'order',
      node: '10.0.0.1:9000_10.0.0.1:8000',
      remote: { service: 'user', host: '10.0.0.2', port: 9000 },
      durationMs: 12.345,
      tags: ['http.status_code=503', 'goms.attempt=2'],
      error: { code: 'UNAVAILABLE', message: 'no node' },
    })
    expect(await search('trace_logs-*', { term: { tags: 'http.status_code=503' } })).toBe(1)
    expect(await search('trace_logs-*', { range: { durationMs: { gt: 12, lt: 13 } } })).toBe(2)
  })

  it('begins an index with each day, in UTC, and no name of anybody becomes a field of it', async () => {
    open()
    sink.log(record({ time: '2026-12-31T23:59:59.999Z', msg: 'old' }))
    sink.log(record({ time: '2027-01-01T00:00:00.000Z', msg: 'new' }))
    sink.take(span({ startedMs: Date.UTC(2027, 0, 1) - 0.001 }))
    sink.take(span({ startedMs: Date.UTC(2027, 0, 1) }))
    const names = Array.from({ length: 100 }, (_, i) => [`name${i}`, i] as const)
    sink.log(record({ time: '2027-01-01T00:00:01.000Z', msg: 'wide', ...Object.fromEntries(names) }))
    await sink.close(10_000)
    expect(await server.search('logs-2026.12.31', { match_all: {} })).toMatchObject([{ msg: 'old' }])
    const next = await server.search<Document>('logs-2027.01.01', { match_all: {} })
    expect(next.map((it) => it.msg).sort()).toEqual(['new', 'wide'])
    expect(await server.search('trace_logs-2026.12.31', { match_all: {} })).toMatchObject([
      { '@timestamp': '2026-12-31T23:59:59.999999Z' },
    ])
    expect(await server.search('trace_logs-2027.01.01', { match_all: {} })).toHaveLength(1)
    const { body } = await server.ask('GET', '/logs-2027.01.01/_mapping')
    expect(JSON.stringify(body)).not.toContain('name1')
  })

  it('drops and counts what a mapping refuses, says why, and sends the rest', async () => {
    open()
    const mappings = { dynamic: false, properties: { status: { type: 'boolean' } } }
    expect((await server.ask('PUT', '/logs-2026.06.01', { mappings })).status).toBe(200)
    const time = '2026-06-01T00:00:00.000Z'
    sink.log(record({ time, msg: 'before' }))
    sink.log(record({ time, msg: 'refused', status: 200 }))
    sink.log(record({ time, msg: 'after' }))
    await sink.close(10_000)
    expect(sink.numbers()).toMatchObject({ sent: 2, failed: 1, dropped: 0 })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toMatch(
      /^elasticsearch \(127\.0\.0\.1:\d+\): refuses 1 of 3: 400 .*failed to parse field \[status\]/,
    )
    expect(await server.search('logs-2026.06.01', { match_all: {} })).toHaveLength(2)
  })

  it('has the lines and the spans of a process, the last ones too', async () => {
    const port = await freePort()
    const file = join(import.meta.dirname, '..', 'fixtures', 'gateway.mjs')
    const goms = startGoms(['start', file], {
      env: {
        ...{
          GOMS_REGISTRY: 'memory',
          GOMS_ES_ADDR: server.url,
          GOMS_HTTP_PORT: String(port),
          GOMS_ADMIN_PORT: 'off',
          GOMS_LB_DRAIN: '0',
        },
        ...{ GOMS_CONFIGS: join(import.meta.dirname, '..', 'fixtures') },
      },
    })
    await goms.waitForLine(new RegExp(`Http Listen on port: ${port}`), 20_000)
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    await fetch(`http://127.0.0.1:${port}/api/echo/none`, {
      headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01` },
    })
    await goms.stop()
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '.')
    const lines = await server.search<Document>(`logs-${day}`, { match_all: {} })
    expect(lines.map((it) => it.msg)).toContain(`Http Listen on port: ${port}`)
    expect(await server.search(`trace_logs-${day}`, { term: { traceId } })).toMatchObject([
      { kind: 'SERVER', service: 'gateway' },
    ])
  })

  it('loses nothing and writes nothing twice while the server is killed and comes back', async () => {
    open()
    let taken = 0
    const load = setInterval(() => {
      for (let i = 0; i < 2; i++) sink.log(record({ time: '2026-07-01T00:00:00.000Z', msg: `line ${taken++}` }))
    }, 20)
    const until = async (condition: () => boolean): Promise<void> => {
      while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await until(() => sink.numbers().sent > 80)
    await server.kill()
    await until(() => warnings.length > 0)
    await server.start()
    const before = sink.numbers().sent
    await until(() => sink.numbers().sent > before + 80)
    clearInterval(load)
    await sink.close(10_000)
    expect(sink.numbers()).toEqual({ sent: taken, failed: 0, dropped: 0, queued: 0, queuedBytes: 0 })
    const found = await server.search<Document>('logs-2026.07.01', { match_all: {} })
    expect(found).toHaveLength(taken)
    expect(new Set(found.map((it) => it.msg)).size).toBe(taken)
  })
})
