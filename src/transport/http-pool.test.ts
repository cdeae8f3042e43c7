/** How connections to a node are kept, shared and given up. */
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import type { Address } from '../core/node.ts'
import { dialTcp } from './dial.ts'
import { cleanups, engine, http, type Result, raw, send, sendTo, until } from './upstream.fixtures.ts'

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n'

/** Answers `ok`, with more fields; tells how many connections it has seen. */
async function keeping(fields = ''): Promise<{ address: Address; connections: () => number }> {
  let connections = 0
  const address = await raw((socket) => {
    connections++
    socket.on('data', () => socket.write(`${OK}${fields}\r\nok`))
  })
  return { address, connections: () => connections }
}

describe('an idle connection', () => {
  it.each([
    ['4 s where the node does not say', '', 4000],
    ['2 s less than the node says', 'Keep-Alive: timeout=5, max=100\r\n', 3000],
    ['70 s at most', 'Keep-Alive: timeout=600\r\n', 70_000],
  ])('is kept for %s', async (_name, fields, keptMs) => {
    const clock = manualClock()
    const { address } = await keeping(fields)
    const upstream = engine({ clock })
    await send(upstream, address)
    clock.advance(keptMs - 300)
    expect(upstream.stats()).toEqual({ connections: 1, idle: 1, waiting: 0 })
    clock.advance(300)
    expect(upstream.stats()).toEqual({ connections: 0, idle: 0, waiting: 0 })
  })

  it('is kept from its last use on', async () => {
    const clock = manualClock()
    const { address, connections } = await keeping()
    const upstream = engine({ clock })
    for (let i = 0; i < 5; i++) {
      await send(upstream, address)
      clock.advance(3000)
    }
    expect(connections()).toBe(1)
  })

  it('that breaks before its request was written has sent nothing', async () => {
    const { address } = await keeping()
    let socket: Socket | undefined
    const upstream = engine({
      dial(to) {
        socket = dialTcp(to)
        return socket
      },
    })
    await send(upstream, address)
    const sent = send(upstream, address)
    socket?.emit('error', new Error('reset'))
    expect(await sent).toMatchObject({ sent: 0, stage: 'unsent' })
  })

  it('that speaks before its request was written is not believed', async () => {
    const { address } = await keeping()
    let socket: Socket | undefined
    const upstream = engine({
      dial(to) {
        socket = dialTcp(to)
        return socket
      },
    })
    await send(upstream, address)
    const sent = send(upstream, address)
    socket?.emit('data', Buffer.from(`${OK}\r\nno`))
    expect(await sent).toMatchObject({ sent: 0, stage: 'unsent', error: { code: 'EPROTO' } })
  })

  it('serves another where its request is given up before it was written', async () => {
    const { address, connections } = await keeping()
    const upstream = engine()
    await send(upstream, address)
    sendTo(upstream, address, {}, {}).abort()
    await new Promise((resolve) => setImmediate(resolve))
    expect(upstream.stats()).toEqual({ connections: 1, idle: 1, waiting: 0 })
    expect(await send(upstream, address)).toMatchObject({ body: 'ok' })
    expect(connections()).toBe(1)
  })

  it.each([
    ['the node closes', 'Connection: close\r\n', {}],
    ['the node lists close among others', 'Connection: X-A, Close\r\n', {}],
    ['the node keeps it no longer than our margin', 'Keep-Alive: timeout=1\r\n', {}],
  ])('is none where %s', async (_name, fields, request) => {
    const { address, connections } = await keeping(fields)
    const upstream = engine()
    await send(upstream, address, request)
    expect(upstream.stats()).toEqual({ connections: 0, idle: 0, waiting: 0 })
    expect(await send(upstream, address, request)).toMatchObject({ body: 'ok' })
    expect(connections()).toBe(2)
  })

  it.each([
    ['closes', '', 2],
    ['stays open where it says so', 'Connection: keep-alive\r\n', 1],
  ])('of HTTP/1.0 %s', async (_name, fields, expected) => {
    let connections = 0
    const address = await raw((socket) => {
      connections++
      socket.on('data', () => socket.write(`HTTP/1.0 200 OK\r\nContent-Length: 2\r\n${fields}\r\nok`))
    })
    const upstream = engine()
    for (let i = 0; i < 2; i++) expect(await send(upstream, address)).toMatchObject({ body: 'ok' })
    expect(connections).toBe(expected)
  })

  it('keeps no process alive', async () => {
    const clock = manualClock()
    const calls: string[] = []
    const { address } = await keeping()
    const upstream = engine({
      clock,
      dial(to) {
        const socket = dialTcp(to)
        const noting = (call: string) => (): Socket => {
          calls.push(call)
          return socket
        }
        return Object.assign(socket, { ref: noting('ref'), unref: noting('unref') })
      },
    })
    await send(upstream, address)
    clock.advance(1000)
    expect(calls).toEqual(['unref'])
    await send(upstream, address)
    expect(calls).toEqual(['unref', 'ref'])
  })

  it('that the node closes is forgotten', async () => {
    const address = await raw((socket) => socket.once('data', () => socket.end(`${OK}\r\nok`)))
    const upstream = engine()
    await send(upstream, address)
    await until(() => upstream.stats().connections === 0)
    expect(await send(upstream, address)).toMatchObject({ body: 'ok' })
  })

  it('is taken by the last used first', async () => {
    const address = await http((req, res) => {
      if (req.url === '/port') res.end(String(req.socket.remotePort))
      else setTimeout(() => res.end(String(req.socket.remotePort)), req.url === '/slow' ? 20 : 0)
    })
    const upstream = engine()
    const [slow] = await Promise.all([send(upstream, address, { path: '/slow' }), send(upstream, address)])
    expect(upstream.stats().idle).toBe(2)
    expect(await send(upstream, address, { path: '/port' })).toMatchObject({ body: slow?.body })
  })
})

describe('a small exchange', () => {
  it('leaves in one write, and comes back within one read', async () => {
    const writes: unknown[] = []
    const { address } = await keeping()
    const upstream = engine({
      dial(to) {
        const socket = dialTcp(to)
        const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
        socket.write = (...args: unknown[]) => {
          writes.push(args[0])
          return write(...args)
        }
        return socket
      },
    })
    const order: string[] = []
    await new Promise<void>((resolve) => {
      sendTo(
        upstream,
        address,
        { method: 'POST', body: Buffer.from('{"é":1}') },
        {
          head() {
            order.push('head')
            queueMicrotask(() => order.push('later'))
          },
          data: (chunk) => order.push(chunk.toString()),
          end() {
            order.push('end')
            setImmediate(resolve)
          },
        },
      )
    })
    expect(writes).toEqual(['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n{"Ã©":1}'])
    expect(order).toEqual(['head', 'ok', 'end', 'later'])
  })

  it('frees its connection before it is told to have ended', async () => {
    const { address, connections } = await keeping()
    const upstream = engine()
    const second = await new Promise<Promise<Result>>((resolve) => {
      sendTo(upstream, address, {}, { end: () => resolve(send(upstream, address)) })
    })
    expect(await second).toMatchObject({ body: 'ok' })
    expect(connections()).toBe(1)
  })
})

describe('time-outs', () => {
  it('to connect', async () => {
    const clock = manualClock()
    const sockets: Socket[] = []
    const upstream = engine({
      clock,
      dial() {
        const socket = new Socket()
        sockets.push(socket)
        return socket
      },
    })
    const sent = send(upstream, { host: '127.0.0.1', port: 9 })
    clock.advance(499)
    expect(sockets[0]?.destroyed).toBe(false)
    clock.advance(51)
    expect(await sent).toMatchObject({ sent: 0, stage: 'unsent', error: { code: 'ETIMEDOUT' } })
    expect(sockets[0]?.destroyed).toBe(true)
  })

  it('of the first byte, and not while the body is still to come', async () => {
    const clock = manualClock()
    const address = await raw((socket) => socket.resume())
    const upstream = engine({ clock, firstByteTimeoutMs: 1000 })
    const body = new Readable({ read() {} })
    let sent = false
    const failed = new Promise<unknown[]>((resolve) => {
      sendTo(
        upstream,
        address,
        { method: 'POST', body },
        {
          sent: () => {
            sent = true
          },
          error: (...args) => resolve(args),
        },
      )
    })
    await until(() => sent)
    clock.advance(5000)
    expect(upstream.stats().connections).toBe(1)
    body.push(null)
    await new Promise((resolve) => setImmediate(resolve))
    clock.advance(900)
    expect(upstream.stats().connections).toBe(1)
    clock.advance(300)
    expect(await failed).toMatchObject([{ code: 'ETIMEDOUT' }, 'unanswered'])
  })

  it('of silence within an answer, and not while it is held', async () => {
    const clock = manualClock()
    const address = await raw((socket) => socket.on('data', () => socket.write(`${OK}\r\no`)))
    const upstream = engine({ clock, idleTimeoutMs: 1000 })
    let held = false
    const failed = new Promise<unknown[]>((resolve) => {
      const handle = sendTo(
        upstream,
        address,
        {},
        {
          data() {
            held = true
            return false
          },
          error: (...args) => resolve(args),
        },
      )
      cleanups.push(() => handle.abort())
      until(() => held).then(() => {
        clock.advance(5000)
        expect(upstream.stats().connections).toBe(1)
        handle.resume()
        clock.advance(1200)
      })
    })
    expect(await failed).toMatchObject([{ code: 'ETIMEDOUT' }, 'broken'])
  })
})

describe('the end of the engine', () => {
  it('is told to whoever waits, and nothing is sent any more', async () => {
    const address = await http(() => {})
    const upstream = engine({ maxConnections: 1 })
    const inUse = send(upstream, address)
    const waiting = send(upstream, address)
    await until(() => upstream.stats().waiting === 1)
    await upstream.close()
    const results = await Promise.all([inUse, waiting, send(upstream, address)])
    expect(results.map((result) => result.error?.code)).toEqual(Array(3).fill('ECANCELED'))
    expect(results[2]?.stage).toBe('unsent')
    expect(upstream.stats()).toEqual({ connections: 0, idle: 0, waiting: 0 })
  })
})
