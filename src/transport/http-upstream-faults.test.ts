/** The engine against nodes that break off, dribble, say too much, too early or the wrong thing. */
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import type { Address } from '../core/node.ts'
import { engine, http, type Result, raw, saying, send, sendTo, until } from './upstream.fixtures.ts'
import type { UpstreamRequest } from './upstream.ts'

const COUNTED = 'HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 10\r\n\r\n0123456789'
const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n01234\r\n00005\r\n56789\r\n0\r\nX-Sum: 7\r\n\r\n'
const UNFRAMED = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789'
const HINTED = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${COUNTED}`

/** Answers each request that ends with an empty line; pieces are sent one after the other, each in a packet of its own. */
function inPieces(pieces: (n: number) => readonly string[], then: (socket: Socket) => void): Promise<Address> {
  return raw((socket, n) => {
    socket.on('data', async () => {
      for (const piece of pieces(n)) {
        if (socket.destroyed) return
        socket.write(piece, 'latin1')
        await new Promise((resolve) => setImmediate(resolve))
      }
      then(socket)
    })
  })
}

describe('an answer in pieces', () => {
  it.each([
    ['counted', COUNTED, []],
    ['in chunks', CHUNKED, ['X-Sum', '7']],
    ['until the connection ends', UNFRAMED, []],
    ['after informational ones', HINTED, []],
  ])('is the same byte by byte: %s', async (_name, bytes, trailers) => {
    const address = await inPieces(
      () => [...bytes],
      (socket) => bytes === UNFRAMED && socket.end(),
    )
    const result = await send(engine(), address)
    expect(result).toMatchObject({ sent: 1, status: 200, body: '0123456789', trailers, error: undefined })
    expect(result.infos).toEqual(bytes === HINTED ? [103] : [])
  })

  it.each([
    ['counted', COUNTED],
    ['in chunks', CHUNKED],
    ['after informational ones', HINTED],
  ])('is the same cut at any byte: %s', async (_name, bytes) => {
    const address = await inPieces(
      (n) => [bytes.slice(0, n + 1), bytes.slice(n + 1)],
      () => {},
    )
    const upstream = engine({ connectTimeoutMs: 5000 })
    const results = await Promise.all(Array.from({ length: bytes.length - 1 }, () => send(upstream, address)))
    expect(new Set(results.map((result) => `${result.status} ${result.body} ${result.error}`))).toEqual(
      new Set(['200 0123456789 undefined']),
    )
  })
})

describe('an answer that is cut', () => {
  const ends: readonly [string, (socket: Socket) => unknown][] = [
    ['closed', (socket) => socket.end()],
    ['reset', (socket) => socket.resetAndDestroy()],
  ]
  const cases = ends.flatMap(([how, cut]) => [COUNTED, CHUNKED].map((bytes) => ({ how, cut, bytes })))

  it.each(cases)('is never taken for a whole one, at any byte: $how', async ({ cut, bytes }) => {
    const address = await inPieces((n) => [bytes.slice(0, n)], cut)
    const upstream = engine({ connectTimeoutMs: 5000, maxConnections: 1 })
    const headEnd = bytes.indexOf('\r\n\r\n') + 4
    for (let n = 0; n < bytes.length; n++) {
      const result = await send(upstream, address)
      const answered = n >= headEnd
      expect({ n, stage: result.stage, status: result.status }).toEqual({
        n,
        stage: answered ? 'broken' : 'unanswered',
        status: answered ? 200 : 0,
      })
      expect('0123456789'.startsWith(result.body)).toBe(true)
    }
    expect(upstream.stats()).toEqual({ connections: 0, idle: 0, waiting: 0 })
  })
})

describe('an answer that no two readers would agree on', () => {
  it.each([
    ['another protocol', 'SSH-2.0-x\r\n'],
    ['another version', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['no status', 'HTTP/1.1 OK\r\n\r\n'],
    ['bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 0\n\n'],
    ['a folded line', 'HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n'],
    ['a space before the colon', 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n'],
    ['a control character', 'HTTP/1.1 200 OK\r\nX-A: \0\r\nContent-Length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc'],
    ['a list of lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab'],
    ['a signed length', 'HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab'],
    ['a length beside chunks', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['another coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a switch that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
    ['a head that does not end', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(70_000)}`],
    ['a flood of hints', 'HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(40)],
  ])('is not passed on: %s', async (_name, bytes) => {
    const upstream = engine()
    const result = await send(upstream, await saying(bytes))
    expect(result).toMatchObject({ sent: 1, status: 0, stage: 'unanswered', error: { code: 'EPROTO' } })
    expect(upstream.stats().connections).toBe(0)
  })

  it.each([
    ['no size', '\r\nhello\r\n'],
    ['a size that is no number', 'x\r\nhello\r\n'],
    ['a signed size', '+5\r\nhello\r\n'],
    ['a size of too many digits', `${'0'.repeat(20)}5\r\nhello\r\n`],
    ['more than its size', '3\r\nhello\r\n'],
    ['bare line feeds', '5\nhello\n'],
  ])('breaks within its chunks: %s', async (_name, bytes) => {
    const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n'
    const result = await send(engine(), await saying(head + bytes))
    expect(result).toMatchObject({ status: 200, stage: 'broken', error: { code: 'EPROTO' } })
    expect(result.body.startsWith('ok')).toBe(true)
  })
})

describe('a node that says too much', () => {
  it.each([
    ['two answers', COUNTED + COUNTED.replace('0123456789', 'poisoned!!')],
    ['more than the length', `${COUNTED}x`],
    ['something behind the last chunk', `${CHUNKED}HTTP/1.1 200 OK\r\n`],
  ])('loses the connection, and no other request gets it: %s', async (_name, bytes) => {
    let connections = 0
    const address = await raw((socket) => {
      connections++
      socket.on('data', () => socket.write(bytes))
    })
    const upstream = engine({ maxConnections: 1, connectTimeoutMs: 5000 })
    const results = await Promise.all([send(upstream, address), send(upstream, address), send(upstream, address)])
    expect(results.map((result) => result.body)).toEqual(Array(3).fill('0123456789'))
    expect(connections).toBe(3)
  })

  it('a body after HEAD is nobody’s answer', async () => {
    const address = await saying(COUNTED)
    const upstream = engine()
    expect(await send(upstream, address, { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
    expect(upstream.stats().connections).toBe(0)
  })
})

describe('an answer before its request is through', () => {
  it('comes through, the rest is not sent, and the connection serves nobody else', async () => {
    const address = await raw((socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 413 No\r\nContent-Length: 2\r\n\r\nno')),
    )
    const upstream = engine()
    const body = new Readable({ read() {} })
    body.push(Buffer.alloc(10))
    const result = await send(upstream, address, { method: 'POST', body, contentLength: 100 })
    expect(result).toMatchObject({ sent: 1, status: 413, body: 'no', error: undefined })
    expect(body.destroyed).toBe(true)
    expect(upstream.stats().connections).toBe(0)
  })

  it('flows both ways at once', async () => {
    const address = await http((req, res) => {
      res.flushHeaders()
      req.pipe(res)
    })
    const body = new Readable({ read() {} })
    const upstream = engine()
    const result = await new Promise<string>((resolve) => {
      let seen = ''
      sendTo(
        upstream,
        address,
        { method: 'POST', body },
        {
          head: () => body.push('ping'),
          data(chunk) {
            seen += chunk.toString()
            body.push(seen === 'ping' ? 'pong' : null)
            return true
          },
          end: () => resolve(seen),
        },
      )
    })
    expect(result).toBe('pingpong')
    expect(upstream.stats()).toMatchObject({ connections: 1, idle: 1 })
  })
})

describe('a body that is not what it said', () => {
  it.each([
    ['shorter than its length', Readable.from([Buffer.from('abc')]), 5],
    ['longer than its length', Readable.from([Buffer.from('abc'), Buffer.from('def')]), 5],
    ['broken off', brokenOff(), 5],
    ['broken off, in chunks', brokenOff(), undefined],
    ['gone before it began', Readable.from([]).destroy(), undefined],
  ])('breaks the request, and the node never takes it for whole: %s', async (_name, body, contentLength) => {
    const whole: boolean[] = []
    let closed = 0
    const address = await http(
      (req) => {
        req.on('error', () => {})
        req.on('close', () => whole.push(req.complete))
        req.resume()
      },
      (server) => server.on('connection', (socket) => socket.on('close', () => closed++)),
    )
    const upstream = engine()
    const result = await send(upstream, address, { method: 'POST', body, contentLength } as Partial<UpstreamRequest>)
    expect(result).toMatchObject({ sent: 1, stage: 'unanswered' })
    await until(() => closed === 1)
    // It may not even have begun.
    expect(whole).not.toContain(true)
    expect(upstream.stats().connections).toBe(0)
  })

  function brokenOff(): Readable {
    return Readable.from(
      (async function* () {
        yield Buffer.from('abc')
        throw new Error('the client has gone')
      })(),
    )
  }

  it('an error of one that waits for a connection is no crash', async () => {
    const address = await http((req, res) => void (req.url === '/ok' && req.resume() && res.end('ok')))
    const upstream = engine({ maxConnections: 1, connectTimeoutMs: 5000 })
    const hung = sendTo(upstream, address, {}, {})
    const body = new Readable({ read() {} })
    const waiting = send(upstream, address, { method: 'POST', path: '/ok', body })
    body.destroy(new Error('the client has gone'))
    await until(() => body.closed)
    hung.abort()
    expect(await waiting).toMatchObject({ stage: 'unanswered' })
  })
})

describe('many at once', () => {
  it('200 uploads come back byte for byte, framed by length, in chunks and whole', async () => {
    const address = await http((req, res) => {
      const hash = createHash('sha256')
      req.on('data', (chunk) => hash.update(chunk))
      req.on('end', () => {
        res.setHeader('x-sha', hash.digest('hex'))
        res.end()
      })
    })
    const echo = await http((req, res) => req.pipe(res))
    const upstream = engine({ maxConnections: 32, connectTimeoutMs: 20_000 })
    const uploads = Array.from({ length: 200 }, async (_, n) => {
      const bytes = Buffer.alloc((n * 7919) % 200_000, `upload ${n} `)
      const pieces = [bytes.subarray(0, bytes.length >> 1), bytes.subarray(bytes.length >> 1)]
      const body = n % 3 === 0 ? bytes : Readable.from(pieces.filter((piece) => piece.length > 0))
      const request = { method: 'POST', body, contentLength: n % 3 === 1 ? bytes.length : undefined }
      const result: Result = await send(upstream, n % 2 === 0 ? address : echo, request)
      const sha = createHash('sha256').update(bytes).digest('hex')
      const got = n % 2 === 0 ? result.headers[1] : createHash('sha256').update(result.body, 'latin1').digest('hex')
      return got === sha && result.error === undefined
    })
    expect(await Promise.all(uploads)).toEqual(Array(200).fill(true))
  })
})

describe('a slow side', () => {
  it('a receiver that is full holds the node', async () => {
    let written = 0
    const address = await raw((socket) =>
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`
        const more = (): void => {
          for (let room = true; room && written < 64 * 1024 * 1024; written += 0x10000) room = socket.write(chunk)
        }
        socket.on('drain', more)
        more()
      }),
    )
    let received = 0
    const handle = sendTo(
      engine(),
      address,
      {},
      {
        data(chunk) {
          received += chunk.length
          return false
        },
      },
    )
    await until(() => received > 0)
    let before = -1
    while (before !== written) {
      before = written
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    // What the system keeps for both ends.
    expect(written).toBeLessThan(16 * 1024 * 1024)
    expect(received).toBeLessThanOrEqual(0x10000)
    handle.abort()
  })

  it('a node that does not read holds the body', async () => {
    const address = await raw((socket) => socket.pause())
    let given = 0
    const body = new Readable({
      read() {
        given += 0x10000
        this.push(Buffer.alloc(0x10000))
      },
    })
    const handle = sendTo(engine(), address, { method: 'POST', body, contentLength: 2 ** 40 }, {})
    let before = -1
    while (before !== given) {
      before = given
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    expect(given).toBeLessThan(16 * 1024 * 1024)
    handle.abort()
    expect(body.destroyed).toBe(true)
  })

  it('held chunks go on where they stopped', async () => {
    const address = await saying(CHUNKED)
    const seen: string[] = []
    await new Promise<void>((resolve) => {
      const handle = sendTo(
        engine(),
        address,
        {},
        {
          data(chunk) {
            seen.push(chunk.toString())
            setImmediate(() => handle.resume())
            return false
          },
          end: () => resolve(),
        },
      )
    })
    expect(seen).toEqual(['01234', '56789'])
  })
})

it('a receiver that throws breaks its own request only', async () => {
  const address = await saying(COUNTED)
  const upstream = engine()
  const wrong = new Error('a mistake of the receiver')
  const failed = new Promise<unknown[]>((resolve) => {
    const data = (): never => {
      throw wrong
    }
    sendTo(upstream, address, {}, { data, error: (...args) => resolve(args) })
  })
  expect(await failed).toEqual([wrong, 'broken'])
  expect(await send(upstream, address)).toMatchObject({ body: '0123456789' })
})
