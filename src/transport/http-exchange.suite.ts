/** What every engine that takes HTTP requests does, whichever it is. */
import { createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { HttpDoor, HttpDoorOptions } from './http-door.ts'
import {
  echo,
  type Gate,
  gate,
  listenTo,
  type Open,
  pattern,
  say,
  type Talk,
  type Told,
  talk as talkOver,
} from './http-exchange.fixtures.ts'
import type { ExchangeEvents, ExchangeHandler, HttpExchange } from './http-exchange.ts'

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'
const LAST = 'GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'

/** @param over how clients connect. @default TCP */
export function httpExchangeSuite(
  name: string,
  create: (options: HttpDoorOptions) => HttpDoor,
  over?: { readonly open: Open; readonly encrypted: boolean },
): void {
  const talk = (port: number, bytes: string | Buffer, options: { allowHalfOpen?: boolean } = {}): Talk =>
    talkOver(port, bytes, options, over?.open)
  const open: (() => unknown)[] = []
  afterEach(async () => {
    for (const close of open.splice(0)) await close()
  })

  async function door(handler: ExchangeHandler, options: Partial<HttpDoorOptions> = {}) {
    const it = create({ handler, ...options })
    open.push(() => it.close(0))
    const { port } = await it.listen(0, '127.0.0.1')
    return { it, port }
  }

  /** One that gives each exchange to the test. */
  async function held(options: Partial<HttpDoorOptions> = {}) {
    const waiting: Gate<HttpExchange>[] = []
    const arrived: HttpExchange[] = []
    const made = await door((exchange) => {
      const wants = waiting.shift()
      if (wants) wants.open(exchange)
      else arrived.push(exchange)
    }, options)
    const next = (): Promise<HttpExchange> => {
      const there = arrived.shift()
      if (there) return Promise.resolve(there)
      const wants = gate<HttpExchange>()
      waiting.push(wants)
      return wants.opened
    }
    return { ...made, next, arrived }
  }

  describe(`${name}: requests`, () => {
    it('gives method, target, version, fields and peer as they came', async () => {
      const { port, next } = await held()
      const client = talk(port, 'PATCH /a?b=%20c HTTP/1.1\r\nHost: x:1\r\nA: 1\r\na:  two \r\nX-L: \u00e4\r\n\r\n')
      const exchange = await next()
      expect(exchange).toMatchObject({ method: 'PATCH', target: '/a?b=%20c', version: '1.1', hasBody: false })
      expect(exchange).toMatchObject({
        bodyComplete: true,
        contentLength: undefined,
        upgrade: undefined,
        headSent: false,
      })
      expect(exchange.fields.get('a')).toBe('1, two')
      expect(exchange.fields.get('host')).toBe('x:1')
      expect(exchange.peer).toEqual({ address: '127.0.0.1', localPort: port, encrypted: over?.encrypted ?? false })
      listenTo(exchange)
      say(exchange, 'ok')
      await client.until('ok')
    })

    it('reads a head that comes byte by byte', async () => {
      const { port } = await door(echo)
      const client = talk(port, '')
      for (const byte of 'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc') {
        client.socket.write(byte)
        await turn()
      }
      expect(await client.ended).toContain('POST /x abc')
    })

    it.each([
      ['a known length', 'Content-Length: 11\r\n\r\nhello world', 'hello world'],
      ['no bytes', 'Content-Length: 0\r\n\r\n', ''],
      ['chunks', 'Transfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n', 'hello world'],
      [
        'chunks and trailers',
        'Transfer-Encoding: chunked\r\nTrailer: A\r\n\r\nB\r\nhello world\r\n0\r\nA: 1\r\n\r\n',
        'hello world',
      ],
      ['no chunks', 'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', ''],
    ])('takes a body of %s, whole and in pieces, and goes on behind it', async (_name, rest, body) => {
      const { port } = await door(echo)
      const bytes = `POST /b HTTP/1.1\r\nHost: x\r\n${rest}`
      expect(await talk(port, bytes + LAST).ended).toMatch(
        new RegExp(`POST /b ${body}HTTP/1.1 200 OK[\\s\\S]*GET /last `),
      )
      const slow = talk(port, '')
      for (let at = 0; at < bytes.length; at += 5) {
        slow.socket.write(bytes.slice(at, at + 5))
        await turn()
      }
      await slow.until(`POST /b ${body}`)
      slow.socket.write(LAST)
      expect(await slow.ended).toContain('GET /last ')
    })

    it('serves pipelined requests one after the other, in their order', async () => {
      const { port, next, arrived } = await held()
      const client = talk(
        port,
        `GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab${LAST}`,
      )
      const first = await next()
      for (let i = 0; i < 5; i++) await turn()
      expect(arrived).toHaveLength(0)
      say(first, 'one')
      const second = await next()
      expect(second.target).toBe('/2')
      const told = listenTo(second)
      await told.whole
      say(second, `two${told.body()}`)
      const third = await next()
      say(third, 'three')
      expect(await client.ended).toMatch(/one[\s\S]*twoab[\s\S]*three$/)
    })

    it('answers many pipelined requests that are answered at once', async () => {
      let count = 0
      const { port } = await door((exchange) => say(exchange, `<${++count}>`))
      const text = await talk(port, GET.repeat(2000) + LAST).ended
      expect(text.match(/<\d+>/g)).toHaveLength(2001)
      expect(text.endsWith('<2001>')).toBe(true)
    })

    it('says 100 Continue when the body is wanted, once', async () => {
      const { port, next } = await held()
      const client = talk(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
      const exchange = await next()
      expect(exchange.hasBody).toBe(true)
      for (let i = 0; i < 5; i++) await turn()
      expect(client.text()).toBe('')
      const told = listenTo(exchange)
      await client.until('HTTP/1.1 100 Continue\r\n\r\n')
      client.socket.write('body')
      await told.whole
      say(exchange, 'done')
      const text = await client.until('done')
      expect(text.match(/100 Continue/g)).toHaveLength(1)
      client.socket.write(GET)
      say(await next(), 'again')
      await client.until('again')
    })

    it('says no 100 Continue when the body is not wanted, and ends the connection', async () => {
      const { port } = await door((exchange) => say(exchange, 'no', 403))
      const client = talk(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n')
      const text = await client.ended
      expect(text).toMatch(/^HTTP\/1.1 403 /)
      expect(text).toMatch(/connection: close/i)
    })

    it('goes on behind a small body that nobody wanted', async () => {
      const { port } = await door((exchange) => say(exchange, exchange.target))
      const body = 'x'.repeat(5000)
      const text = await talk(port, `POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n${body}${LAST}`).ended
      expect(text).toMatch(/\/1HTTP[\s\S]*\/last$/)
    })

    it('ends the connection behind a large body that nobody wanted, and its answer arrives', async () => {
      const { port } = await door((exchange) => say(exchange, 'too large', 413))
      const client = talk(port, 'POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n')
      client.socket.write(Buffer.alloc(1_000_000))
      const text = await client.ended
      expect(text).toMatch(/connection: close/i)
      expect(text).toMatch(/too large$/)
    })
  })

  describe(`${name}: refusals`, () => {
    it.each([
      ['no HTTP at all', 'hello\r\n\r\n', 400],
      ['HTTP/0.9', 'GET /\r\n\r\n', 400],
      ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
      ['two Hosts', 'GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n', 400],
      ['a Host that is none', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400],
      ['both framings', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
      ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n', 400],
      ['a signed length', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n', 400],
      ['another coding', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 501],
      ['chunks in HTTP/1.0', 'POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
      ['a control character', 'GET / HTTP/1.1\r\nHost: x\r\nA: \u0001\r\n\r\n', 400],
      ['a space before the colon', 'GET / HTTP/1.1\r\nHost: x\r\nA : 1\r\n\r\n', 400],
      ['a huge head', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
      ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', 501],
      ['another expectation', 'GET / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n', 417],
    ])('%s', async (_name, bytes, status) => {
      let handled = 0
      const refused: unknown[] = []
      const { port } = await door(
        (exchange) => {
          handled++
          say(exchange, 'ok')
        },
        { refused: (...told) => void refused.push(told) },
      )
      const client = talk(port, bytes + GET)
      const answer = await client.ended
      expect(answer.split('\r\n')[0]).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      expect(answer).toMatch(/connection: close/i)
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: false, code: expect.any(String) })
      expect(handled).toBe(0)
      expect(refused).toEqual([[status, '127.0.0.1']])
    })

    it.each([
      ['a chunk without a size', 'hello'],
      ['a bare line feed', '5\nhello\n0\n\n'],
      ['data behind the end of a chunk', '2\r\nhello\r\n0\r\n\r\n'],
    ])('a body with %s ends its request', async (_name, chunks) => {
      const told = gate<Told>()
      const refused: number[] = []
      const { port } = await door(
        (exchange) => {
          told.open(listenTo(exchange))
          if (exchange.events) exchange.events.refused = (status) => void refused.push(status)
        },
        { refused: (status) => void refused.push(-status) },
      )
      const client = talk(port, `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`)
      expect(await (await told.opened).closed).toBe(false)
      expect(await client.ended).toMatch(/^HTTP\/1.1 400 /)
      // Of the exchange, and of nothing besides.
      expect(refused).toEqual([400])
    })

    it('tells of what came with a head before it says that it was read', async () => {
      const told: string[] = []
      const { port } = await door((exchange) => {
        exchange.events = {
          data: (chunk) => told.push(String(chunk)) > 0,
          bodyEnd: () => void told.push('end'),
          drain() {},
          closed: (answered) => void told.push(`closed ${answered}`),
        }
        exchange.resumeBody()
        exchange.afterRead(() => {
          told.push('read')
          if (!exchange.closed) say(exchange, 'ok')
        })
      })
      const head = 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n'
      await talk(port, `${head}Connection: close\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n`).ended
      expect(told).toEqual(['ab', 'c', 'end', 'read', 'closed true'])
      told.length = 0
      await talk(port, `${head}\r\n2\r\nab\r\n1\r\ncd\r\n0\r\n\r\n`).ended
      expect(told.slice(-2)).toEqual(['closed false', 'read'])
      told.length = 0
      await talk(port, `${head}\r\n0\r\nHost: y\r\n\r\n`).ended
      expect(told).toEqual(['closed false', 'read'])
    })

    it('serves what stands before a malformed request, however long that takes', async () => {
      const { port } = await door((exchange) => setTimeout(() => say(exchange, 'fine'), 20))
      expect(await talk(port, `${GET}GET (/ HTTP/1.1\r\n\r\n`).ended).toMatch(/fineHTTP\/1.1 400 /)
    })

    it('turns connections beyond the bound away, and takes others once there is room', async () => {
      const refused: number[] = []
      const { port } = await door(echo, { maxConnections: 1, refused: (status) => void refused.push(status) })
      const first = talk(port, GET)
      await first.until('GET / ')
      expect(await talk(port, GET).ended).toMatch(/^HTTP\/1.1 503 [\s\S]*\r\nRetry-After: 1\r\n/)
      expect(refused).toEqual([503])
      first.socket.destroy()
      await first.ended
      for (let text = ''; !text.includes('GET /last '); text = await talk(port, LAST).ended) await turn()
    })
  })

  describe(`${name}: answers`, () => {
    const ask = async (handler: ExchangeHandler, request = LAST): Promise<string> => {
      const { port } = await door(handler)
      return talk(port, request).ended
    }

    it('frames by length', async () => {
      const text = await ask((exchange) => say(exchange, 'hello', 201, 'A: 1\r\nSet-Cookie: b\r\nSet-Cookie: c\r\n'))
      expect(text).toMatch(/^HTTP\/1.1 201 Created\r\n/)
      expect(text).toContain('\r\nA: 1\r\nSet-Cookie: b\r\nSet-Cookie: c\r\n')
      expect(text).toMatch(/\r\nContent-Length: 5\r\n[\s\S]*\r\n\r\nhello$/i)
    })

    it('keeps the reason it is given', async () => {
      expect(
        await ask((exchange) => {
          exchange.head(200, 'Fine', '', 0)
          exchange.end()
        }),
      ).toMatch(/^HTTP\/1.1 200 Fine\r\n/)
    })

    it('frames in chunks, with trailers', async () => {
      const text = await ask((exchange) => {
        exchange.head(200, '', 'Trailer: T\r\n', 'stream')
        exchange.write(Buffer.from('hello '))
        setImmediate(() => {
          exchange.write(Buffer.from('world'))
          exchange.end('T: 1\r\n')
        })
      })
      expect(text).toMatch(/\r\nTransfer-Encoding: chunked\r\n/i)
      expect(text).toMatch(/\r\n\r\n6\r\nhello \r\n5\r\nworld\r\n0\r\nT: 1\r\n\r\n$/)
    })

    it('streams until the end to HTTP/1.0, without trailers', async () => {
      const text = await ask((exchange) => {
        expect(exchange.version).toBe('1.0')
        exchange.info(103, 'Link: x\r\n')
        exchange.head(200, '', '', 'stream')
        exchange.write(Buffer.from('hello'))
        exchange.end('T: 1\r\n')
      }, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
      expect(text).not.toMatch(/transfer-encoding|103/i)
      expect(text).toMatch(/^HTTP\/1.1 200 [\s\S]*\r\n\r\nhello$/)
    })

    it('keeps the connection of an HTTP/1.0 client that asks for it', async () => {
      const { port } = await door(echo)
      const client = talk(port, 'GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n')
      expect(await client.until('GET /1 ')).toMatch(/\r\nConnection: keep-alive\r\n/i)
      client.socket.write('GET /2 HTTP/1.0\r\n\r\n')
      expect(await client.ended).toMatch(/GET \/2 $/)
    })

    it.each([
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ])('has no body for %s %s', async (method, status) => {
      const { port } = await door((exchange) => {
        exchange.head(status, '', status === 204 ? '' : 'Content-Length: 5\r\n', 'none')
        exchange.end()
      })
      const client = talk(port, `${method} / HTTP/1.1\r\nHost: x\r\n\r\n`)
      const first = await client.until('\r\n\r\n')
      client.socket.write(`${method} / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      const text = await client.ended
      expect(first).not.toMatch(/transfer-encoding/i)
      if (status !== 204) expect(first).toMatch(/content-length: 5\r\n/i)
      else expect(first).not.toMatch(/content-length/i)
      expect(text.split(`HTTP/1.1 ${status} `)).toHaveLength(3)
      expect(text.split('\r\n\r\n').every((part) => part === '' || part.startsWith('HTTP/1.1'))).toBe(true)
    })

    it('drops the body of an answer to HEAD', async () => {
      const text = await ask((exchange) => say(exchange, 'hello'), LAST.replace('GET', 'HEAD'))
      expect(text).toMatch(/content-length: 5\r\n/i)
      expect(text).toMatch(/\r\n\r\n$/)
    })

    it('gives informational answers before the answer', async () => {
      const text = await ask((exchange) => {
        exchange.info(103, 'Link: </a.css>\r\n')
        say(exchange, 'ok')
      })
      expect(text).toMatch(/^HTTP\/1.1 103 Early Hints\r\nLink: <\/a.css>\r\n\r\nHTTP\/1.1 200 OK\r\n/)
    })

    it('writes no head that would be two', async () => {
      const text = await ask((exchange) => {
        expect(() => exchange.head(200, 'OK\r\nA: 1', '', 0)).toThrow()
        expect(() => exchange.head(100, '', '', 0)).toThrow()
        say(exchange, 'ok')
      })
      expect(text).toMatch(/ok$/)
    })

    it('closes after an answer if told to', async () => {
      const { port } = await door((exchange) => {
        exchange.closeAfter()
        say(exchange, 'bye')
      })
      expect(await talk(port, GET + GET).ended).toMatch(/connection: close[\s\S]*bye$/i)
    })

    it('breaks the connection rather than send more or less than was announced', async () => {
      const { port, next } = await held()
      for (const wrong of [
        (exchange: HttpExchange) => void exchange.write(Buffer.from('four+')),
        (exchange: HttpExchange) => {
          exchange.write(Buffer.from('abc'))
          exchange.end()
        },
      ]) {
        const client = talk(port, GET + GET)
        const exchange = await next()
        const told = listenTo(exchange)
        exchange.head(200, '', '', 4)
        wrong(exchange)
        expect(await told.closed).toBe(false)
        expect((await client.ended).split('\r\n\r\n')[1]?.length ?? 0).toBeLessThan(4)
      }
    })

    it('destroyed in the midst it is broken, with a reset where nothing else would tell', async () => {
      const { port, next } = await held()
      for (const [request, framing] of [
        [GET, 'stream'],
        [GET, 10],
        ['GET / HTTP/1.0\r\n\r\n', 'stream'],
      ] as const) {
        const client = talk(port, request)
        let error: NodeJS.ErrnoException | undefined
        client.socket.on('error', (thrown) => {
          error = thrown
        })
        const exchange = await next()
        const told = listenTo(exchange)
        exchange.head(200, '', '', framing)
        exchange.write(Buffer.from('half'))
        await client.until('half')
        exchange.destroy()
        expect(await told.closed).toBe(false)
        const text = await client.ended
        expect(text).not.toContain('\r\n0\r\n\r\n')
        if (request !== GET) expect(error?.code).toBe('ECONNRESET')
      }
    })

    it('says once that it is over', async () => {
      const { port, next } = await held()
      const client = talk(port, GET)
      const exchange = await next()
      const told = listenTo(exchange)
      say(exchange, 'ok')
      expect(await told.closed).toBe(true)
      expect(exchange.closed).toBe(true)
      exchange.destroy()
      exchange.end()
      client.socket.write(LAST)
      say(await next(), 'alive')
      expect(await client.ended).toContain('alive')
    })
  })

  describe(`${name}: a slow side`, () => {
    it('stops reading an upload that is held', async () => {
      const { port, next } = await held()
      const total = 64 * 1024 * 1024
      const client = talk(port, `PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: ${total}\r\n\r\n`)
      const exchange = await next()
      let taken = 0
      let holds = true
      const whole = gate()
      exchange.events = {
        data(chunk) {
          taken += chunk.length
          return !holds
        },
        bodyEnd: () => whole.open(),
        drain: () => {},
        closed: () => {},
      }
      exchange.resumeBody()
      const block = Buffer.alloc(1024 * 1024)
      for (let sent = 0; sent < total; sent += block.length) client.socket.write(block)
      // Until the client's system takes no more: what is sent stands in the kernel's buffers, and no more than a read here.
      for (let still = 0, before = -1; still < 50; ) {
        await turn()
        const left = client.socket.writableLength
        still = left === before ? still + 1 : 0
        before = left
      }
      expect(taken).toBeLessThanOrEqual(65_536)
      expect(client.socket.writableLength).toBeGreaterThan(total / 2)
      holds = false
      exchange.resumeBody()
      await whole.opened
      expect(taken).toBe(total)
      say(exchange, 'ok')
      await client.until('ok')
    })

    it('tells when a client takes no more of a download, and when it does again', async () => {
      const { port, next } = await held({ answerTimeoutMs: 60_000 })
      const client = talk(port, LAST)
      client.socket.pause()
      const exchange = await next()
      const told = listenTo(exchange)
      const blocks = 400
      exchange.head(200, '', '', blocks * 65_536)
      const shared = Buffer.alloc(65_536)
      let written = 0
      const fill = (): void => {
        while (written < blocks) {
          shared.fill(written % 251)
          written++
          if (!exchange.write(shared)) return
        }
        exchange.end()
      }
      exchange.events = { ...(exchange.events as ExchangeEvents), drain: fill }
      fill()
      for (let still = 0, before = 0; still < 50; still = written === before ? still + 1 : 0, before = written)
        await turn()
      expect(written).toBeLessThan(blocks)
      expect(exchange.needsDrain).toBe(true)
      let got = 0
      let wrong = 0
      const chunksOf = gate()
      client.socket.removeAllListeners('data')
      let head = ''
      client.socket.on('data', (chunk: Buffer) => {
        let body = chunk
        if (!head.includes('\r\n\r\n')) {
          const text = head + chunk.toString('latin1')
          const at = text.indexOf('\r\n\r\n')
          if (at < 0) {
            head = text
            return
          }
          body = chunk.subarray(at + 4 - head.length)
          head = text.slice(0, at + 4)
        }
        for (let i = 0; i < body.length; i += 997) if (body[i] !== Math.floor((got + i) / 65_536) % 251) wrong++
        got += body.length
        if (got === blocks * 65_536) chunksOf.open()
      })
      client.socket.resume()
      await chunksOf.opened
      expect(wrong).toBe(0)
      expect(await told.closed).toBe(true)
    })

    it('holds pipelined requests back, however many', async () => {
      const { port, next, arrived } = await held()
      const client = talk(port, GET)
      const first = await next()
      const block = Buffer.from(GET.repeat(40_000))
      for (let i = 0; i < 40; i++) client.socket.write(block)
      for (let still = 0, before = -1; still < 50; ) {
        await turn()
        const left = client.socket.writableLength
        still = left === before ? still + 1 : 0
        before = left
      }
      expect(client.socket.writableLength).toBeGreaterThan(block.length * 20)
      expect(arrived).toHaveLength(0)
      say(first, 'one')
      await client.until('one')
      client.socket.destroy()
    })

    it('gets 200 parallel uploads byte for byte, and gives them back', async () => {
      const { port } = await door((exchange) => {
        exchange.events = {
          data: (chunk) => {
            if (!exchange.headSent) exchange.head(200, '', '', exchange.contentLength ?? 'stream')
            return exchange.write(chunk)
          },
          bodyEnd: () => exchange.end(),
          drain: () => exchange.resumeBody(),
          closed: () => {},
        }
        exchange.resumeBody()
      })
      const upload = async (seed: number): Promise<boolean> => {
        const body = pattern(20_000 + 477 * seed, seed)
        const head = `POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n`
        const client = talk(port, head)
        for (let at = 0; at < body.length; at += 30_011) client.socket.write(body.subarray(at, at + 30_011))
        const text = await client.ended
        return text.slice(text.indexOf('\r\n\r\n') + 4) === body.toString('latin1')
      }
      const all = await Promise.all(Array.from({ length: 200 }, (_, seed) => upload(seed)))
      expect(all.filter((good) => !good)).toHaveLength(0)
    })
  })

  describe(`${name}: clients that leave`, () => {
    it('tells of one that goes away while its request is served', async () => {
      const { port, next } = await held()
      for (const leave of [(socket: Socket) => socket.destroy(), (socket: Socket) => socket.resetAndDestroy()]) {
        const client = talk(port, GET)
        const told = listenTo(await next())
        leave(client.socket)
        expect(await told.closed).toBe(false)
        expect(told.exchange.closed).toBe(true)
        told.exchange.head(200, '', '', 0)
        told.exchange.end()
      }
    }, 3000)

    it('tells of one that goes away within its body', async () => {
      const { port, next } = await held()
      for (const leave of [(socket: Socket) => socket.end(), (socket: Socket) => socket.resetAndDestroy()]) {
        const client = talk(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf')
        const told = listenTo(await next())
        await told.begun
        leave(client.socket)
        expect(await told.closed).toBe(false)
        client.socket.destroy()
      }
    })

    it('tells of one that goes away from a silent stream', async () => {
      const { port, next } = await held()
      const client = talk(port, GET)
      const exchange = await next()
      const told = listenTo(exchange)
      exchange.head(200, '', 'Content-Type: text/event-stream\r\n', 'stream')
      exchange.write(Buffer.from('data: 1\n\n'))
      await client.until('data: 1')
      client.socket.destroy()
      expect(await told.closed).toBe(false)
    })

    it('answers one that has ended its side and waits, however long that takes', async () => {
      const { port, next } = await held()
      const client = talk(port, '', { allowHalfOpen: true })
      client.socket.end(GET)
      const exchange = await next()
      const told = listenTo(exchange)
      await client.until('100 Continue')
      say(exchange, 'patience')
      expect(await told.closed).toBe(true)
      expect(await client.until('patience')).toMatch(/HTTP\/1.1 200 OK/)
      client.socket.destroy()
    })

    it('answers all that one asked before it ended its side', async () => {
      const { port } = await door(echo)
      const client = talk(port, '', { allowHalfOpen: true })
      client.socket.end(`GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n`)
      expect(await client.until('GET /2 ')).toMatch(/GET \/1 [\s\S]*GET \/2 $/)
      client.socket.destroy()
    })
  })

  describe(`${name}: upgrades`, () => {
    const UPGRADE = 'GET /chat HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n'

    it('hands the connection over, with the bytes that came behind the request', async () => {
      const { port, next, it } = await held()
      const client = talk(port, `${UPGRADE}early`)
      const exchange = await next()
      expect(exchange.upgrade).toBe('WebSocket')
      let told = 0
      exchange.events = { data: () => true, bodyEnd() {}, drain() {}, closed: () => void told++ }
      const taken = exchange.takeConnection()
      expect(taken?.early.toString()).toBe('early')
      const { socket } = taken as NonNullable<typeof taken>
      socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n')
      const all = pattern(300_000, 7)
      let got = Buffer.alloc(0)
      const whole = gate()
      socket.on('data', (chunk: Buffer) => {
        got = Buffer.concat([got, chunk])
        if (got.length === all.length) whole.open()
      })
      socket.resume()
      client.socket.write(all)
      await whole.opened
      expect(got.equals(all)).toBe(true)
      expect(it.connections).toBe(1)
      const ended = new Promise((resolve) => socket.once('end', resolve))
      client.socket.end()
      await ended
      socket.end('bye')
      expect(await client.ended).toMatch(/101 Switching Protocols\r\n\r\nbye$/)
      expect(told).toBe(0)
    })

    it('answers a request to upgrade like any other if it is not taken, and ends the connection', async () => {
      const { port } = await door((exchange) => say(exchange, 'no', 403))
      expect(await talk(port, UPGRADE + GET).ended).toMatch(/^HTTP\/1.1 403 [\s\S]*connection: close[\s\S]*no$/i)
    })

    it('tells of a client that goes away before it is taken', async () => {
      const { port, next } = await held()
      const client = talk(port, UPGRADE)
      const told = listenTo(await next())
      client.socket.resetAndDestroy()
      expect(await told.closed).toBe(false)
      expect(told.exchange.takeConnection()).toBeUndefined()
    }, 3000)

    it('knows no upgrade without Connection', async () => {
      const { port } = await door((exchange) => say(exchange, String(exchange.upgrade)))
      const text = await talk(port, LAST.replace('\r\n\r\n', '\r\nUpgrade: WebSocket\r\n\r\n')).ended
      expect(text).toContain('undefined')
    })
  })

  describe(`${name}: times`, () => {
    it('cuts a head that does not arrive', async () => {
      const { port } = await door(echo, { headTimeoutMs: 100 })
      expect(await talk(port, 'GET / HTTP/1.1\r\nHost').ended).toMatch(/^HTTP\/1.1 408 /)
    })

    it('cuts what is left of a body, however small, that nobody wants', async () => {
      const { port } = await door((exchange) => say(exchange, 'early'), { headTimeoutMs: 100 })
      const client = talk(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n')
      await client.until('early')
      const dripping = setInterval(() => client.socket.write('a'), 20)
      await client.ended
      clearInterval(dripping)
    })

    it('lets a connection live whose body came to its end behind the answer', async () => {
      const { port } = await door((exchange) => say(exchange, 'early'), { headTimeoutMs: 100 })
      const client = talk(port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc')
      await client.until('early')
      client.socket.write('def')
      await new Promise((resolve) => setTimeout(resolve, 250))
      client.socket.write(GET.replace('GET /', 'GET /next'))
      await client.until((text) => text.split('early').length > 2)
      client.socket.destroy()
    })

    it('ends a connection that has nothing to do', async () => {
      const { port } = await door(echo, { idleTimeoutMs: 100 })
      expect(await talk(port, GET).ended).toMatch(/GET \/ $/)
    })

    it('cuts a client that takes nothing of its answer', async () => {
      const { port, next } = await held({ answerTimeoutMs: 100 })
      const client = talk(port, GET)
      client.socket.pause()
      const exchange = await next()
      const told: Told = listenTo(exchange)
      const fill = (): void => {
        while (exchange.write(Buffer.alloc(65_536)));
      }
      exchange.events = { ...(exchange.events as ExchangeEvents), drain: fill }
      exchange.head(200, '', '', 'stream')
      fill()
      expect(await told.closed).toBe(false)
      client.socket.destroy()
    })
  })

  it(`${name}: lets a client take a large answer slowly, though it was given as one`, async () => {
    const { port, next } = await held({ answerTimeoutMs: 600 })
    const client = talk(port, LAST)
    client.socket.on('data', () => {
      client.socket.pause()
      setTimeout(() => client.socket.resume(), 3)
    })
    const exchange = await next()
    const told = listenTo(exchange)
    const bytes = 16 * 1024 * 1024
    exchange.head(200, '', '', bytes)
    exchange.write(Buffer.alloc(bytes, 'a'))
    exchange.end()
    expect(await told.closed).toBe(true)
    const text = await client.ended
    expect(text.length - text.indexOf('\r\n\r\n') - 4).toBe(bytes)
  })

  describe(`${name}: leaving`, () => {
    it('says Connection: close on each answer, and leaves idle connections for one more', async () => {
      const { port, it, next } = await held()
      const kept = talk(port, GET)
      say(await next(), 'kept')
      await kept.until('kept')
      const busy = talk(port, GET)
      const exchange = await next()
      it.drain()
      say(exchange, 'busy')
      expect(await busy.ended).toMatch(/connection: close/i)
      const late = talk(port, GET)
      say(await next(), 'late')
      expect(await late.ended).toMatch(/connection: close/i)
      expect(kept.text()).not.toMatch(/connection: close/i)
      kept.socket.write(GET)
      say(await next(), 'last')
      expect(await kept.ended).toMatch(/connection: close[\s\S]*last$/i)
    })

    it('waits for what is in flight, and ends what is idle', async () => {
      const { port, it, next } = await held()
      const idle = talk(port, GET)
      say(await next(), 'ok')
      await idle.until('ok')
      const busy = talk(port, GET)
      const exchange = await next()
      const closed = it.close(5000)
      await idle.ended
      say(exchange, 'done')
      await closed
      expect(await busy.ended).toContain('done')
      expect(it.connections).toBe(0)
    })

    it('ends a connection whose answer had begun before, once that is out', async () => {
      const { port, it, next } = await held()
      const client = talk(port, GET)
      const exchange = await next()
      exchange.head(200, '', '', 'stream')
      await client.until('\r\n\r\n')
      const closed = it.close(60_000)
      exchange.write(Buffer.from('done'))
      exchange.end()
      await closed
      expect(await client.ended).toContain('done')
    })

    it('waits no longer than told, upgraded connections included', async () => {
      const { port, it, next } = await held()
      const busy = talk(port, GET)
      const told = listenTo(await next())
      const upgraded = talk(port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
      const taken = (await next()).takeConnection()
      taken?.socket.on('error', () => {})
      expect(it.connections).toBe(2)
      await it.close(50)
      expect(await told.closed).toBe(false)
      await Promise.all([busy.ended, upgraded.ended])
      expect(it.connections).toBe(0)
    })

    it('serves a connection that something else accepted, with the bytes that were read', async () => {
      const { it: made } = await door(echo)
      const other = createServer({ allowHalfOpen: true }, (socket) => {
        socket.once('data', (early) => {
          socket.pause()
          made.accept(socket, early)
        })
      })
      open.push(() => other.close())
      const port = await new Promise<number>((resolve) => {
        other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port))
      })
      const client = talk(port, 'POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n')
      client.socket.write('hello')
      await client.until('POST /a hello')
      client.socket.write(LAST)
      expect(await client.ended).toContain('GET /last ')
    })
  })
}
