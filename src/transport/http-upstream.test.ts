import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Address } from '../core/node.ts'
import { cleanups, engine, get, http, raw, send, sendTo } from './upstream.fixtures.ts'

describe('answers', () => {
  it('gives status, fields with their case and repetition, body and trailers', async () => {
    const address = await http((_req, res) => {
      res.writeHead(201, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Case', 'é', 'Trailer', 'X-Sum'])
      res.write('one')
      res.addTrailers({ 'X-Sum': '7' })
      res.end('two')
    })
    const result = await send(engine(), address)
    expect(result).toMatchObject({ sent: 1, status: 201, body: 'onetwo', trailers: ['X-Sum', '7'] })
    expect(result.headers.slice(0, 6)).toEqual(['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Case', 'é'])
  })

  it('reuses its connection, after HEAD and 204 too', async () => {
    let connections = 0
    const address = await http(
      (req, res) => res.writeHead(req.url === '/none' ? 204 : 200).end(),
      (server) => server.on('connection', () => connections++),
    )
    const upstream = engine()
    await send(upstream, address, { method: 'HEAD' })
    await sleep(5)
    await send(upstream, address, { path: '/none' })
    await sleep(5)
    await send(upstream, address)
    expect(connections).toBe(1)
    expect(upstream.stats()).toMatchObject({ connections: 1 })
  })

  it('tells informational answers apart', async () => {
    const address = await http((_req, res) => {
      res.writeEarlyHints({ link: '</x>; rel=preload' })
      res.end('x')
    })
    expect(await send(engine(), address)).toMatchObject({ infos: [103], status: 200, body: 'x' })
  })

  it('follows no redirect', async () => {
    const address = await http((_req, res) => res.writeHead(302, { location: '/else' }).end())
    expect(await send(engine(), address)).toMatchObject({ status: 302 })
  })

  it('holds the answer while the receiver is full', async () => {
    const address = await http((_req, res) => res.end(Buffer.alloc(4_000_000)))
    let seen = 0
    const done = new Promise<void>((resolve) => {
      const handle = engine().send(address, get, {
        ...{ sent() {}, info() {}, head() {}, error() {}, end: () => resolve() },
        data(chunk) {
          seen += chunk.length
          if (seen < 100_000) return true
          setTimeout(() => {
            expect(seen).toBeLessThan(300_000)
            seen = Number.NEGATIVE_INFINITY
            handle.resume()
          }, 50)
          return seen === Number.NEGATIVE_INFINITY
        },
      })
    })
    await done
  })

  it('gives no empty pieces, so that a receiver may pause at each one', async () => {
    const address = await http((_req, res) => res.end(Buffer.alloc(1_000_000)))
    const sizes: number[] = []
    await new Promise<void>((resolve) => {
      const handle = engine().send(address, get, {
        ...{ sent() {}, info() {}, head() {}, error() {}, end: () => resolve() },
        data(chunk) {
          sizes.push(chunk.length)
          setImmediate(() => handle.resume())
          return false
        },
      })
    })
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_000_000)
    expect(sizes).not.toContain(0)
  })
})

describe('bodies', () => {
  async function echo(): Promise<Address> {
    return http((req, res) => {
      res.setHeader('x-framing', req.headers['content-length'] ?? req.headers['transfer-encoding'] ?? 'none')
      req.pipe(res)
    })
  }

  it.each([
    ['a whole body', { body: Buffer.from('hello') }, 'hello', '5'],
    ['a stream in chunks', { body: Readable.from([Buffer.from('he'), Buffer.from('llo')]) }, 'hello', 'chunked'],
    ['a stream of known length', { body: Readable.from([Buffer.from('hello')]), contentLength: 5 }, 'hello', '5'],
    ['an empty body', { body: null }, '', '0'],
  ])('frames %s anew', async (_name, request, body, framing) => {
    const result = await send(engine(), await echo(), { method: 'POST', ...request })
    expect(result.body).toBe(body)
    expect(result.headers[result.headers.indexOf('x-framing') + 1]).toBe(framing)
  })
})

describe('how far a request got', () => {
  it('unsent: connection refused', async () => {
    const address = await http(() => {})
    await cleanups.pop()?.()
    const result = await send(engine(), address)
    expect(result).toMatchObject({ sent: 0, stage: 'unsent', error: { code: 'ECONNREFUSED' } })
  })

  it('unsent: no answer to the connect', async () => {
    // TEST-NET-1 (RFC 5737): blackholed or unreachable, never there.
    const upstream = engine({ connectTimeoutMs: 40 })
    const result = await send(upstream, { host: '192.0.2.1', port: 9 })
    expect(result.sent).toBe(0)
    expect(result.stage).toBe('unsent')
  })

  it('unsent: no free connection in time, or too many waiting', async () => {
    const address = await http(() => {})
    const upstream = engine({ maxConnections: 1, maxWaiting: 1, connectTimeoutMs: 50 })
    const first = sendTo(upstream, address, {}, {})
    const second = send(upstream, address)
    const third = await send(upstream, address)
    expect(third).toMatchObject({ stage: 'unsent', error: { code: 'OVERLOADED' } })
    expect(await second).toMatchObject({ stage: 'unsent', error: { code: 'OVERLOADED' } })
    first.abort()
  })

  it('unsent: a request that cannot be written, and the pool is none the worse', async () => {
    const address = await http((_req, res) => res.end('ok'))
    const upstream = engine({ maxConnections: 1 })
    expect(await send(upstream, address, { path: '/a b' })).toMatchObject({ sent: 0, stage: 'unsent' })
    expect(await send(upstream, address)).toMatchObject({ body: 'ok' })
  })

  it('unanswered: the node closes without a word', async () => {
    const address = await raw((socket) => socket.once('data', () => socket.destroy()))
    expect(await send(engine(), address)).toMatchObject({ sent: 1, stage: 'unanswered' })
  })

  it('unanswered: the node answers with rubbish', async () => {
    const address = await raw((socket) => socket.once('data', () => socket.end('SSH-2.0-x\r\n')))
    expect(await send(engine(), address)).toMatchObject({ sent: 1, stage: 'unanswered' })
  })

  it.each([
    ['a counted body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello'],
    ['a chunked body', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
  ])('broken: %s is cut short', async (_name, bytes) => {
    const address = await raw((socket) => socket.once('data', () => socket.end(bytes)))
    expect(await send(engine(), address)).toMatchObject({ status: 200, body: 'hello', stage: 'broken' })
  })

  it('broken: a reset within a body that ends with the connection', async () => {
    const address = await raw((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello')
        setTimeout(() => socket.resetAndDestroy(), 30)
      }),
    )
    expect(await send(engine(), address)).toMatchObject({ status: 200, body: 'hello', stage: 'broken' })
  })

  it('complete: a body that ends with the connection', async () => {
    const address = await raw((socket) =>
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello')),
    )
    expect(await send(engine(), address)).toMatchObject({ status: 200, body: 'hello', error: undefined })
  })
})

describe('connections', () => {
  it('are never more than allowed, and serve everyone', async () => {
    let open = 0
    let most = 0
    const address = await http(
      (_req, res) => setTimeout(() => res.end('x'), 2),
      (server) =>
        server.on('connection', (socket) => {
          most = Math.max(most, ++open)
          socket.on('close', () => open--)
        }),
    )
    const upstream = engine({ maxConnections: 4, connectTimeoutMs: 5000 })
    const results = await Promise.all(Array.from({ length: 100 }, () => send(upstream, address)))
    expect(results.every((result) => result.body === 'x' && result.sent === 1)).toBe(true)
    expect(most).toBe(4)
  })

  it('an abort closes the connection at once and reports nothing', async () => {
    let closed: () => void = () => {}
    const gone = new Promise<void>((resolve) => {
      closed = resolve
    })
    const address = await http((req) => req.on('close', closed))
    let reports = 0
    const report = (): void => void reports++
    const upstream = engine()
    const handle = upstream.send(address, get, {
      ...{ info: report, head: report, end: report, error: report, data: () => true },
      sent: () => setTimeout(() => handle.abort(), 20),
    })
    await gone
    await sleep(20)
    expect(reports).toBe(0)
    expect(upstream.stats().connections).toBe(0)
  })

  it('an abort makes room for those who wait', async () => {
    const address = await http((req, res) => req.url === '/ok' && res.end('ok'))
    const upstream = engine({ maxConnections: 1, connectTimeoutMs: 2000 })
    const hung = sendTo(upstream, address, {}, {})
    await sleep(20)
    const waiting = send(upstream, address, { path: '/ok' })
    hung.abort()
    expect(await waiting).toMatchObject({ body: 'ok' })
  })

  it('an abort before the request was written keeps the connection', async () => {
    let connections = 0
    const address = await http(
      (_req, res) => res.end('x'),
      (server) => server.on('connection', () => connections++),
    )
    const upstream = engine()
    sendTo(upstream, address, {}, {}).abort()
    await sleep(30)
    expect(await send(upstream, address)).toMatchObject({ body: 'x' })
    expect(connections).toBe(1)
  })

  it('of a node that left are closed: idle ones at once, the others after their traffic', async () => {
    let finish: () => void = () => {}
    const address = await http((req, res) => {
      if (req.url === '/slow') finish = () => void res.end('slow')
      else res.end('fast')
    })
    const upstream = engine()
    const slow = send(upstream, address, { path: '/slow' })
    await send(upstream, address)
    await sleep(10)
    expect(upstream.stats()).toMatchObject({ connections: 2, idle: 1 })
    upstream.forget(address)
    expect(upstream.stats()).toMatchObject({ connections: 1, idle: 0 })
    finish()
    expect(await slow).toMatchObject({ body: 'slow' })
    await sleep(20)
    expect(upstream.stats()).toEqual({ connections: 0, idle: 0, waiting: 0 })
  })

  it('are dropped when the node sends unasked-for bytes on an idle one', async () => {
    let socketOf: Socket | undefined
    const address = await raw((socket) => {
      socketOf = socket
      socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
    })
    const upstream = engine()
    await send(upstream, address)
    await sleep(10)
    socketOf?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged')
    await sleep(20)
    expect(upstream.stats().connections).toBe(0)
    expect(await send(upstream, address)).toMatchObject({ body: 'ok' })
  })
})
