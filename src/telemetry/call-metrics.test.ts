import { expect, test } from 'vitest'
import { type ManualClock, manualClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { GatewayRequest, Served } from '../core/observe.ts'
import { FAILED, nodeOf, OK, rigOf, ScriptedCarrier, send, UNSENT } from '../mesh/mesh.fixtures.ts'
import { callMetrics } from './call-metrics.ts'
import { CodeCounters } from './code-label.ts'
import { gatewayMetrics } from './gateway-metrics.ts'
import { Counter } from './metric-kinds.ts'
import { createMetricsRegistry } from './metrics.ts'
import { pageOf } from './metrics-page.ts'
import { NODE_KEPT_MS, NodeMetrics } from './node-metrics.ts'
import { createOwnMetrics, OWN_METRICS } from './own-metrics.ts'
import { servedMetrics } from './served-metrics.ts'

function setUp(clock: ManualClock = manualClock()) {
  const registry = createMetricsRegistry({ maxSeries: 10_000 })
  const own = createOwnMetrics(registry)
  const nodes = new NodeMetrics(own, registry, clock)
  const lines = async (pattern: RegExp): Promise<string[]> =>
    [...pageOf(await registry.snapshot())]
      .join('')
      .split('\n')
      .filter((line) => pattern.test(line) && !line.startsWith('#'))
  return { registry, own, nodes, lines }
}

test('a call is counted by its code, its attempts by stage, and both by node', async () => {
  const { own, nodes, lines } = setUp()
  const { mesh, call } = rigOf([nodeOf(1), nodeOf(2)], { observe: callMetrics(own, nodes) })
  await send(mesh, call(), new ScriptedCarrier([OK]))
  await send(mesh, call(), new ScriptedCarrier([UNSENT, OK]))
  await send(mesh, call({ retries: 0 }), new ScriptedCarrier([FAILED]))
  await send(mesh, call({ retries: 0 }), new ScriptedCarrier([{ stage: 'answered', status: 404 }]))
  await send(mesh, call({ retries: 0 }), new ScriptedCarrier([UNSENT]))
  expect(await lines(/^goms_(calls|attempts|retries)_total/)).toEqual([
    'goms_calls_total{service="user",action="login",code="OK"} 2',
    'goms_calls_total{service="user",action="login",code="HTTP_5XX"} 1',
    'goms_calls_total{service="user",action="login",code="HTTP_4XX"} 1',
    'goms_calls_total{service="user",action="login",code="UNAVAILABLE"} 1',
    'goms_attempts_total{service="user",action="login",stage="answered"} 4',
    'goms_attempts_total{service="user",action="login",stage="unsent"} 2',
    'goms_retries_total{service="user",action="login"} 1',
  ])
  const byNode = (await lines(/^goms_node_attempts_total/)).map((line) => Number(line.split(' ').at(-1)))
  expect(byNode.reduce((sum, one) => sum + one, 0)).toBe(6)
  expect(await lines(/^goms_errors_total/)).toEqual([
    'goms_errors_total{side="call",code="HTTP_5XX"} 1',
    'goms_errors_total{side="call",code="UNAVAILABLE"} 1',
  ])
  expect(await lines(/^goms_call_duration_seconds_count/)).toEqual([
    'goms_call_duration_seconds_count{service="user",action="login"} 5',
  ])
})

test('a call that a limit refuses is counted as refused, without an attempt', async () => {
  const { own, nodes, lines } = setUp()
  const { mesh, call } = rigOf([nodeOf(1)], { observe: callMetrics(own, nodes) })
  const callLimit = { calls: 1, perMs: 1000 }
  for (let i = 0; i < 3; i++) await send(mesh, call({ callLimit }), new ScriptedCarrier([OK]))
  const limiter = { calls: 1, perMs: 1000 }
  for (let i = 0; i < 3; i++) await send(mesh, call({ limiter }, { action: 'logout' }), new ScriptedCarrier([OK]))
  expect(await lines(/^goms_(limiter|attempts)/)).toEqual([
    'goms_attempts_total{service="user",action="login",stage="answered"} 1',
    'goms_attempts_total{service="user",action="logout",stage="answered"} 1',
    'goms_limiter_refusals_total{service="user",action="login"} 2',
    'goms_limiter_refusals_total{service="user",action="logout"} 2',
  ])
})

test('nodes that have left are shown for five minutes, and no longer', async () => {
  const clock = manualClock()
  const { nodes, lines } = setUp(clock)
  const [one, two] = [nodeOf(1), nodeOf(2)]
  for (const node of [one, two]) {
    nodes.joined(node)
    nodes.count(node, 'answered', 200)
  }
  nodes.left(one)
  clock.advance(NODE_KEPT_MS - 1)
  nodes.forget()
  expect(await lines(/^goms_node_attempts_total.*success/)).toHaveLength(2)
  expect([nodes.shows(one.name), nodes.shows(two.name), nodes.shows('nobody')]).toEqual([true, true, false])
  clock.advance(1)
  nodes.forget()
  expect(await lines(/^goms_node_attempts_total.*success/)).toEqual([
    `goms_node_attempts_total{service="user",node="${two.name}",outcome="success"} 1`,
  ])
  expect(nodes.shows(one.name)).toBe(false)
})

test('a node that comes back within five minutes goes on where it was', async () => {
  const clock = manualClock()
  const { nodes, lines } = setUp(clock)
  nodes.joined(nodeOf(1))
  nodes.count(nodeOf(1), 'answered', 200)
  nodes.left(nodeOf(1))
  clock.advance(1000)
  nodes.joined(nodeOf(1, { id: 'another' }))
  nodes.count(nodeOf(1, { id: 'another' }), 'answered', 200)
  clock.advance(NODE_KEPT_MS)
  nodes.forget()
  expect((await lines(/success/)).map((line) => line.split(' ').at(-1))).toEqual(['2'])
})

test('whatever codes a service makes up, few of them become series', () => {
  const codes: string[] = []
  const counters = new CodeCounters((code) => {
    codes.push(code)
    return new Counter()
  })
  for (let i = 0; i < 1000; i++) counters.count(500, `MADE_UP_${i}`)
  for (let i = 0; i < 1000; i++) counters.count(500, `HTTP_${i}`)
  for (const code of ['lower', 'x'.repeat(100), 'A"B']) counters.count(500, code)
  counters.count(404, 'NOT_FOUND')
  expect(codes).toHaveLength(34)
  expect(codes).toContain('OTHER')
  expect(codes).toContain('NOT_FOUND')
  expect(counters.of('OTHER').value).toBe(2000 - 32 + 3)
})

test('served: paths and methods of HTTP that callers make up are few series, methods of RPC are themselves', async () => {
  const { own, lines } = setUp()
  const observe = servedMetrics(own)
  const http = observe('user', 'http', undefined)
  const named = (name: string): Served => ({ name, request: { method: name.split(' ')[0] } }) as Served
  for (let i = 0; i < 100; i++) http?.served(named(`GET /p/${i}`), 200, undefined, 0, 5)
  for (let i = 0; i < 100; i++) http?.served(named(`BREW${i} /p/${i}`), 405, undefined, 0, 5)
  observe('user', 'rpc', 'exists')?.served(named('exists'), 200, undefined, 0, 5)
  const failing = { code: 'UNIMPLEMENTED', message: '' }
  observe('user', 'rpc', undefined)?.served(named('whatever'), 501, failing, 0, 5)
  expect(await lines(/^goms_served_calls_total/)).toEqual([
    'goms_served_calls_total{service="user",transport="http",method="GET",code="OK"} 100',
    'goms_served_calls_total{service="user",transport="http",method="OTHER",code="HTTP_4XX"} 100',
    'goms_served_calls_total{service="user",transport="rpc",method="exists",code="OK"} 1',
    'goms_served_calls_total{service="user",transport="rpc",method="none",code="UNIMPLEMENTED"} 1',
  ])
})

test('the gateway: requests by status, those without a route or without an answer too', async () => {
  const { own, lines } = setUp()
  const observe = gatewayMetrics(own)
  const request = (status: number, error?: GomsError) => ({ status, error, startedMs: 0 }) as never
  const route = observe({ service: 'user', action: 'login' }, 'gateway')
  for (const status of [200, 200, 503, 0, 999]) route?.request(request(status), true, 3)
  observe(undefined, 'gateway')?.request(request(404, new GomsError('NOT_FOUND', 'no')), true, 3)
  expect(await lines(/^goms_(gateway_requests|errors)_total/)).toEqual([
    'goms_errors_total{side="gateway",code="HTTP_5XX"} 1',
    'goms_errors_total{side="gateway",code="NOT_FOUND"} 1',
    'goms_gateway_requests_total{service="user",action="login",status="200"} 2',
    'goms_gateway_requests_total{service="user",action="login",status="503"} 1',
    'goms_gateway_requests_total{service="user",action="login",status="499"} 1',
    'goms_gateway_requests_total{service="user",action="login",status="other"} 1',
    'goms_gateway_requests_total{service="none",action="none",status="404"} 1',
  ])
})

test('names end as Prometheus wants them to', () => {
  for (const { name, type } of OWN_METRICS) {
    expect(name.endsWith('_total'), name).toBe(type === 'counter')
    expect(name).toMatch(/^(goms|process)_[a-z0-9_]+$/)
  }
})

test('routes that nobody uses have no series, and what tells of the process has its place beside any number of routes', async () => {
  const registry = createMetricsRegistry({ maxSeries: 500 })
  const own = createOwnMetrics(registry)
  const calls = callMetrics(own, new NodeMetrics(own, registry, manualClock()))
  const requests = gatewayMetrics(own)
  for (let i = 0; i < 1000; i++) {
    calls('user', `action${i}`)
    requests({ service: 'user', action: `action${i}` } as never, 'gateway')
  }
  expect(registry.dropped).toBe(0)
  const request = { status: 200, error: undefined, cut: undefined, startedMs: 0 } as GatewayRequest
  for (let i = 0; i < 1000; i++) {
    requests({ service: 'user', action: `action${i}` } as never, 'gateway')?.request(request, true, 1)
  }
  expect(registry.dropped).toBeGreaterThan(1000)
  own.ready.bind('gateway').set(1)
  own.droppedSeries.bind().value = registry.dropped
  const page = [...pageOf(await registry.snapshot())].join('')
  expect(page).toContain('goms_ready{service="gateway"} 1\n')
  expect(page).toContain(`goms_metrics_dropped_series_total ${registry.dropped}\n`)
})

test('an answer that a node or a client broke off is no success', async () => {
  const { own, lines } = setUp()
  const observer = gatewayMetrics(own)(undefined, 'gateway')
  const request = { status: 200, error: undefined, cut: undefined, startedMs: 0 } as GatewayRequest
  observer?.request({ ...request, cut: 'node' } as GatewayRequest, false, 1)
  observer?.request(request, false, 1)
  observer?.request(request, true, 1)
  expect(await lines(/^goms_(gateway_requests|errors)_total/)).toEqual([
    'goms_errors_total{side="gateway",code="BAD_GATEWAY"} 1',
    'goms_gateway_requests_total{service="none",action="none",status="cut"} 1',
    'goms_gateway_requests_total{service="none",action="none",status="499"} 1',
    'goms_gateway_requests_total{service="none",action="none",status="200"} 1',
  ])
})
