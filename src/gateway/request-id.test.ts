import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import type { AccessEntry } from '../core/log.ts'
import type { GatewayRequest } from '../core/observe.ts'
import { createAccessLog } from './access-log.ts'
import { ask, startGateway, startNode } from './gateway.fixtures.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

describe('the id of a request', () => {
  async function exchange(headers: Record<string, string>, gateway = {}): Promise<unknown[]> {
    const node = await startNode((req, res) => {
      res.setHeader('x-request-id', 'of-the-service')
      res.end(JSON.stringify([req.headers['x-request-id'] ?? null, req.headers['x-b3-traceid']]))
    })
    const { port } = await startGateway({ nodes: [node], settings: gateway })
    const reply = await ask(port, { headers })
    const [atNode, traceId] = JSON.parse(reply.body)
    return [reply.headers['x-request-id'], atNode, traceId]
  }

  it('is the trace id where the client gives none, at the node and in the answer', async () => {
    const [answered, atNode, traceId] = await exchange({})
    expect(traceId).toMatch(/^[0-9a-f]{32}$/)
    expect([answered, atNode]).toEqual([traceId, traceId])
    expect((await exchange({ traceparent: `00-${TRACE}-00f067aa0ba902b7-01` })).slice(0, 2)).toEqual([TRACE, TRACE])
  })

  it("is the client's where that is sane", async () => {
    expect((await exchange({ 'X-Request-ID': 'mine:"1"' })).slice(0, 2)).toEqual(['mine:"1"', 'mine:"1"'])
  })

  it.each(['x'.repeat(129), 'two words', '\u00e4'])('is not believed where it is not: %j', async (sent) => {
    const [answered, atNode, traceId] = await exchange({ 'x-request-id': sent })
    expect([answered, atNode]).toEqual([traceId, traceId])
  })

  it('is nobody’s business where it is switched off', async () => {
    const off = { requestId: false }
    expect((await exchange({}, off)).slice(0, 2)).toEqual(['of-the-service', null])
    expect((await exchange({ 'x-request-id': 'mine' }, off)).slice(0, 2)).toEqual(['of-the-service', 'mine'])
  })
})

it('is told with the trace where the path cannot be read', async () => {
  const { port } = await startGateway({})
  const reply = await ask(port, { path: '/api/%zz/x' })
  expect(reply.status).toBe(400)
  const { traceId } = JSON.parse(reply.body)
  expect(traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(reply.headers['x-request-id']).toBe(traceId)
})

it('tells of the client that trusted proxies vouch for, whatever it says itself', async () => {
  const node = await startNode((_req, res) => res.end('ok'))
  const clients: string[] = []
  const observe = () => ({ request: (request: GatewayRequest) => void clients.push(request.client) })
  const { port } = await startGateway({
    nodes: [node],
    observe,
    settings: { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] },
  })
  await ask(port, { headers: { 'x-forwarded-for': '6.6.6.6, 1.2.3.4, 10.0.0.2' } })
  await ask(port)
  await expect.poll(() => clients).toEqual(['1.2.3.4', '127.0.0.1'])
})

it('answers tell how long node and gateway took, beside what the service says', async () => {
  const node = await startNode((_req, res) => {
    res.setHeader('server-timing', 'db;dur=1')
    res.end('ok')
  })
  const { port } = await startGateway({ nodes: [node], settings: { serverTiming: true } })
  const { headers } = await ask(port)
  expect(headers['server-timing']).toMatch(/^db;dur=1, node;dur=\d+\.\d\d, gateway;dur=\d+\.\d\d$/)
})

it('the access log has its share of the requests, and all that were answered 5xx', () => {
  const lines: AccessEntry[] = []
  const draws = [0.4, 0.6, 0.6]
  const observer = createAccessLog({
    ...{ share: 0.5, clock: manualClock(), random: () => draws.shift() ?? 1 },
    write: (entry) => void lines.push({ ...entry }),
  })(undefined, 'gateway')
  const told = (status: number): void => {
    const request = { method: 'GET', path: 'x'.repeat(4000), status, startedMs: 1, sentBytes: 7 }
    observer?.request(request as GatewayRequest, true, 5)
  }
  for (const status of [200, 200, 404, 503]) told(status)
  expect(lines.map(({ status }) => status)).toEqual([200, 503])
  expect(lines[0]).toMatchObject({ bytes: 7, durationMs: 4, path: `${'x'.repeat(2048)}…` })
})

it('the access log tells who broke off, and the bytes that were sent', async () => {
  const lines: AccessEntry[] = []
  const access = createAccessLog({ share: 1, clock: manualClock(), write: (entry) => void lines.push({ ...entry }) })
  const node = await startNode((_req, res) => {
    res.writeHead(200, { 'content-length': 100_000 })
    res.write('x'.repeat(5000), () => setTimeout(() => res.destroy(), 20))
  })
  const { port } = await startGateway({ nodes: [node], observe: access })
  await ask(port).catch(() => {})
  await expect.poll(() => lines.length).toBe(1)
  expect(lines[0]).toMatchObject({ status: 200, bytes: 5000, cut: 'node' })
})
