/** Processes whose users have set up OpenTelemetry: its spans and ours are one tree, decided about alike. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { freePort, type Running, startProcess } from '../support/processes.ts'
import { SLACK } from '../support/timing.ts'
import type { ZipkinSpan } from '../support/zipkin.ts'

const fixture = join(import.meta.dirname, '..', 'fixtures', 'opentelemetry.mjs')

const configs = mkdtempSync(join(tmpdir(), 'goms-opentelemetry-'))
writeFileSync(join(configs, 'config.yml'), 'trace: { routes: { order/quiet: 0 } }\n')

/** Takes what both send. */
let collector: Server
let spans: ZipkinSpan[] = []
let url = ''
beforeAll(async () => {
  collector = createServer(async (req, res) => {
    spans.push(...((await json(req)) as ZipkinSpan[]))
    res.writeHead(202).end()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => collector.once('listening', resolve))
  url = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
})
afterAll(() => {
  collector.close()
  collector.closeAllConnections()
  rmSync(configs, { recursive: true })
})

interface Ports {
  readonly gateway: number
  readonly order: number
  readonly control: number
}

async function startBoth(mode: string): Promise<{ ports: Ports; close(): Promise<unknown> }> {
  const embeddedPort = String(await freePort(4))
  const start = (role: string): Running =>
    startProcess(process.execPath, [fixture, role, mode, embeddedPort, url, configs], { name: `${role} ${mode}` })
  const processes = [start('order'), start('stock')]
  const ready = await Promise.all(processes.map((it) => it.waitForLine(/^ready (.*)$/, 15_000 * SLACK)))
  const ports = JSON.parse(ready[0]?.match[1] ?? '') as Ports
  const ask = async (): Promise<void> => expect(await get(ports.control, '/recorded')).toMatch(/^[0-9a-f]{32}$/)
  await vi.waitFor(ask, { timeout: 10_000 * SLACK, interval: 100 })
  return { ports, close: () => Promise.all(processes.map((it) => it.stop())) }
}

async function get(port: number, path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init)
  return response.ok ? await response.text() : `${response.status} ${await response.text()}`
}

/** Every span of the trace, each below its parent, once there are so many. */
async function treeOf(traceId: string, count: number): Promise<string[]> {
  const mine = (): ZipkinSpan[] => spans.filter((it) => it.traceId === traceId)
  await vi.waitFor(() => expect(mine().map(describeSpan)).toHaveLength(count), { timeout: 5000 * SLACK, interval: 50 })
  const ids = new Set(mine().map((it) => it.id))
  const roots = mine().filter((it) => it.parentId === undefined || !ids.has(it.parentId))
  const below = (span: ZipkinSpan, depth: number): string[] => [
    `${'  '.repeat(depth)}${describeSpan(span)}`,
    ...mine()
      .filter((it) => it.parentId === span.id)
      .sort((a, b) => describeSpan(a).localeCompare(describeSpan(b)))
      .flatMap((it) => below(it, depth + 1)),
  ]
  return roots.flatMap((it) => below(it, 0))
}

function describeSpan({ kind, name, localEndpoint, tags }: ZipkinSpan): string {
  const by = tags?.by === undefined ? [] : ['theirs:']
  return [...by, ...(kind === undefined ? [] : [kind]), localEndpoint.serviceName, name].join(' ')
}

const KEY = { headers: { 'call-key': 'key' } }
const JOB = [
  'theirs: order nightly job',
  '  CLIENT gateway stock.take',
  '    SERVER stock stock.take',
  '      theirs: stock lock shelf',
]

async function traceNamed(name: string): Promise<string> {
  let found: ZipkinSpan | undefined
  await vi.waitFor(
    () => {
      found = spans.find((it) => it.name === name)
      expect(found).toBeDefined()
    },
    { timeout: 5000 * SLACK, interval: 50 },
  )
  return found?.traceId ?? ''
}

describe('set up by the user', () => {
  let both: Awaited<ReturnType<typeof startBoth>>
  beforeAll(async () => {
    both = await startBoth('plain')
  })
  afterAll(() => both?.close())

  test('handlers run within our spans, and calls are made below theirs, in and outside of handlers', async () => {
    spans = []
    const { gateway, order, control } = both.ports
    expect(await get(gateway, '/api/order/submit', { method: 'POST', body: 'null' })).toContain('true')
    expect(await get(gateway, '/api/order/report')).toContain('7')
    const job = await get(control, '/recorded')
    expect(await treeOf(await traceNamed('check order'), 7)).toEqual([
      'SERVER gateway order/submit',
      '  CLIENT gateway order.submit',
      '    SERVER order order.submit',
      '      theirs: order check order',
      '        CLIENT order stock.take',
      '          SERVER stock stock.take',
      '            theirs: stock lock shelf',
    ])
    expect(await treeOf(await traceNamed('read report'), 7)).toEqual([
      'SERVER gateway order/report',
      '  CLIENT gateway order/report',
      '    SERVER order GET /report',
      '      theirs: order read report',
      '        CLIENT order stock/level',
      '          SERVER stock GET /level',
      '            theirs: stock count',
    ])
    expect(await treeOf(job, 4)).toEqual(JOB)
    // The process was started within a span: what arrives later is no part of it.
    spans = []
    expect(await get(order, '/report', KEY)).toBe('7')
    expect((await treeOf(await traceNamed('read report'), 5))[0]).toBe('SERVER order GET /report')
  })

  test('what either has decided not to record, neither does', async () => {
    spans = []
    const { gateway, control } = both.ports
    const unrecorded = await get(control, '/unrecorded')
    expect(unrecorded).toBe('1'.repeat(32))
    expect(await get(gateway, '/api/order/quiet', { method: 'POST', body: 'null' })).toContain('true')
    expect(await treeOf(await get(control, '/recorded'), 4)).toEqual(JOB)
    expect(spans.filter(({ traceId, name }) => traceId === unrecorded || name === 'check order')).toEqual([])
    expect(spans.filter(({ name }) => name?.includes('quiet'))).toEqual([])
  })
})

describe('with its instrumentation of node:http', () => {
  let both: Awaited<ReturnType<typeof startBoth>>
  beforeAll(async () => {
    both = await startBoth('instrumented')
  })
  afterAll(() => both?.close())

  test('its span of a request stands beside ours, or above it where it begins the trace', async () => {
    spans = []
    expect(await get(both.ports.order, '/report', KEY)).toBe('7')
    expect(await treeOf(await traceNamed('read report'), 7)).toEqual([
      'theirs: SERVER order GET',
      '  SERVER order GET /report',
      '    theirs: order read report',
      '      CLIENT order stock/level',
      '        SERVER stock GET /level',
      '          theirs: stock count',
      '        theirs: SERVER stock GET',
    ])
    // What sends spans makes none: those of the first batch would be there when the second one is.
    const job = await get(both.ports.control, '/recorded')
    expect(await treeOf(job, 4)).toEqual(JOB)
    expect(spans.filter(({ name }) => name?.startsWith('POST'))).toEqual([])
  })
})
