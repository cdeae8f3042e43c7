import { describe, expect, it } from 'vitest'
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

it('answers tell how long node and gateway took, beside what the service says', async () => {
  const node = await startNode((_req, res) => {
    res.setHeader('server-timing', 'db;dur=1')
    res.end('ok')
  })
  const { port } = await startGateway({ nodes: [node], settings: { serverTiming: true } })
  const { headers } = await ask(port)
  expect(headers['server-timing']).toMatch(/^db;dur=1, node;dur=\d+\.\d\d, gateway;dur=\d+\.\d\d$/)
})
