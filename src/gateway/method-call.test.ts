import { connect } from 'node:net'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import type { NodeInfo } from '../core/node.ts'
import { listenOn } from '../transport/listen.ts'
import type { RpcHandler } from '../transport/rpc.ts'
import { createRpcListener } from '../transport/rpc-listener.ts'
import { afterwards, ask, nodeAt, startGateway, type TestGateway, talk, testView, until } from './gateway.fixtures.ts'

/** A node of `user` that serves RPC with a handler of the test's. */
async function startRpcNode(handler: RpcHandler): Promise<NodeInfo> {
  const listener = createRpcListener({ handler, clock: systemClock })
  const { port } = await listenOn(listener.server, 0, '127.0.0.1')
  afterwards(() => listener.close(0))
  return nodeAt(port, {
    ...{ id: `id-${port}`, startedAtMs: 1, contract: 'h1', protocols: ['http', 'rpc'] },
    rpc: { host: '127.0.0.1', port },
  })
}

async function gatewayOf(...handlers: RpcHandler[]): Promise<TestGateway> {
  const view = testView()
  const rpc = { rename: { expose: 'POST' }, exists: { expose: 'GET', idempotent: true } }
  view.advertise('user', 'h1', { service: 'user', http: {}, rpc })
  return startGateway({ view, routes: {}, nodes: await Promise.all(handlers.map(startRpcNode)) })
}

const rename = { method: 'POST', path: '/api/user/rename', body: '{"to":"ann"}' }

describe('a request to a method', () => {
  it('carries key, caller, deadline and trace, and nothing that the client forged', async () => {
    let seen: unknown
    const { port } = await gatewayOf((received, responder) => {
      const names = ['__AUTH', 'goms-caller', 'goms-identity', '__ServerTimeout', 'traceparent']
      seen = { input: received.input(undefined), fields: names.map((name) => received.metadata(name)) }
      responder.reply({ ok: true }, undefined)
    })
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const headers = { 'goms-caller': 'x', 'goms-identity': 'x', traceparent: `00-${traceId}-b7ad6b7169203331-01` }
    expect((await ask(port, { ...rename, headers })).json().data).toEqual({ ok: true })
    expect(seen).toMatchObject({
      input: { to: 'ann' },
      fields: [
        ...['a-secret-key', 'gateway', undefined, expect.stringMatching(/^\d+$/), expect.stringContaining(traceId)],
      ],
    })
  })

  it('is withdrawn when the client goes away', async () => {
    let began = false
    let aborted = false
    const { port, gateway } = await gatewayOf((received) => {
      began = true
      received.onAbort(() => {
        aborted = true
      })
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('GET /api/user/exists HTTP/1.1\r\nHost: x\r\n\r\n')
    await until(() => began)
    socket.destroy()
    await until(() => aborted && gateway.inFlight() === 0)
  })

  it('is told to go on where it waits for that', async () => {
    const { port } = await gatewayOf((received, responder) => responder.reply(received.input(undefined), undefined))
    const head =
      'POST /api/user/rename HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close'
    const { socket, answer, text } = talk(port, `${head}\r\n\r\n`)
    await until(() => text().includes('100 Continue'))
    socket.write('{}')
    expect(await answer).toContain('"data":{}')
  })

  it('in chunks is bounded too', async () => {
    let runs = 0
    const { port } = await gatewayOf((_received, responder) => {
      runs++
      responder.reply(null, undefined)
    })
    const headers = { 'transfer-encoding': 'chunked' }
    expect((await ask(port, { ...rename, headers, body: Buffer.alloc(1_100_000, 0x20) })).status).toBe(413)
    expect((await ask(port, { ...rename, headers })).status).toBe(200)
    expect(runs).toBe(1)
  })

  it('is no upgrade', async () => {
    const { port } = await gatewayOf((_received, responder) => responder.reply(null, undefined))
    const head = 'GET /api/user/exists HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    const { answer } = talk(
      port,
      `${head}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    )
    expect(await answer).toMatch(/^HTTP\/1\.1 501 /)
  })
})

describe('a node that breaks off', () => {
  async function start(): Promise<{ port: number; runs(): number }> {
    let runs = 0
    const sockets = new Set<{ destroy(): void }>()
    const listener = createRpcListener({
      handler: (_received, responder) => {
        if (++runs > 1) responder.reply('answered', undefined)
        else for (const socket of sockets) socket.destroy()
      },
      clock: systemClock,
    })
    listener.server.on('connection', (socket) => sockets.add(socket))
    const bound = await listenOn(listener.server, 0, '127.0.0.1')
    afterwards(() => listener.close(0))
    const view = testView()
    const rpc = { rename: { expose: 'POST' }, exists: { expose: 'GET', idempotent: true } }
    view.advertise('user', 'h1', { service: 'user', http: {}, rpc })
    const node = nodeAt(bound.port, {
      ...{ startedAtMs: 1, contract: 'h1', protocols: ['http', 'rpc'] },
      rpc: { host: '127.0.0.1', port: bound.port },
    })
    const { port } = await startGateway({ view, routes: {}, nodes: [node] })
    return { port, runs: () => runs }
  }

  it('is asked again for what may be repeated', async () => {
    const { port, runs } = await start()
    expect((await ask(port, { path: '/api/user/exists' })).json().data).toBe('answered')
    expect(runs()).toBe(2)
  })

  it('is not asked again for what may not', async () => {
    const { port, runs } = await start()
    expect((await ask(port, rename)).status).toBe(502)
    expect(runs()).toBe(1)
  })
})
