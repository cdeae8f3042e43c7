import { afterEach, describe, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import { GomsError } from '../core/errors.ts'
import type { Span } from '../core/span.ts'
import { gateway } from '../gateway/gateway.ts'
import { service } from '../service/service.ts'
import { type TestMesh, type TestMeshOptions, testMesh } from './test-mesh.ts'

const Stock = contract('stock', {
  rpc: { take: rpc<{ item: string }, boolean>({ idempotent: true }), count: rpc<void, number>({ idempotent: true }) },
})
const stock = service(Stock, {
  rpc: {
    take({ item }) {
      if (item === 'none') throw new GomsError('NOT_FOUND', 'no such item')
      return true
    },
    count: () => 3,
  },
})

const Order = contract('order', {
  rpc: { submit: rpc<{ item: string }, string>({ expose: 'POST' }) },
  http: { login: 'POST /login' },
})
const order = service(Order, {
  uses: { stock: Stock },
  rpc: {
    async submit({ item }, { stock, traceId }) {
      await stock.count()
      await stock.take({ item })
      if (item === 'broken') throw new Error('a bug')
      return traceId
    },
  },
  http(req, res) {
    res.statusCode = req.headers['x-fail'] === undefined ? 200 : 500
    res.end('{}')
  },
})

let mesh: TestMesh | undefined
afterEach(async () => {
  await mesh?.close()
  mesh = undefined
})

async function start(more: Partial<TestMeshOptions> = {}): Promise<TestMesh> {
  mesh = await testMesh({ services: [order, stock], traces: true, ...more })
  return mesh
}

const submit = (item: string, headers: Record<string, string> = {}): [string, RequestInit] => [
  '/api/order/submit',
  { method: 'POST', body: JSON.stringify({ item }), headers: { 'content-type': 'application/json', ...headers } },
]

/** Spans are told of a moment after the answer has arrived. */
async function recorded(from: TestMesh, count: number): Promise<readonly Span[]> {
  for (let i = 0; i < 200 && from.spans.length < count; i++) await new Promise((resolve) => setTimeout(resolve, 5))
  return from.spans
}

/** Each with what it is part of, as `kind service name`, indented below its parent in order of their beginning. */
function treeOf(spans: readonly Span[]): string[] {
  const lines: string[] = []
  const ids = new Set(spans.map(({ trace }) => trace.spanId))
  const walk = (parentId: string | undefined, depth: number): void => {
    const below = spans.filter(({ trace }) =>
      parentId === undefined ? trace.parentId === undefined || !ids.has(trace.parentId) : trace.parentId === parentId,
    )
    for (const span of [...below].sort((a, b) => a.startedMs - b.startedMs)) {
      lines.push(`${'  '.repeat(depth)}${span.kind} ${span.service} ${span.name}`)
      walk(span.trace.spanId, depth + 1)
    }
  }
  walk(undefined, 0)
  return lines
}

const WHOLE = [
  'SERVER gateway order/submit',
  '  CLIENT gateway order.submit',
  '    SERVER order order.submit',
  '      CLIENT order stock.count',
  '        SERVER stock stock.count',
  '      CLIENT order stock.take',
  '        SERVER stock stock.take',
]

describe('a trace through three services', () => {
  it('is one tree, whose ids are those that travelled', async () => {
    const started = await start()
    const response = await started.fetch(...submit('pen'))
    const { data: traceId } = (await response.json()) as { data: string }
    const spans = await recorded(started, WHOLE.length)
    expect(treeOf(spans)).toEqual(WHOLE)
    expect(new Set(spans.map(({ trace }) => trace.traceId))).toEqual(new Set([traceId]))
    expect(new Set(spans.map(({ trace }) => trace.spanId)).size).toBe(spans.length)
    const [attempt] = spans.filter(({ kind, service }) => kind === 'CLIENT' && service === 'gateway')
    expect(attempt?.tags).toMatchObject({ 'goms.attempt': '1', 'rpc.code': 'OK' })
    expect(attempt?.remote).toEqual({ service: 'order', host: '127.0.0.1', port: expect.any(Number) })
    for (const span of spans) {
      expect(span.error).toBeUndefined()
      expect(span.durationMs).toBeGreaterThanOrEqual(0)
    }
  })

  it('goes on over HTTP, where the service is named by its request', async () => {
    const started = await start()
    await started.fetch('/api/order/login', { method: 'POST' })
    expect(treeOf(await recorded(started, 3))).toEqual([
      'SERVER gateway order/login',
      '  CLIENT gateway order/login',
      '    SERVER order POST /login',
    ])
    expect(started.spans.map(({ tags }) => tags['http.status_code'])).toEqual(['200', '200', '200'])
  })

  it('is part of what the client says, 64-bit ids too', async () => {
    const started = await start()
    await started.fetch(...submit('pen', { 'x-b3-traceid': 'a3ce929d0e0e4736', 'x-b3-spanid': '00f067aa0ba902b7' }))
    const spans = await recorded(started, WHOLE.length)
    expect(treeOf(spans)).toEqual(WHOLE)
    for (const { trace } of spans) expect(trace.traceId).toBe('a3ce929d0e0e4736')
    expect(spans.find(({ name }) => name === 'order/submit')?.trace.parentId).toBe('00f067aa0ba902b7')
  })

  it('has answers of the application without errors, and says their codes', async () => {
    const started = await start()
    await started.fetch(...submit('none'))
    const spans = await recorded(started, WHOLE.length)
    expect(treeOf(spans)).toEqual(WHOLE)
    expect(spans.filter(({ error }) => error !== undefined)).toEqual([])
    expect(spans.find(({ name, kind }) => name === 'stock.take' && kind === 'SERVER')?.tags).toMatchObject({
      'rpc.code': 'NOT_FOUND',
    })
  })
})

describe('what is recorded', () => {
  const never = { trace: { sample: 0 } }
  const trusting = { trustedProxies: ['127.0.0.1'] }
  const W3C = `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0`

  it('nothing, where nothing is drawn and all goes well', async () => {
    const started = await start({ settings: never })
    await started.fetch(...submit('pen'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(started.spans).toEqual([])
  })

  it('a call that failed, with what it did before, in each process that saw it fail', async () => {
    const started = await start({ settings: never })
    const response = await started.fetch(...submit('broken'))
    expect(response.status).toBe(500)
    const spans = await recorded(started, 5)
    // The services that it called saw nothing fail.
    expect(treeOf(spans)).toEqual([
      'SERVER gateway order/submit',
      '  CLIENT gateway order.submit',
      '    SERVER order order.submit',
      '      CLIENT order stock.count',
      '      CLIENT order stock.take',
    ])
    const served = spans.find(({ kind, service }) => kind === 'SERVER' && service === 'order')
    expect(served?.error).toMatchObject({ code: 'INTERNAL' })
  })

  it('not even that with `errors: false`', async () => {
    const started = await start({ settings: { trace: { sample: 0, errors: false } } })
    await started.fetch(...submit('broken'))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(started.spans).toEqual([])
  })

  it('a call that took long', async () => {
    const started = await start({ clock: 'virtual', settings: { trace: { sample: 0, slow: 500 } } })
    started.fault('order.submit', { delayMs: 600 })
    const answer = started.fetch(...submit('pen'))
    await started.advance(700)
    await answer
    // The fault stands before the service's own way in.
    expect(treeOf(await recorded(started, 2))).toEqual(['SERVER gateway order/submit', '  CLIENT gateway order.submit'])
    expect(started.spans[0]?.durationMs).toBeGreaterThanOrEqual(600)
  })

  it('by route', async () => {
    const started = await start({ settings: { trace: { sample: 0, routes: { 'order/login': 1 } } } })
    await started.fetch(...submit('pen'))
    await started.fetch('/api/order/login', { method: 'POST' })
    expect(treeOf(await recorded(started, 3))[0]).toBe('SERVER gateway order/login')
    expect(started.spans).toHaveLength(3)
  })

  it('what a trusted proxy says, be it more or less than would be drawn', async () => {
    const more = await start({ settings: { ...never, gateway: trusting } })
    await more.fetch(...submit('pen', { traceparent: `${W3C}1` }))
    expect(await recorded(more, WHOLE.length)).toHaveLength(WHOLE.length)
    await more.close()
    const less = await start({ settings: { gateway: trusting } })
    await less.fetch(...submit('pen', { traceparent: `${W3C}0` }))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(less.spans).toEqual([])
  })

  it('not what a stranger says', async () => {
    const started = await start({ settings: never })
    await started.fetch(...submit('pen', { traceparent: `${W3C}1` }))
    await started.fetch(...submit('pen', { 'x-b3-flags': '1' }))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(started.spans).toEqual([])
  })

  it('requests of no route, by their method', async () => {
    const started = await start()
    await started.fetch('/nothing/here')
    const [span] = await recorded(started, 1)
    expect(span).toMatchObject({ name: 'GET', kind: 'SERVER', tags: { 'http.status_code': '404' } })
    expect(span?.error).toBeUndefined()
  })

  it('the request itself, without its secrets, where that is asked for', async () => {
    const started = await start({ settings: { trace: { capture: 'redacted', redact: ['pin'] } } })
    await started.fetch('/api/order/submit?via=app&token=t0ps3cret', {
      method: 'POST',
      body: '{"item":"pen","pin":"0815-canary"}',
      headers: { 'content-type': 'application/json', authorization: 'Bearer canary-1' },
    })
    const spans = await recorded(started, WHOLE.length)
    const [request] = spans.filter(({ name }) => name === 'order/submit')
    expect(request?.tags).toMatchObject({ 'http.path': '/api/order/submit' })
    expect(request?.tags['http.body']).toContain('"item":"pen"')
    expect(JSON.stringify(spans)).not.toMatch(/t0ps3cret|canary/)
  })
})

describe('what a call met on its way', () => {
  const attemptsOf = (spans: readonly Span[], name: string): readonly Span[] =>
    spans.filter((span) => span.kind === 'CLIENT' && span.name === name)

  it('a limit of the route: 429, and no node was asked', async () => {
    const settings = { services: { order: { submit: { callLimit: '60/1' } } } }
    const started = await start({ settings })
    await started.fetch(...submit('pen'))
    const limited = await started.fetch(...submit('pen'))
    expect(limited.status).toBe(429)
    const spans = await recorded(started, WHOLE.length + 2)
    const [, refused] = attemptsOf(spans, 'order.submit')
    expect(refused?.tags).toMatchObject({ 'goms.attempt': '0', 'goms.callLimit': 'used up' })
    expect(refused?.error).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  })

  it('a limit that the project shares: 429, and no node was asked', async () => {
    const settings = { services: { order: { submit: { limiter: { calls: 1, per: 60_000, shared: true } } } } }
    const started = await start({ settings })
    await started.fetch(...submit('pen'))
    const limited = await started.fetch(...submit('pen'))
    expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '60'])
    const spans = await recorded(started, WHOLE.length + 2)
    const [, refused] = attemptsOf(spans, 'order.submit')
    expect(refused?.tags).toMatchObject({ 'goms.attempt': '0', 'goms.limiter': 'used up in the project' })
    expect(refused?.error).toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  })

  it('an open breaker: 503, and says so', async () => {
    const settings = { services: { order: { submit: { breaker: '60/1', retries: 0 } } } }
    const started = await start({ settings })
    await started.fetch(...submit('broken'))
    expect((await started.fetch(...submit('pen'))).status).toBe(503)
    const spans = await recorded(started, WHOLE.length + 2)
    expect(attemptsOf(spans, 'order.submit')[1]?.tags).toMatchObject({ 'goms.breaker': 'open' })
  })

  it('a full limiter at one node: the other takes it, and the attempt says why', async () => {
    const settings = { services: { order: { submit: { limiter: '60/1' } } } }
    const started = await start({ services: [order, order, stock], settings })
    await started.fetch(...submit('pen'))
    await started.fetch(...submit('pen'))
    const spans = await recorded(started, 2 * WHOLE.length)
    const [first, second] = attemptsOf(spans, 'order.submit')
    expect(first?.tags).not.toHaveProperty('goms.limiter')
    expect(second?.tags).toMatchObject({ 'goms.limiter': 'full at 1 node', 'goms.attempt': '1' })
    expect(second?.tags['goms.target']).not.toBe(first?.tags['goms.target'])
  })

  it('no node: 503', async () => {
    const started = await start({ services: [], gateway: gateway({ contracts: [Order] }) })
    await started.fetch(...submit('pen'))
    const spans = await recorded(started, 2)
    expect(treeOf(spans)).toEqual(['SERVER gateway order/submit', '  CLIENT gateway order.submit'])
    for (const { error } of spans) expect(error).toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('a node that died: both attempts, side by side', async () => {
    const started = await start({ services: [order, order, stock] })
    await started.fetch(...submit('pen'))
    await recorded(started, WHOLE.length)
    const [asked] = attemptsOf(started.spans, 'order.submit')
    const dead = started.nodes('order').find(({ name }) => name !== asked?.tags['goms.target'])
    started.kill(dead?.id ?? '')
    expect((await started.fetch(...submit('pen'))).status).toBe(200)
    const spans = (await recorded(started, 2 * WHOLE.length + 1)).slice(WHOLE.length)
    const [failed, second] = attemptsOf(spans, 'order.submit')
    expect(failed?.tags).toMatchObject({ 'goms.attempt': '1', 'goms.outcome': 'unsent', 'goms.target': dead?.name })
    expect(failed?.error).toMatchObject({ code: 'UNAVAILABLE' })
    expect(second?.tags).toMatchObject({ 'goms.attempt': '2', 'goms.retry': 'true', 'rpc.code': 'OK' })
    expect(second?.trace.parentId).toBe(failed?.trace.parentId)
    const served = spans.find(({ kind, service }) => kind === 'SERVER' && service === 'order')
    expect(served?.trace.parentId).toBe(second?.trace.spanId)
  })

  it('no answer in time', async () => {
    const settings = { services: { order: { submit: { timeout: 100, retries: 0 } } } }
    const started = await start({ clock: 'virtual', settings })
    started.fault('order.submit', { delayMs: 10_000 })
    const answer = started.fetch(...submit('pen'))
    await started.advance(150)
    expect((await answer).status).toBe(504)
    const [attempt] = attemptsOf(await recorded(started, 2), 'order.submit')
    expect(attempt?.tags).toMatchObject({ 'goms.outcome': 'timeout' })
    expect(attempt?.error).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })

  it('a caller that gave up', async () => {
    const started = await start()
    started.fault('stock.count', { delayMs: 10_000 })
    const giveUp = new AbortController()
    const call = started.client(Stock).count(undefined, { signal: giveUp.signal })
    await new Promise((resolve) => setTimeout(resolve, 20))
    giveUp.abort()
    await expect(call).rejects.toMatchObject({ code: 'CANCELLED' })
    const [attempt] = await recorded(started, 1)
    expect(attempt).toMatchObject({ kind: 'CLIENT', service: 'test', tags: { 'goms.outcome': 'cancelled' } })
    expect(attempt?.error).toBeUndefined()
  })
})
