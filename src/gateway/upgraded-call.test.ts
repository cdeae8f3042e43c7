import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { INTERNAL } from '../http/internal.ts'
import { afterwards, nodeAt, startGateway, startNode, type TestGateway, talk, until } from './gateway.fixtures.ts'

async function echoNode(seen?: (headers: NodeJS.Dict<string | string[]>, url: string | undefined) => void) {
  const node = await startNode((_req, res) => res.writeHead(426, { 'content-length': '2' }).end('no'))
  const wss = new WebSocketServer({ server: node.server, handleProtocols: (offered) => [...offered][0] ?? false })
  wss.on('connection', (socket, req) => {
    seen?.(req.headers, req.url)
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  afterwards(() => wss.close())
  return { ...node, wss }
}

function dial({ port }: TestGateway, path = '/api/user/login', options: object = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, ['chat'], options)
  socket.on('error', () => {})
  afterwards(() => socket.terminate())
  return socket
}

function next(socket: WebSocket): Promise<Buffer> {
  return new Promise((resolve) => socket.once('message', (data) => resolve(data as Buffer)))
}

const opened = (socket: WebSocket): Promise<void> => new Promise((resolve) => socket.once('open', () => resolve()))

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'

describe('WebSocket', () => {
  it('passes both ways, with the query, our own fields, and the protocol that the node chose', async () => {
    let headers: NodeJS.Dict<string | string[]> = {}
    let url: string | undefined
    const node = await echoNode((h, u) => {
      headers = h
      url = u
    })
    const gate = await startGateway({ nodes: [node], definition: { auth: () => 'bob' } })
    const socket = dial(gate, '/api/user/login?room=1', { headers: { 'goms-identity': 'forged' } })
    await opened(socket)
    expect(socket.protocol).toBe('chat')
    expect(url).toBe('/login?room=1')
    expect(headers[INTERNAL.callKey]).toBe('a-secret-key')
    expect(JSON.parse(Buffer.from(String(headers[INTERNAL.identity]), 'base64url').toString())).toBe('bob')
    const big = Buffer.alloc(1_000_000, 7)
    for (const message of [Buffer.from('hello'), big]) {
      const reply = next(socket)
      socket.send(message)
      expect((await reply).equals(message)).toBe(true)
    }
    expect(gate.gateway.sessions()).toBe(1)
    expect(gate.gateway.inFlight()).toBe(0)
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    socket.close(4001)
    expect(await closed).toBe(4001)
    await until(() => gate.gateway.sessions() === 0)
  })

  it('sends on what came together with the request', async () => {
    const node = await echoNode()
    const gate = await startGateway({ nodes: [node] })
    const frame = '\x81\x82\0\0\0\0hi'
    const raw = talk(gate.port, `GET /api/user/login HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n${frame}`)
    await until(() => raw.text().endsWith('\x81\x02hi'))
    raw.socket.destroy()
  })

  it('says 1001 to both sides at drain, between two frames', async () => {
    const node = await echoNode()
    let nodeCode = 0
    node.wss.on('connection', (socket) => socket.on('close', (code) => (nodeCode = code)))
    const gate = await startGateway({ nodes: [node] })
    const socket = dial(gate)
    await opened(socket)
    let received = 0
    socket.on('message', () => received++)
    // Frames are under way while the goodbye is said.
    for (let i = 0; i < 50; i++) socket.send(Buffer.alloc(100_000))
    const closed = new Promise<number>((resolve) => socket.once('close', resolve))
    await until(() => received > 3)
    gate.gateway.drain(0)
    expect(await closed).toBe(1001)
    await until(() => gate.gateway.sessions() === 0 && nodeCode !== 0)
    expect(nodeCode).toBe(1001)
  })

  it('the end of one side is the end of the other', async () => {
    const node = await echoNode()
    const gate = await startGateway({ nodes: [node] })
    const first = dial(gate)
    await opened(first)
    first.terminate()
    await until(() => node.wss.clients.size === 0 && gate.gateway.sessions() === 0)
    const second = dial(gate)
    await opened(second)
    const closed = new Promise((resolve) => second.once('close', resolve))
    for (const client of node.wss.clients) client.terminate()
    await closed
    await until(() => gate.gateway.sessions() === 0)
  })

  it('silence is cut', async () => {
    const gate = await startGateway({ nodes: [await echoNode()], settings: { idleTimeoutMs: 60 } })
    const socket = dial(gate)
    await opened(socket)
    await new Promise((resolve) => socket.once('close', resolve))
    await until(() => gate.gateway.sessions() === 0)
  })

  it('goes to another node when one refuses the connection', async () => {
    const dead = await startNode(() => {})
    dead.server.close()
    const gate = await startGateway({ nodes: [dead, await echoNode()] })
    for (let i = 0; i < 2; i++) await opened(dial(gate))
  })
})

describe('other answers to an upgrade', () => {
  async function answerTo(gate: TestGateway, head: string): Promise<string> {
    return talk(gate.port, `GET /api/user/login HTTP/1.1\r\nHost: x\r\n${head}\r\n`).answer
  }

  it('a node that does not switch: its own answer, and the end', async () => {
    const node = await startNode((_req, res) => res.end('no'))
    node.server.on('upgrade', (_req, socket) => {
      socket.end(
        'HTTP/1.1 403 Forbidden\r\nX-Why: because\r\nContent-Length: 2\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n\r\nno',
      )
    })
    const text = await answerTo(await startGateway({ nodes: [node] }), UPGRADE)
    expect(text).toMatch(/^HTTP\/1.1 403 Forbidden\r\nX-Why: because\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n/)
    expect(text).toContain('\r\nContent-Length: 2\r\n')
    expect(text).toMatch(/Connection: close\r\n\r\nno$/)
  })

  it('an answer that breaks off is not made to look complete', async () => {
    const node = await startNode(() => {})
    node.server.on('upgrade', (_req, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n')
      setTimeout(() => socket.destroy(), 20)
    })
    const text = await answerTo(await startGateway({ nodes: [node] }), UPGRADE)
    expect(text).toContain('no')
    expect(text).not.toMatch(/0\r\n\r\n$/)
  })

  it.each([
    ['an unknown route', UPGRADE, '/api/user/nope', 404],
    [
      'no protocol of ours',
      'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n',
      '/api/user/login',
      501,
    ],
    ['a body', `${UPGRADE}Content-Length: 3\r\n`, '/api/user/login', 501],
  ])('%s', async (_name, head, path, status) => {
    const gate = await startGateway({ nodes: [await echoNode()] })
    const text = await talk(gate.port, `GET ${path} HTTP/1.1\r\nHost: x\r\n${head}\r\n`).answer
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: false })
    await until(() => gate.gateway.inFlight() === 0)
  })

  it('the hook is asked', async () => {
    const auth = (): never => {
      throw new Error('no')
    }
    const gate = await startGateway({ nodes: [await echoNode()], definition: { auth } })
    expect(await answerTo(gate, UPGRADE)).toMatch(/^HTTP\/1.1 401 /)
  })

  it('no node, a node that does not answer, a node that closes', async () => {
    expect(await answerTo(await startGateway(), UPGRADE)).toMatch(/^HTTP\/1.1 503 /)
    const hung = await startNode(() => {})
    hung.server.on('upgrade', () => {})
    const gate = await startGateway({ nodes: [hung], policy: { timeoutMs: 60, retries: 0 } })
    expect(await answerTo(gate, UPGRADE)).toMatch(/^HTTP\/1.1 504 /)
    const rude = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => rude.listen(0, '127.0.0.1', resolve))
    afterwards(() => rude.close())
    const node = nodeAt((rude.address() as AddressInfo).port)
    expect(await answerTo(await startGateway({ nodes: [node] }), UPGRADE)).toMatch(/^HTTP\/1.1 502 /)
  })

  it('a client that goes away meanwhile frees the node', async () => {
    let reached = false
    let gone = false
    const node = await startNode(() => {})
    node.server.on('upgrade', (_req, socket) => {
      reached = true
      socket.on('error', () => {})
      socket.on('end', () => {
        gone = true
        socket.destroy()
      })
      socket.resume()
    })
    const gate = await startGateway({ nodes: [node] })
    const raw = talk(gate.port, `GET /api/user/login HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n`)
    await until(() => reached)
    raw.socket.destroy()
    await until(() => gone && gate.gateway.inFlight() === 0)
    await sleep(1)
  })

  it('another protocol passes as bytes', async () => {
    const node = await startNode(() => {})
    node.server.on('upgrade', (_req, socket, head) => {
      socket.write(`HTTP/1.1 101 Fine\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\nX-A: 1\r\n\r\nhello ${head}`)
      socket.on('data', (chunk) => socket.write(chunk))
      socket.on('end', () => socket.end())
    })
    const gate = await startGateway({ nodes: [node] })
    const raw = talk(
      gate.port,
      'GET /api/user/login HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo/1\r\n\r\nearly',
    )
    await until(() => raw.text().includes('early'))
    expect(raw.text()).toMatch(
      /^HTTP\/1.1 101 Fine\r\nConnection: Upgrade\r\nUpgrade: echo\/1\r\nX-A: 1\r\n\r\nhello early|hello /,
    )
    raw.socket.write('more')
    await until(() => raw.text().endsWith('more'))
    raw.socket.end()
    await raw.answer
    await until(() => gate.gateway.sessions() === 0)
  })
})
