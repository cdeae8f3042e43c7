import { expect, it } from 'vitest'
import type { Span } from '../core/span.ts'
import { readOtlpAnswer, toOtlpText } from './otlp.ts'

const span: Span = {
  trace: {
    traceId: 'a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    parentId: 'b7ad6b7169203331',
    sampled: true,
    state: 'a=b',
  },
  name: 'user/login',
  kind: 'CLIENT',
  service: 'gateway',
  node: 'r_h',
  remote: { service: 'user', host: '10.0.0.2', port: 9080 },
  startedMs: 1_700_000_000_000.25,
  durationMs: 12.5,
  tags: { 'http.method': 'GET', 'http.status_code': '200', 'http.header.accept': '*/*', custom: 'x' },
  annotations: [{ atMs: 1_700_000_000_001, text: 'refused' }],
  error: { code: 'UNAVAILABLE', message: 'no node' },
}

interface Message {
  resourceSpans: { resource: { attributes: unknown[] }; scopeSpans: { scope: unknown; spans: { name: string }[] }[] }[]
}

function messageOf(batch: readonly Span[]): Message {
  const { spans, frame, encode } = toOtlpText(batch)
  return JSON.parse(frame.open + spans.map(encode).join(frame.between) + frame.close)
}

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } })

it('writes spans in the JSON of the protocol: ids in hex of full length, 64-bit numbers as text, kinds as numbers', () => {
  const { resourceSpans } = messageOf([span])
  expect(resourceSpans).toEqual([
    {
      resource: { attributes: [text('service.name', 'gateway'), text('service.instance.id', 'r_h')] },
      scopeSpans: [
        {
          scope: { name: 'goms' },
          spans: [
            {
              traceId: '0000000000000000a3ce929d0e0e4736',
              spanId: '00f067aa0ba902b7',
              parentSpanId: 'b7ad6b7169203331',
              traceState: 'a=b',
              flags: 1,
              name: 'user/login',
              kind: 3,
              startTimeUnixNano: '1700000000000250000',
              endTimeUnixNano: '1700000000012750000',
              attributes: [
                text('http.request.method', 'GET'),
                { key: 'http.response.status_code', value: { intValue: '200' } },
                { key: 'http.request.header.accept', value: { arrayValue: { values: [{ stringValue: '*/*' }] } } },
                text('custom', 'x'),
                text('peer.service', 'user'),
                text('server.address', '10.0.0.2'),
                { key: 'server.port', value: { intValue: '9080' } },
                text('error.type', 'UNAVAILABLE'),
              ],
              events: [{ timeUnixNano: '1700000000001000000', name: 'refused' }],
              status: { code: 2, message: 'no node' },
            },
          ],
        },
      ],
    },
  ])
})

it('puts the spans of each service and node together', () => {
  const of = (service: string, node: string, name: string): Span => ({ ...span, service, node, name })
  const batch = [of('a', '1', 'x'), of('b', '1', 'y'), of('a', '1', 'z'), of('a', '2', 'w')]
  const names = messageOf(batch).resourceSpans.map((it) => it.scopeSpans.map((scope) => scope.spans.map((s) => s.name)))
  expect(names).toEqual([[['x', 'z']], [['y']], [['w']]])
  expect(messageOf([])).toEqual({ resourceSpans: [] })
})

it.each([
  ['', { kind: 'taken' }],
  ['{}', { kind: 'taken' }],
  ['null', { kind: 'taken' }],
  ['\x0a\x00', { kind: 'taken' }],
  ['{"partialSuccess":{}}', { kind: 'taken' }],
  ['{"partialSuccess":{"rejectedSpans":"0","errorMessage":"note"}}', { kind: 'taken' }],
  [
    '{"partialSuccess":{"rejectedSpans":"3","errorMessage":"too old"}}',
    { kind: 'taken', rejected: 3, reason: 'too old' },
  ],
  ['{"partialSuccess":{"rejectedSpans":2}}', { kind: 'taken', rejected: 2, reason: 'without saying why' }],
])('reads the answer %j', (body, outcome) => {
  expect(readOtlpAnswer(body)).toEqual(outcome)
})
