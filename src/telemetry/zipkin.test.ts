import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { Span } from '../core/span.ts'
import { createZipkinSink, toZipkinJson } from './zipkin.ts'

const span: Span = {
  trace: {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    parentId: 'b7ad6b7169203331',
    sampled: true,
    state: undefined,
  },
  name: 'user/login',
  kind: 'CLIENT',
  service: 'gateway',
  node: '10.0.0.1:8180_10.0.0.1:8080',
  remote: { service: 'user', host: '10.0.0.2', port: 9080 },
  startedMs: 1_700_000_000_000.125,
  durationMs: 12.3456,
  tags: { 'http.status_code': '200', 'a "b"': 'line\nline' },
}

const jsonOf = (changes: Partial<Span>): Record<string, unknown> => JSON.parse(toZipkinJson({ ...span, ...changes }))

it('writes a span as Zipkin reads it, times in whole microseconds', () => {
  expect(jsonOf({})).toEqual({
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    id: '00f067aa0ba902b7',
    parentId: 'b7ad6b7169203331',
    name: 'user/login',
    kind: 'CLIENT',
    timestamp: 1_700_000_000_000_125,
    duration: 12_346,
    localEndpoint: { serviceName: 'gateway', ipv4: '10.0.0.1', port: 8080 },
    remoteEndpoint: { serviceName: 'user', ipv4: '10.0.0.2', port: 9080 },
    tags: { 'http.status_code': '200', 'a "b"': 'line\nline', 'goms.node': '10.0.0.1:8180_10.0.0.1:8080' },
  })
})

it('keeps a 64-bit id as it is, and has no parent where there is none', () => {
  const root = jsonOf({ trace: { ...span.trace, traceId: 'a3ce929d0e0e4736', parentId: undefined } })
  expect(root.traceId).toBe('a3ce929d0e0e4736')
  expect(root).not.toHaveProperty('parentId')
})

it.each([
  ['::1', { serviceName: 'user', ipv6: '::1', port: 1 }],
  ['[fe80::1%eth0]', { serviceName: 'user', ipv6: 'fe80::1', port: 1 }],
  ['user.example', { serviceName: 'user', port: 1 }],
  [undefined, { serviceName: 'user', port: 1 }],
])('writes the address %s of the other side', (host, endpoint) => {
  expect(jsonOf({ remote: { service: 'user', ...(host && { host }), port: 1 } }).remoteEndpoint).toEqual(endpoint)
})

it('has the address of each node that records, one after another', () => {
  const six = '[::1]:8180_[::1]:8080'
  expect(jsonOf({ node: six, service: 'a' }).localEndpoint).toEqual({ serviceName: 'a', ipv6: '::1', port: 8080 })
  expect(jsonOf({ node: six, service: 'b' }).localEndpoint).toEqual({ serviceName: 'b', ipv6: '::1', port: 8080 })
  expect(jsonOf({ node: 'strange' }).localEndpoint).toEqual({ serviceName: 'gateway' })
})

it('writes an error as the tag that is shown red, and what happened as annotations', () => {
  const failed = jsonOf({
    error: { code: 'UNAVAILABLE', message: 'user: no node' },
    annotations: [{ atMs: 1_700_000_000_001, text: 'refused: "limiter"' }],
    durationMs: 0,
    remote: undefined,
  })
  expect(failed.tags).toMatchObject({ error: 'user: no node', 'error.code': 'UNAVAILABLE' })
  expect(failed.annotations).toEqual([{ timestamp: 1_700_000_000_001_000, value: 'refused: "limiter"' }])
  expect(failed.duration).toBe(1)
  expect(failed).not.toHaveProperty('remoteEndpoint')
  expect(jsonOf({ error: { code: 'X', message: '' } }).tags).toMatchObject({ error: 'X' })
})

it('posts a list of spans once a second', async () => {
  const bodies: string[] = []
  const server = createServer(async (req, res) => {
    let body = ''
    for await (const chunk of req) body += chunk
    bodies.push(`${req.method} ${req.url} ${req.headers['content-type']} ${body}`)
    res.writeHead(202).end()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const clock = manualClock()
  const sink = createZipkinSink(`127.0.0.1:${(server.address() as AddressInfo).port}`, { clock, log: silentLog })
  sink.take(span)
  sink.take(span)
  const got = once(server, 'request')
  clock.advance(1000)
  await got
  await sink.close()
  expect(sink.numbers()).toEqual({ sent: 2, failed: 0, dropped: 0, queued: 0, queuedBytes: 0 })
  const text = toZipkinJson(span)
  expect(bodies).toEqual([`POST /api/v2/spans application/json [${text},${text}]`])
  server.close()
})

it('quotes what it meets rightly, however much of it there is and however long', () => {
  for (let i = 0; i < 2500; i++) {
    const value = i % 2 === 0 ? `"${i}"\n` : `${i}`.repeat(100)
    const tags = { [`"${i % 7}"`]: value, again: value }
    expect(jsonOf({ tags }).tags).toEqual({ ...tags, 'goms.node': span.node })
  }
})

it.each([
  [1_700_000_000_000, 1_700_000_000_000_000],
  [1_700_000_000_999.9998, 1_700_000_001_000_000],
  [1_700_000_000_000.007, 1_700_000_000_000_007],
  [1_699_999_999_999.999, 1_699_999_999_999_999],
  [0.5, 500],
  [-1, -1000],
])('writes the time of %d ms', (startedMs, timestamp) => {
  expect(jsonOf({ startedMs }).timestamp).toBe(timestamp)
})
