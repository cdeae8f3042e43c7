/** The engine of HTTP/2 behind a TLS door, with node's own client, and with frames that no client would send. */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { HttpDoorOptions } from './http-door.ts'
import { echo, gate, listenTo, pattern, say } from './http-exchange.fixtures.ts'
import type { ExchangeEvents, ExchangeHandler, HttpExchange } from './http-exchange.ts'
import { END_HEADERS, END_STREAM, FRAME, GOAWAY_CODE, type H2Talk, headerBlock, speakH2 } from './http-h2.fixtures.ts'
import { createHttpH2Door } from './http-h2-door.ts'
import { createHttpRawDoor } from './http-raw-door.ts'
import { createHttpTlsDoor, type HttpTlsDoorOptions } from './http-tls-door.ts'
import { createAuthority, openTls } from './tls.fixtures.ts'

const authority = createAuthority()
const material = authority.issue('door')

const open: (() => unknown)[] = []
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close()
})

async function door(
  handler: ExchangeHandler,
  options: Partial<HttpDoorOptions> = {},
  tls: Partial<HttpTlsDoorOptions> = {},
) {
  const all = { handler, ...options }
  const http1 = createHttpRawDoor(all)
  const made = createHttpTlsDoor({ material, http1, http2: createHttpH2Door(all), ...tls })
  open.push(() => made.close(0))
  const { port } = await made.listen(0, '127.0.0.1')
  return { made, port }
}

/** One that gives each exchange to the test. */
async function held(options: Partial<HttpDoorOptions> = {}) {
  const arrived: HttpExchange[] = []
  let wake = gate()
  const it = await door((exchange) => {
    arrived.push(exchange)
    wake.open()
  }, options)
  const next = async (): Promise<HttpExchange> => {
    for (;;) {
      const there = arrived.shift()
      if (there) return there
      wake = gate()
      await wake.opened
    }
  }
  return { ...it, next, arrived }
}

function clientOf(port: number): ClientHttp2Session {
  const client = connect(`https://localhost:${port}`, { ca: authority.ca })
  client.on('error', () => {})
  open.push(() => client.destroy())
  return client
}

interface Answer {
  headers: Record<string, unknown>
  infos: Record<string, unknown>[]
  trailers: Record<string, unknown>
  body: string
  /** 0 where it ended well. */
  code: number
}

function answerTo(stream: ClientHttp2Stream): Promise<Answer> {
  const answer: Answer = { headers: {}, infos: [], trailers: {}, body: '', code: 0 }
  stream.on('headers', (headers) => answer.infos.push({ ...headers }))
  stream.on('response', (headers) => Object.assign(answer.headers, headers))
  stream.on('trailers', (headers) => Object.assign(answer.trailers, headers))
  stream.on('data', (chunk: Buffer) => {
    answer.body += chunk.toString('latin1')
  })
  stream.on('error', () => {})
  return new Promise((resolve) => stream.once('close', () => resolve({ ...answer, code: stream.rstCode ?? 0 })))
}

function ask(client: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string | Buffer): Promise<Answer> {
  const stream = client.request(headers, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  return answerTo(stream)
}

describe('requests over HTTP/2', () => {
  it('are exchanges like any other: method, target, Host, fields, peer', async () => {
    const { port, next } = await held()
    const client = clientOf(port)
    const asked = ask(client, {
      ':method': 'PATCH',
      ':path': '/a?b=%20c',
      'x-a': ['1', 'two'],
      'x-l': 'ä',
      cookie: ['a=1', 'b=2'],
    })
    const exchange = await next()
    expect(exchange).toMatchObject({ method: 'PATCH', target: '/a?b=%20c', version: '2.0', hasBody: false })
    expect(exchange).toMatchObject({ bodyComplete: true, contentLength: undefined, upgrade: undefined })
    expect(exchange.fields.get('host')).toBe(`localhost:${port}`)
    expect(exchange.fields.get('x-a')).toBe('1, two')
    expect(exchange.fields.get('x-l')).toBe('ä')
    expect(exchange.fields.get('cookie')).toBe('a=1; b=2')
    expect(exchange.fields.text).not.toContain(':method')
    expect(exchange.peer).toEqual({ address: '127.0.0.1', localPort: port, encrypted: true })
    expect(exchange.takeConnection()).toBeUndefined()
    listenTo(exchange)
    say(exchange, 'ok', 201, 'X-A: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nConnection: x\r\nKeep-Alive: 1\r\nX-L: ä\r\n')
    const { headers, body } = await asked
    expect(body).toBe('ok')
    expect(headers).toMatchObject({
      ':status': 201,
      'x-a': '1',
      'set-cookie': ['a', 'b'],
      'content-length': '2',
      'x-l': 'ä',
    })
    for (const name of ['connection', 'keep-alive', 'transfer-encoding', 'date'])
      expect(headers).not.toHaveProperty(name)
  })

  it('bring bodies of any size, and of none', async () => {
    const { port } = await door(echo)
    const client = clientOf(port)
    const large = pattern(1_500_000, 1).toString('hex')
    expect((await ask(client, { ':method': 'POST', ':path': '/1' }, 'hello')).body).toBe('POST /1 hello')
    expect((await ask(client, { ':method': 'POST', ':path': '/2', 'content-length': 0 }, '')).body).toBe('POST /2 ')
    expect((await ask(client, { ':method': 'POST', ':path': '/3' }, '')).body).toBe('POST /3 ')
    const { body } = await ask(client, { ':method': 'PUT', ':path': '/4' }, Buffer.from(large))
    expect(body === `PUT /4 ${large}`).toBe(true)
  })

  it('give 200 parallel uploads byte for byte', async () => {
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
    const clients = [clientOf(port), clientOf(port), clientOf(port)]
    const upload = async (seed: number): Promise<boolean> => {
      const body = pattern(20_000 + 477 * seed, seed)
      const length = seed % 2 === 0 ? { 'content-length': body.length } : {}
      const headers = { ':method': 'POST', ':path': '/', ...length }
      return (await ask(clients[seed % 3] as ClientHttp2Session, headers, body)).body === body.toString('latin1')
    }
    const all = await Promise.all(Array.from({ length: 200 }, (_, seed) => upload(seed)))
    expect(all.filter((good) => !good)).toHaveLength(0)
  })

  it('are told 100 Continue when the body is wanted', async () => {
    const { port, next } = await held()
    const client = clientOf(port)
    const stream = client.request({ ':method': 'POST', ':path': '/', expect: '100-continue' })
    const asked = answerTo(stream)
    const exchange = await next()
    const told = listenTo(exchange)
    await new Promise((resolve) => stream.once('continue', resolve))
    stream.end('body')
    await told.whole
    say(exchange, told.body().toString())
    expect((await asked).body).toBe('body')
  })

  it('stop where they are held', async () => {
    const { port, next } = await held()
    const client = clientOf(port)
    const stream = client.request({ ':method': 'PUT', ':path': '/' })
    stream.on('error', () => {})
    let sent = 0
    const block = Buffer.alloc(65_536)
    const pump = (): void => {
      stream.write(block, (error) => {
        if (error) return
        sent += block.length
        pump()
      })
    }
    pump()
    const exchange = await next()
    let taken = 0
    exchange.events = {
      data(chunk) {
        taken += chunk.length
        return false
      },
      ...{ bodyEnd() {}, drain() {}, closed() {} },
    }
    exchange.resumeBody()
    for (let still = 0, before = -1; still < 50; still = sent === before ? still + 1 : 0, before = sent) await turn()
    expect(taken).toBeLessThanOrEqual(65_536)
    expect(sent).toBeLessThan(1_000_000)
    // Other streams of the connection go on.
    const other = ask(client, { ':method': 'POST', ':path': '/other' }, pattern(500_000, 2))
    const second = await next()
    const told = listenTo(second)
    await told.whole
    say(second, String(told.body().length))
    expect((await other).body).toBe('500000')
  })
})

describe('answers over HTTP/2', () => {
  it('stream, with trailers and informational answers', async () => {
    const { port, next } = await held()
    const asked = ask(clientOf(port), { ':path': '/' })
    const exchange = await next()
    listenTo(exchange)
    exchange.info(103, 'Link: </a.css>\r\n')
    exchange.head(200, '', 'Trailer: T\r\n', 'stream')
    exchange.write(Buffer.from('hello '))
    await turn()
    exchange.write(Buffer.from('world'))
    exchange.end('T: 1\r\n')
    const { headers, infos, body, trailers, code } = await asked
    expect(headers).toMatchObject({ ':status': 200, trailer: 'T' })
    expect(infos).toMatchObject([{ ':status': 103, link: '</a.css>' }])
    expect({ body, t: trailers.t, code }).toEqual({ body: 'hello world', t: '1', code: 0 })
  })

  it.each([
    ['HEAD', 200, 5],
    ['HEAD', 200, 'none'],
    ['GET', 204, 'none'],
    ['GET', 304, 'none'],
    ['GET', 200, 0],
  ] as const)('have no body for %s %s, framed %s', async (method, status, framing) => {
    const { port, next } = await held()
    const asked = ask(clientOf(port), { ':method': method, ':path': '/' })
    const exchange = await next()
    const told = listenTo(exchange)
    exchange.head(status, '', 'X-A: 1\r\n', framing)
    if (framing === 5) exchange.write(Buffer.from('hello'))
    exchange.end()
    expect(await told.closed).toBe(true)
    const { headers, body, code } = await asked
    expect({ status: headers[':status'], body, code }).toEqual({ status, body: '', code: 0 })
    if (framing === 5) expect(headers['content-length']).toBe('5')
  })

  it('are whole in one turn and in many, each once, and say so', async () => {
    const { port, next } = await held()
    const client = clientOf(port)
    const asked = ask(client, { ':path': '/' })
    const exchange = await next()
    const told = listenTo(exchange)
    const shared = Buffer.alloc(200_000)
    exchange.head(200, '', '', 3 * shared.length)
    for (const fill of 'abc') exchange.write(shared.fill(fill))
    shared.fill('x')
    exchange.end()
    exchange.end()
    const { body, code } = await asked
    expect(code).toBe(0)
    expect(body).toBe('a'.repeat(200_000) + 'b'.repeat(200_000) + 'c'.repeat(200_000))
    expect(await told.closed).toBe(true)
  })

  it('refuse heads that cannot be written, and leave the exchange as it was', async () => {
    const { port, next } = await held()
    const asked = ask(clientOf(port), { ':path': '/' })
    const exchange = await next()
    expect(() => exchange.head(100, '', '', 0)).toThrow(RangeError)
    expect(() => exchange.head(200, '', 'Content-Type: a\r\nContent-Type: b\r\n', 0)).toThrow(TypeError)
    listenTo(exchange)
    say(exchange, 'ok')
    expect(await asked).toMatchObject({ body: 'ok', code: 0 })
  })

  it('that break off, or that are more or less than announced, are resets and never short ones', async () => {
    const { port, next } = await held()
    const client = clientOf(port)
    const ways: ((exchange: HttpExchange) => void)[] = [
      (it) => it.destroy(),
      (it) => it.end(),
      (it) => void it.write(Buffer.alloc(100)),
    ]
    for (const framing of ['stream', 10] as const) {
      for (const way of framing === 10 ? ways : ways.slice(0, 1)) {
        const asked = ask(client, { ':path': '/' })
        const exchange = await next()
        const told = listenTo(exchange)
        exchange.head(200, '', '', framing)
        exchange.write(Buffer.from('half'))
        await turn()
        await turn()
        way(exchange)
        expect(await told.closed).toBe(false)
        expect((await asked).code).not.toBe(0)
      }
    }
    expect(client.destroyed).toBe(false)
  })

  it('to a request whose body is not wanted end it without an error', async () => {
    const { port } = await door((exchange) => say(exchange, 'too large', 413))
    const client = clientOf(port)
    const stream = client.request({ ':method': 'POST', ':path': '/' })
    const asked = answerTo(stream)
    stream.write(Buffer.alloc(1_000_000))
    expect(await asked).toMatchObject({ body: 'too large', code: 0 })
    expect((await ask(client, { ':path': '/' })).body).toBe('too large')
  })

  it('tell when a client takes no more, and when it does again', async () => {
    const { port, next } = await held()
    const stream = clientOf(port).request({ ':path': '/' })
    stream.on('error', () => {})
    const exchange = await next()
    const told = listenTo(exchange)
    let written = 0
    const fill = (): void => {
      while (written < 200) {
        written++
        if (!exchange.write(Buffer.alloc(65_536, written))) return
      }
      exchange.end()
    }
    exchange.events = { ...(exchange.events as ExchangeEvents), drain: fill }
    exchange.head(200, '', '', 200 * 65_536)
    fill()
    for (let still = 0, before = 0; still < 50; still = written === before ? still + 1 : 0, before = written)
      await turn()
    expect(written).toBeLessThan(20)
    expect(exchange.needsDrain).toBe(true)
    let got = 0
    stream.on('data', (chunk: Buffer) => {
      got += chunk.length
    })
    expect(await told.closed).toBe(true)
    await new Promise((resolve) => stream.once('close', resolve))
    expect(got).toBe(200 * 65_536)
  })
})

describe('clients of HTTP/2 that leave', () => {
  it.each([
    ['reset', (stream: ClientHttp2Stream) => stream.close(constants.NGHTTP2_CANCEL)],
    ['go away with the connection', (stream: ClientHttp2Stream) => stream.session?.destroy()],
  ])('tell by a %s, before the answer, within it, and within a body', async (_name, leave) => {
    const { port, next } = await held()
    for (const when of ['before', 'within', 'body']) {
      const stream = clientOf(port).request({ ':method': when === 'body' ? 'POST' : 'GET', ':path': '/' })
      stream.on('error', () => {})
      if (when === 'body') stream.write('half')
      const exchange = await next()
      const told = listenTo(exchange)
      let whole = when !== 'body'
      void told.whole.then(() => {
        if (when === 'body') whole = true
      })
      if (when === 'within') exchange.head(200, '', '', 'stream')
      if (when === 'body') await told.begun
      const began = performance.now()
      leave(stream)
      expect(await told.closed).toBe(false)
      expect(performance.now() - began).toBeLessThan(1000)
      // node's own client ends a body before it resets the stream.
      if (when === 'body' && _name !== 'reset') expect(whole).toBe(false)
      exchange.head(200, '', '', 0)
      exchange.write(Buffer.from('late'))
      exchange.end()
    }
  })

  it('do not let a body look whole that was reset', async () => {
    const { port, next } = await held()
    const { talk, begin } = await raw(port)
    begin(1, [[':method', 'POST'], [':path', '/'], ...PSEUDO], END_HEADERS)
    talk.send(FRAME.data, 0, 1, Buffer.from('half'))
    const exchange = await next()
    const told = listenTo(exchange)
    let whole = false
    void told.whole.then(() => {
      whole = true
    })
    await told.begun
    talk.send(FRAME.rstStream, 0, 1, uint32(constants.NGHTTP2_NO_ERROR))
    expect(await told.closed).toBe(false)
    await turn()
    expect(whole).toBe(false)
  })
})

const PSEUDO = [
  [':scheme', 'https'],
  [':authority', 'x'],
] as const

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** A client that says frames. */
async function raw(port: number, settings: readonly (readonly [number, number])[] = []) {
  const socket = openTls(port, { ca: authority.ca, ALPNProtocols: ['h2'] })
  open.push(() => socket.destroy())
  const talk: H2Talk = speakH2(socket, settings)
  await talk.ready
  const begin = (id: number, list: readonly (readonly [string, string])[], flags = END_HEADERS | END_STREAM): void =>
    talk.send(FRAME.headers, flags, id, headerBlock(list))
  return { talk, begin, socket }
}

describe('what is no request over HTTP/2', () => {
  const GET = [[':method', 'GET'], [':path', '/'], ...PSEUDO] as const
  it.each([
    [
      'no scheme',
      [
        [':method', 'GET'],
        [':path', '/'],
        [':authority', 'x'],
      ],
    ],
    ['no path', [[':method', 'GET'], ...PSEUDO]],
    [
      'no host',
      [
        [':method', 'GET'],
        [':path', '/'],
        [':scheme', 'https'],
      ],
    ],
    [
      'another scheme',
      [
        [':method', 'GET'],
        [':path', '/'],
        [':scheme', 'http'],
        [':authority', 'x'],
      ],
    ],
    ['two paths', [...GET, [':path', '/b']]],
    ['a pseudo-header behind a field', [[':method', 'GET'], ['a', '1'], [':path', '/'], ...PSEUDO]],
    ['an unknown pseudo-header', [[':method', 'GET'], [':path', '/'], [':x', '1'], ...PSEUDO]],
    ['an absolute target', [[':method', 'GET'], [':path', 'http://x/'], ...PSEUDO]],
    ['a space in the target', [[':method', 'GET'], [':path', '/a b'], ...PSEUDO]],
    ['a line break in the target', [[':method', 'GET'], [':path', '/ HTTP/1.1\r\nA: b'], ...PSEUDO]],
    ['a method with a space', [[':method', 'GET /x'], [':path', '/'], ...PSEUDO]],
    ['a name in upper case', [...GET, ['A', '1']]],
    ['Connection', [...GET, ['connection', 'close']]],
    ['Keep-Alive', [...GET, ['keep-alive', '1']]],
    ['Transfer-Encoding', [...GET, ['transfer-encoding', 'chunked']]],
    ['Upgrade', [...GET, ['upgrade', 'websocket']]],
    ['Proxy-Connection', [...GET, ['proxy-connection', 'close']]],
    ['TE other than trailers', [...GET, ['te', 'gzip']]],
    ['a host other than the authority', [...GET, ['host', 'y']]],
    [
      'an authority that is none',
      [
        [':method', 'GET'],
        [':path', '/'],
        [':scheme', 'https'],
        [':authority', 'a b'],
      ],
    ],
    ['two lengths', [...GET, ['content-length', '0'], ['content-length', '0']]],
    ['a length without a body', [...GET, ['content-length', '5']]],
    [
      'CONNECT',
      [
        [':method', 'CONNECT'],
        [':authority', 'x:443'],
      ],
    ],
    ['extended CONNECT', [[':method', 'CONNECT'], [':protocol', 'websocket'], [':path', '/'], ...PSEUDO]],
    ['an unknown method', [[':method', 'BREW'], [':path', '/'], ...PSEUDO]],
    ['a long target', [[':method', 'GET'], [':path', `/${'a'.repeat(5000)}`], ...PSEUDO]],
    ['a large head', [...GET, ['a', 'a'.repeat(5000)], ['b', 'b'.repeat(4000)]]],
    ['many fields', [...GET, ...Array.from({ length: 150 }, (_, i) => [`a${i}`, '1'])]],
  ] as [string, (readonly [string, string])[]][])('%s', async (_name, list) => {
    let handled = 0
    const refused: number[] = []
    const { port } = await door(
      (exchange) => {
        handled++
        listenTo(exchange)
        say(exchange, 'ok')
      },
      { limits: { headBytes: 8192, targetBytes: 4096 }, refused: (status) => void refused.push(status) },
    )
    const { talk, begin } = await raw(port)
    begin(1, list)
    const status = await talk.outcome(1)
    expect(status === 'reset' || status === 'gone' || Number(status) >= 400).toBe(true)
    expect(handled).toBe(0)
    if (Number(status) >= 400) expect(refused.map((it) => it >= 400)).toEqual([true])
    if (status === 'gone') return
    begin(3, GET)
    expect(await talk.outcome(3)).toBe('200')
  })

  it.each([
    ['a line break', 'a\r\nb: c'],
    ['a NUL', 'a\0b'],
  ])('a value with %s reaches nobody', async (_name, value) => {
    const seen: string[] = []
    const { port } = await door((exchange) => {
      seen.push(exchange.fields.text)
      listenTo(exchange)
      say(exchange, 'ok')
    })
    const { talk, begin } = await raw(port)
    begin(1, [...GET, ['x-bad', value]])
    await talk.outcome(1)
    expect(seen.join()).not.toMatch(/x-bad|b: c/)
  })

  it('a body that is longer or shorter than its length is none', async () => {
    const { port, next } = await held()
    for (const body of ['abc', 'abcdefghi']) {
      const { talk, begin } = await raw(port)
      begin(1, [[':method', 'POST'], [':path', '/'], ...PSEUDO, ['content-length', '5']], END_HEADERS)
      const told = listenTo(await next())
      let whole = false
      void told.whole.then(() => {
        whole = true
      })
      talk.send(FRAME.data, END_STREAM, 1, Buffer.from(body))
      expect(await told.closed).toBe(false)
      await turn()
      expect(whole).toBe(false)
    }
  })
})

describe('what a client of HTTP/2 may cost', () => {
  const GET = [[':method', 'GET'], [':path', '/'], ...PSEUDO] as const

  it('rapid resets end the connection', async () => {
    const { port, made } = await door((exchange) => listenTo(exchange))
    const { talk, begin } = await raw(port)
    for (let i = 0; i < 2000 && !talk.over; i++) {
      begin(2 * i + 1, GET)
      talk.send(FRAME.rstStream, 0, 2 * i + 1, uint32(constants.NGHTTP2_CANCEL))
      if (i % 50 === 0) await turn()
    }
    // node's own count may have been faster, and then says nothing.
    expect(await talk.ended).toMatch(/goaway 11|no goaway/)
    while (made.connections > 0) await turn()
  })

  it.each([
    ['pings', FRAME.ping, Buffer.alloc(8)],
    ['settings', FRAME.settings, Buffer.alloc(0)],
  ])('floods of %s end it', async (_name, type, payload) => {
    const { port, made } = await door(echo)
    const { talk } = await raw(port)
    for (let i = 0; i < 5000 && !talk.over; i++) {
      talk.send(type, 0, 0, payload)
      if (i % 50 === 0) await turn()
    }
    await talk.ended
    while (made.connections > 0) await turn()
  })

  it('it may have 100 requests at once', async () => {
    const { port, arrived } = await held()
    const { talk, begin } = await raw(port)
    for (let i = 0; i < 101; i++) begin(2 * i + 1, GET)
    expect(await talk.outcome(201)).toBe('gone')
    expect(arrived).toHaveLength(100)
  })

  it('a head that does not arrive is cut', async () => {
    const { port } = await door(echo, { headTimeoutMs: 100, idleTimeoutMs: 60_000 })
    const { talk, begin } = await raw(port)
    begin(1, GET, END_STREAM)
    await talk.ended
  })

  it('a connection that has nothing to do is ended', async () => {
    const { port } = await door(echo, { idleTimeoutMs: 100 })
    const { talk, begin } = await raw(port)
    begin(1, GET)
    expect(await talk.outcome(1)).toBe('200')
    expect(await talk.ended).toBe(GOAWAY_CODE(constants.NGHTTP2_NO_ERROR))
  })

  it('a client that gives no window is cut, and its neighbours on the connection are not', async () => {
    const { port, next } = await held({ answerTimeoutMs: 200 })
    const { talk, begin } = await raw(port, [[4, 100]])
    begin(1, GET)
    const stuck = listenTo(await next())
    stuck.exchange.head(200, '', '', 1000)
    stuck.exchange.write(Buffer.alloc(1000))
    begin(3, GET)
    const other = listenTo(await next())
    other.exchange.head(200, '', '', 'stream')
    const ticking = setInterval(() => {
      other.exchange.write(Buffer.from('.'))
      talk.send(FRAME.windowUpdate, 0, 3, uint32(1))
    }, 5)
    open.push(() => clearInterval(ticking))
    expect(await stuck.closed).toBe(false)
    expect(other.exchange.closed).toBe(false)
  })

  it('a client that reads nothing is cut off', async () => {
    const { port, next, made } = await held({ answerTimeoutMs: 200 })
    const { talk, begin, socket } = await raw(port, [[4, 2 ** 31 - 1]])
    talk.send(FRAME.windowUpdate, 0, 0, uint32(2 ** 30))
    begin(1, GET)
    const told = listenTo(await next())
    socket.pause()
    const fill = (): void => {
      while (told.exchange.write(Buffer.alloc(65_536)));
    }
    told.exchange.events = { ...(told.exchange.events as ExchangeEvents), drain: fill }
    told.exchange.head(200, '', '', 'stream')
    fill()
    expect(await told.closed).toBe(false)
    while (made.connections > 0) await turn()
  })
})

describe('a door of HTTP/2 that leaves', () => {
  it('leaves idle connections for one more answer, then says so, and serves what was begun', async () => {
    const { port, next, made } = await held()
    const { talk, begin } = await raw(port)
    const GET = [[':method', 'GET'], [':path', '/'], ...PSEUDO] as const
    made.drain()
    begin(1, GET)
    const first = await next()
    begin(3, GET)
    const second = await next()
    say(first, 'one')
    await talk.goneAway
    say(second, 'two')
    expect(await talk.outcome(3)).toBe('200')
    expect(await talk.ended).toBe(GOAWAY_CODE(constants.NGHTTP2_NO_ERROR))
    while (made.connections > 0) await turn()
  })

  it('waits for what is in flight at its close, and no longer than told', async () => {
    const { port, next, made } = await held()
    const client = clientOf(port)
    const asked = ask(client, { ':path': '/' })
    const exchange = await next()
    const closed = made.close(5000)
    say(exchange, 'done')
    expect((await asked).body).toBe('done')
    await closed
    expect(made.connections).toBe(0)
    const other = await held()
    ask(clientOf(other.port), { ':path': '/' })
    const told = listenTo(await other.next())
    await other.made.close(50)
    expect(await told.closed).toBe(false)
    expect(other.made.connections).toBe(0)
  })
})
