/** Requests that may switch protocols. */
import type { Duplex, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import type { Address } from '../core/node.ts'
import { cleanups, engine, raw, saying, until } from './upstream.fixtures.ts'
import type { AnswerHead, Upstream, UpstreamRequest, UpstreamStage } from './upstream.ts'

const upgrade: UpstreamRequest = {
  method: 'GET',
  path: '/chat',
  fields: 'Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n',
  body: null,
}

interface Opened {
  sent: boolean
  switched?: { head: AnswerHead; socket: Duplex; early: string }
  answered?: { head: AnswerHead; body: Readable }
  error?: { code: string | undefined; stage: UpstreamStage }
}

function open(upstream: Upstream, address: Address): Promise<Opened> {
  return new Promise((resolve) => {
    const opened: Opened = { sent: false }
    const tunnel = upstream.tunnel(address, upgrade, {
      sent() {
        opened.sent = true
      },
      switched: (head, socket, early) => resolve({ ...opened, switched: { head, socket, early: early.toString() } }),
      answered: (head, body) => resolve({ ...opened, answered: { head, body } }),
      error: (error, stage) => resolve({ ...opened, error: { code: (error as { code?: string }).code, stage } }),
    })
    cleanups.push(() => tunnel.abort())
  })
}

describe('a tunnel', () => {
  it('is a pair of byte streams once the node has switched, from the first byte behind its answer on', async () => {
    let heard = ''
    const address = await raw((socket) => {
      socket.once('data', (request) => {
        heard = request.toString()
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nearly')
        socket.on('data', (chunk) => socket.write(chunk.toString().toUpperCase()))
        socket.on('end', () => socket.end())
      })
    })
    const { sent, switched } = await open(engine(), address)
    expect(heard).toBe(`GET /chat HTTP/1.1\r\n${upgrade.fields}\r\n`)
    expect([sent, switched?.head.status, switched?.head.fields.get('upgrade'), switched?.early]).toEqual([
      ...[true, 101, 'websocket', 'early'],
    ])
    const socket = switched?.socket as Duplex
    socket.end('hello')
    expect(await text(socket)).toBe('HELLO')
  })

  it('is an answer like any other where the node does not switch, to its last byte', async () => {
    const body = 'no'.repeat(100_000)
    const address = await raw((socket) =>
      socket.once('data', () =>
        socket.end(`HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 426 Upgrade Required\r\nX-A: 1\r\n\r\n${body}`),
      ),
    )
    const { answered } = await open(engine(), address)
    expect(answered?.head).toMatchObject({ status: 426, reason: 'Upgrade Required' })
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(await text(answered?.body as Readable)).toBe(body)
  })

  it('whose answer is cut says so', async () => {
    const address = await raw((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc')),
    )
    const { answered } = await open(engine(), address)
    await expect(text(answered?.body as Readable)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it.each([
    ['closes without a word', () => raw((socket) => socket.once('data', () => socket.destroy())), 'ECONNRESET'],
    ['does not speak HTTP', () => saying('SSH-2.0-x\r\n'), 'EPROTO'],
  ])('is unanswered where the node %s', async (_name, node, code) => {
    expect(await open(engine(), await node())).toMatchObject({ sent: true, error: { code, stage: 'unanswered' } })
  })

  it('is unsent where nobody listens', async () => {
    const address = await raw(() => {})
    await cleanups.pop()?.()
    expect(await open(engine(), address)).toEqual({ sent: false, error: { code: 'ECONNREFUSED', stage: 'unsent' } })
  })

  it('ends with the engine', async () => {
    let closed = false
    const address = await raw((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n'))
      socket.once('close', () => {
        closed = true
      })
    })
    const upstream = engine()
    await open(upstream, address)
    await upstream.close()
    await until(() => closed)
  })
})
