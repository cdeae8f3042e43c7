import { expect, test } from 'vitest'
import { traceIdOf } from './trace-id.ts'
import { traceUrl } from './zipkin-query.ts'

const ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const SHORT = 'a3ce929d0e0e4736'

test.each([
  [ID, ID],
  [` ${ID.toUpperCase()}\n`, ID],
  [SHORT, SHORT],
  [`0000000000000000${SHORT}`, SHORT],
  [`00-${ID}-b7ad6b7169203331-01`, ID],
  [`traceparent: 00-${ID}-b7ad6b7169203331-00`, ID],
  [`${SHORT}-b7ad6b7169203331-1`, SHORT],
  [`b3: ${ID}-b7ad6b7169203331`, ID],
  [`uber-trace-id: ${ID}:b7ad6b7169203331:0:1`, ID],
  [`{"status":false,"code":"NOT_FOUND","traceId":"${ID}"}\n`, ID],
])('%j is a trace', (given, id) => {
  expect(traceIdOf(given)).toBe(id)
})

test.each([
  '',
  '-',
  'x',
  ID.slice(1),
  `${ID}0`,
  '0'.repeat(32),
  '0'.repeat(16),
  '{"traceId":7}',
  '{}',
  '{',
  `00-${ID}`,
])('%j is none', (given) => {
  expect(() => traceIdOf(given)).toThrow(expect.objectContaining({ code: 'GOMS_USAGE' }))
})

test.each([
  ['host:9411', `http://host:9411/api/v2/trace/${ID}`],
  ['host', `http://host:9411/api/v2/trace/${ID}`],
  ['https://host/api/v2/spans', `https://host/api/v2/trace/${ID}`],
  ['http://host/zipkin/api/v2/spans/', `http://host/zipkin/api/v2/trace/${ID}`],
  ['http://host/api/v1/spans', `http://host/api/v2/trace/${ID}`],
  ['http://host/zipkin', `http://host/zipkin/api/v2/trace/${ID}`],
])('spans sent to %s are asked for at %s', (address, url) => {
  expect(traceUrl(address, ID).href).toBe(url)
})
