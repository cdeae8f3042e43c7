/** Spans of ours in a real Zipkin: what was sent is what it shows. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import type { Span, SpanKind } from '../../src/core/span.ts'
import { childOf, newTrace } from '../../src/telemetry/trace-context.ts'
import { createZipkinSink } from '../../src/telemetry/zipkin.ts'
import { SLACK } from '../support/timing.ts'
import { startZipkin, ZIPKIN_START_MS, type Zipkin, zipkinMissing } from '../support/zipkin.ts'

let zipkin: Zipkin

describe.skipIf(zipkinMissing !== undefined)('a real Zipkin', () => {
  beforeAll(async () => {
    zipkin = await startZipkin()
  }, ZIPKIN_START_MS)
  afterAll(() => zipkin?.close())

  const span = (changes: Partial<Span>): Span => ({
    trace: newTrace(true),
    name: 'user/login',
    kind: 'SERVER',
    service: 'gateway',
    node: '10.0.0.1:8180_10.0.0.1:8080',
    remote: undefined,
    startedMs: Date.now(),
    durationMs: 12.5,
    tags: {},
    ...changes,
  })

  async function send(...spans: Span[]): Promise<void> {
    const sink = createZipkinSink(zipkin.url, { clock: systemClock, log: silentLog })
    for (const it of spans) sink.take(it)
    await sink.close(5000 * SLACK)
    expect(sink.numbers()).toMatchObject({ sent: spans.length, failed: 0, dropped: 0 })
  }

  async function traceOf(traceId: string, count: number) {
    await vi.waitFor(async () => expect(await zipkin.trace(traceId)).toHaveLength(count), { timeout: 5000 * SLACK })
    return zipkin.trace(traceId)
  }

  test('shows spans of all kinds below each other, with endpoints, tags, annotations and errors', async () => {
    const root = newTrace(true)
    const startedMs = Date.now() + 0.25
    const kinds: SpanKind[] = ['CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER']
    await send(
      span({ trace: root, startedMs, tags: { 'http.method': 'POST', 'http.path': '/"ü\n' } }),
      ...kinds.map((kind, n) =>
        span({
          trace: childOf(root),
          kind,
          service: 'order',
          node: '[::1]:9180_[::1]:9080',
          startedMs: startedMs + n + 1,
          durationMs: 0,
          remote: { service: 'user', host: '::1', port: 9080 },
          annotations: [{ atMs: startedMs + n + 1, text: 'refused: limiter' }],
          error: { code: 'UNAVAILABLE', message: 'no node' },
        }),
      ),
    )
    const [first, ...others] = await traceOf(root.traceId, 5)
    expect(first).toEqual({
      traceId: root.traceId,
      id: root.spanId,
      kind: 'SERVER',
      name: 'user/login',
      timestamp: Math.round(startedMs * 1000),
      duration: 12_500,
      localEndpoint: { serviceName: 'gateway', ipv4: '10.0.0.1', port: 8080 },
      tags: { 'http.method': 'POST', 'http.path': '/"ü\n', 'goms.node': '10.0.0.1:8180_10.0.0.1:8080' },
    })
    expect(others.map((it) => it.kind)).toEqual(kinds)
    for (const it of others) {
      expect(it).toMatchObject({
        parentId: root.spanId,
        duration: 1,
        localEndpoint: { serviceName: 'order', ipv6: '::1', port: 9080 },
        remoteEndpoint: { serviceName: 'user', ipv6: '::1', port: 9080 },
        tags: { error: 'no node', 'error.code': 'UNAVAILABLE' },
        annotations: [{ value: 'refused: limiter' }],
      })
    }
  })

  test('finds a trace with a 64-bit id by it', async () => {
    const traceId = newTrace().traceId.slice(16)
    await send(span({ trace: { ...newTrace(true), traceId } }))
    expect((await traceOf(traceId, 1))[0]?.traceId).toBe(traceId)
  })

  test('takes thousands at once, while the process goes on', async () => {
    const root = newTrace(true)
    const tags = { 'http.body': 'x'.repeat(500) }
    const spans = Array.from({ length: 5000 }, () => span({ trace: childOf(root), tags }))
    let longestMs = 0
    let lastMs = performance.now()
    const watch = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs)
      lastMs = performance.now()
    }, 1)
    await send(...spans)
    clearInterval(watch)
    expect(longestMs).toBeLessThan(50 * SLACK)
    await traceOf(root.traceId, 5000)
  })
})
