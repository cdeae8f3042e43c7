/** What we send by OTLP, read by the decoder of OpenTelemetry's own collector. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import type { Span } from '../../src/core/span.ts'
import { createOtlpSink } from '../../src/telemetry/otlp.ts'
import { buildGo, GO_BUILD_TIMEOUT_MS, goMissing } from '../support/go.ts'
import { type Running, startProcess } from '../support/processes.ts'
import { SLACK } from '../support/timing.ts'

const span: Span = {
  trace: {
    traceId: 'a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    parentId: 'b7ad6b7169203331',
    sampled: true,
    state: 'vendor=x',
  },
  name: 'user/login',
  kind: 'CLIENT',
  service: 'gateway',
  node: '10.0.0.1:8180_10.0.0.1:8080',
  remote: { service: 'user', host: '10.0.0.2', port: 9080 },
  startedMs: 1_700_000_000_000.25,
  durationMs: 12.5,
  tags: {
    'http.method': 'GET',
    'http.status_code': '503',
    'http.path': '/"ü\n',
    'http.header.accept': '*/*',
    'rpc.system': 'rpcx',
  },
  annotations: [{ atMs: 1_700_000_000_001, text: 'refused' }],
  error: { code: 'UNAVAILABLE', message: 'no node' },
}

describe.skipIf(goMissing !== undefined)('a receiver of OTLP', () => {
  let receiver: Running
  let address = ''

  beforeAll(async () => {
    receiver = startProcess((await buildGo('otlp-receiver'))('otlp-receiver'), [], { name: 'otlp-receiver' })
    const { match } = await receiver.waitForLine(/"port":(\d+)/)
    address = `127.0.0.1:${match[1]}`
  }, GO_BUILD_TIMEOUT_MS)
  afterAll(async () => {
    await receiver?.stop()
  })

  async function send(...spans: Span[]) {
    const sink = createOtlpSink(address, { clock: systemClock, log: silentLog })
    const before = receiver.lines.length
    for (const it of spans) sink.take(it)
    await sink.close(5000 * SLACK)
    const { line } = await receiver.waitForLine(/"spans"/, 5000 * SLACK, before)
    return { batch: JSON.parse(line.text), numbers: sink.numbers() }
  }

  test('reads every part of a span, under the names of the conventions', async () => {
    const { batch, numbers } = await send(span)
    expect(numbers).toMatchObject({ sent: 1, failed: 0 })
    expect(batch).toEqual({
      contentType: 'application/json',
      spans: [
        {
          resource: { 'service.name': 'gateway', 'service.instance.id': '10.0.0.1:8180_10.0.0.1:8080' },
          scope: 'goms',
          traceId: '0000000000000000a3ce929d0e0e4736',
          spanId: '00f067aa0ba902b7',
          parentId: 'b7ad6b7169203331',
          state: 'vendor=x',
          name: 'user/login',
          kind: 'Client',
          start: '1700000000000250000',
          end: '1700000000012750000',
          tags: {
            'http.request.method': 'GET',
            'http.response.status_code': 503,
            'url.path': '/"ü\n',
            'http.request.header.accept': ['*/*'],
            'rpc.system': 'rpcx',
            'peer.service': 'user',
            'server.address': '10.0.0.2',
            'server.port': 9080,
            'error.type': 'UNAVAILABLE',
          },
          events: ['1700000000001000000 refused'],
          status: 'Error',
          message: 'no node',
        },
      ],
    })
  })

  test('reads spans of several services and kinds', async () => {
    const kinds = ['SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const
    const { batch } = await send(
      ...kinds.map((kind, n): Span => ({ ...span, kind, service: `s${n % 2}`, annotations: [], error: undefined })),
    )
    const seen = batch.spans.map((it: { resource: Record<string, string>; kind: string; status: string }) => [
      it.resource['service.name'],
      it.kind,
      it.status,
    ])
    expect(seen).toEqual(
      expect.arrayContaining([
        ['s0', 'Server', 'Unset'],
        ['s1', 'Client', 'Unset'],
        ['s0', 'Producer', 'Unset'],
        ['s1', 'Consumer', 'Unset'],
      ]),
    )
  })

  test('counts what it takes only in part', async () => {
    const { numbers } = await send(span, { ...span, name: 'reject me' }, span)
    expect(numbers).toMatchObject({ sent: 2, failed: 1 })
  })
})
