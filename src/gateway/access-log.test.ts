import { get, type RequestListener } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import type { AccessEntry } from '../core/log.ts'
import type { GatewayRequest } from '../core/observe.ts'
import type { Policy } from '../core/options.ts'
import { createAccessLog } from './access-log.ts'
import { ask, startGateway, startNode } from './gateway.fixtures.ts'

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

describe('an answer that was not sent whole', () => {
  async function cutBy(node: RequestListener, settings: Partial<Policy>, client: (port: number) => void) {
    const lines: AccessEntry[] = []
    const access = createAccessLog({ share: 1, clock: manualClock(), write: (entry) => void lines.push({ ...entry }) })
    const nodes = [await startNode(node)]
    const { port } = await startGateway({ nodes, observe: access, policy: settings })
    client(port)
    await expect.poll(() => lines.length, { timeout: 5000 }).toBe(1)
    return lines[0]
  }
  const endless: RequestListener = (_req, res) => {
    res.writeHead(200)
    res.write('x'.repeat(1000))
  }

  it('for the time of the whole answer was over says so', async () => {
    const entry = await cutBy(endless, { totalTimeoutMs: 150 }, (port) => void ask(port).catch(() => {}))
    expect(entry).toMatchObject({ status: 200, cut: 'deadline' })
  })

  it('for its client went away is not put on the node', async () => {
    const entry = await cutBy(endless, {}, (port) => {
      const asked = get({ port, path: '/api/user/login' }, (res) => void res.once('data', () => asked.destroy()))
      asked.on('error', () => {})
    })
    expect(entry).toMatchObject({ status: 200, cut: 'client' })
  })
})

it('a request that its route refuses belongs to that route', async () => {
  const lines: AccessEntry[] = []
  const access = createAccessLog({ share: 1, clock: manualClock(), write: (entry) => void lines.push({ ...entry }) })
  const routes = { user: { login: { path: '/login', methods: ['GET'] } } }
  const { port } = await startGateway({ routes, observe: access })
  expect((await ask(port, { method: 'DELETE' })).status).toBe(405)
  expect(lines[0]).toMatchObject({ status: 405, service: 'user', action: 'login' })
})

it('tells of the client that trusted proxies vouch for, whatever it says itself', async () => {
  const node = await startNode((_req, res) => res.end('ok'))
  const clients: string[] = []
  const observe = () => ({ request: (request: GatewayRequest) => void clients.push(request.client), refused() {} })
  const { port } = await startGateway({
    nodes: [node],
    observe,
    settings: { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] },
  })
  await ask(port, { headers: { 'x-forwarded-for': '6.6.6.6, 1.2.3.4, 10.0.0.2' } })
  await ask(port)
  await expect.poll(() => clients).toEqual(['1.2.3.4', '127.0.0.1'])
})

it('what the door refuses has a line without method and path, and a request whose body is none has its status', async () => {
  const lines: AccessEntry[] = []
  const access = createAccessLog({ share: 1, clock: manualClock(), write: (entry) => void lines.push({ ...entry }) })
  const { port } = await startGateway({ observe: access, nodes: [await startNode((req) => void req.resume())] })
  const send = async (text: string): Promise<void> => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {}).end(text)
    for await (const _ of socket);
  }
  await send('GET / HTTP/1.1\r\n\r\n')
  await send(
    'POST /api/user/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n\r\n',
  )
  await expect
    .poll(() => lines.map(({ status, method, client, cut }) => [status, method, client, cut]))
    .toEqual([
      [400, '-', '127.0.0.1', undefined],
      [400, 'POST', '127.0.0.1', undefined],
    ])
})
