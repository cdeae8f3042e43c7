import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { SLACK } from '../../test/support/timing.ts'
import { GomsError } from '../core/errors.ts'
import { type Log, silentLog } from '../core/log.ts'
import { INTERNAL } from '../http/internal.ts'
import { afterwards, ask, nodeAt, startGateway, startNode, talk, testView, until } from './gateway.fixtures.ts'

describe('what a node gets', () => {
  it('method, query, fields and body as the client sent them, and our own fields', async () => {
    const node = await startNode((req, res) => {
      const chunks: Buffer[] = []
      req.on('data', (chunk) => chunks.push(chunk))
      req.on('end', () => {
        res.setHeader('content-type', 'application/json')
        const { method, url, headers } = req
        res.end(JSON.stringify({ code: 0, data: { method, url, headers, body: Buffer.concat(chunks).toString() } }))
      })
    })
    const { port } = await startGateway({ nodes: [node], definition: { auth: () => ({ user: 'bob' }) } })
    const reply = await ask(port, {
      method: 'POST',
      path: '/api/user/login?a=1&b=3',
      headers: {
        'x-own': 'é',
        'goms-identity': 'forged',
        call_key: 'forged',
        connection: 'close, x-hop',
        'x-hop': '1',
      },
      body: Buffer.from('name=bob'),
    })
    expect(reply.status).toBe(200)
    const { status, data } = reply.json()
    expect(status).toBe(true)
    expect(data).toMatchObject({ method: 'POST', url: '/login?a=1&b=3', body: 'name=bob' })
    expect(data.headers).toMatchObject({
      ...{ 'x-own': 'é', 'content-length': '8', host: `127.0.0.1:${port}`, 'accept-encoding': 'identity' },
      ...{ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-port': String(port) },
      ...{
        [INTERNAL.callServiceKey]: 'a-secret-key',
        [INTERNAL.callKey]: 'a-secret-key',
        [INTERNAL.caller]: 'gateway',
      },
      ...{ [INTERNAL.attempt]: '1', [INTERNAL.target]: `user/${node.id}` },
    })
    expect(JSON.parse(Buffer.from(data.headers['goms-identity'], 'base64url').toString())).toEqual({ user: 'bob' })
    expect(Number(data.headers['goms-deadline-ms'])).toBeGreaterThan(4000)
    expect(data.headers.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/)
    expect(data.headers['x-hop']).toBeUndefined()
    expect(data.headers.call_key).toBeUndefined()
  })

  it('the same trace that the client began, once', async () => {
    let seen: string[] = []
    const node = await startNode((req, res) => {
      seen = req.rawHeaders
      res.end()
    })
    const { port } = await startGateway({ nodes: [node] })
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    await ask(port, { headers: { traceparent: `00-${traceId}-b7ad6b7169203331-01`, 'X-B3-TraceId': 'f'.repeat(16) } })
    const lower = seen.map((part) => part.toLowerCase())
    expect(lower.filter((part) => part === 'traceparent')).toHaveLength(1)
    expect(lower.filter((part) => part === 'x-b3-traceid')).toHaveLength(1)
    expect(seen[lower.indexOf('traceparent') + 1]).toContain(traceId)
    expect(seen[lower.indexOf('x-b3-traceid') + 1]).toBe(traceId)
  })

  it.each(['GET', 'DELETE', 'PATCH', 'OPTIONS', 'PROPFIND'])('%s', async (method) => {
    const node = await startNode((req, res) => res.end(`${req.method} ${req.headers['content-length'] ?? '-'}`))
    const { port } = await startGateway({ nodes: [node] })
    expect((await ask(port, { method })).body).toBe(
      `${method} ${method === 'PATCH' || method === 'PROPFIND' ? '0' : '-'}`,
    )
  })

  it('many uploads at once, byte for byte, of known length and in chunks', async () => {
    const node = await startNode((req, res) => {
      const hash = createHash('sha256')
      req.on('data', (chunk) => hash.update(chunk))
      req.on('end', () => res.end(hash.digest('hex')))
    })
    const { port } = await startGateway({ nodes: [node] })
    const uploads = Array.from({ length: 100 }, async (_, i) => {
      const body = randomBytes(i % 10 === 0 ? 500_000 : 1 + i * 700)
      const headers: Record<string, string> =
        i % 2 ? { 'content-length': String(body.length) } : { 'transfer-encoding': 'chunked' }
      const reply = await ask(port, { method: 'POST', headers, body })
      expect(reply.body).toBe(createHash('sha256').update(body).digest('hex'))
    })
    await Promise.all(uploads)
  })
})

describe('what a client gets', () => {
  it('status, text, fields and trailers of the service, without ours', async () => {
    const node = await startNode((_req, res) => {
      res.writeHead(418, 'Teapot', { 'Set-Cookie': ['a=1', 'b=2'], 'Goms-Anything': 'x', Trailer: 'X-Sum' })
      res.write('x')
      res.addTrailers({ 'X-Sum': '7' })
      res.end()
    })
    const { port } = await startGateway({ nodes: [node] })
    const reply = await ask(port)
    expect(reply).toMatchObject({ status: 418, body: 'x', trailers: { 'x-sum': '7' } })
    expect(reply.headers['set-cookie']).toEqual(['a=1', 'b=2'])
    expect(reply.headers['goms-anything']).toBeUndefined()
    expect(reply.headers['transfer-encoding']).toBe('chunked')
  })

  it.each([
    ['204', 204, {}],
    ['304 with a length', 304, { 'content-length': '5', etag: '"x"' }],
    ['an empty 200', 200, { 'content-length': '0', 'content-type': 'application/json' }],
  ])('%s', async (_name, status, headers) => {
    const node = await startNode((_req, res) => res.writeHead(status, headers).end())
    const { port } = await startGateway({ nodes: [node] })
    const reply = await ask(port)
    expect(reply).toMatchObject({ status, body: '' })
    expect(reply.headers).toMatchObject(headers)
  })

  it('HEAD without a body, and without a length where the envelope would change it', async () => {
    const node = await startNode((req, res) => {
      res
        .writeHead(200, {
          'content-length': '7',
          'content-type': req.url === '/json' ? 'application/json' : 'text/plain',
        })
        .end()
    })
    const routes = { user: { text: { path: '/text' }, json: { path: '/json' } } }
    const { port } = await startGateway({ nodes: [node], routes })
    expect((await ask(port, { method: 'HEAD', path: '/api/user/text' })).headers['content-length']).toBe('7')
    expect((await ask(port, { method: 'HEAD', path: '/api/user/json' })).headers['content-length']).toBeUndefined()
  })

  it.each([
    ['of known length', true],
    ['in chunks', false],
  ])('the envelope around JSON %s', async (_name, known) => {
    const node = await startNode((_req, res) => {
      res.setHeader('content-type', 'application/json')
      res.setHeader('etag', '"v1"')
      if (known) res.setHeader('content-length', '10')
      res.write('{"code"')
      setTimeout(() => res.end(':0}'), 5)
    })
    const { port } = await startGateway({ nodes: [node] })
    const reply = await ask(port)
    expect(reply.body).toBe('{"status":true,"code":0}')
    expect(reply.headers.etag).toBe('W/"v1"')
    expect(reply.headers['content-length']).toBe(known ? '24' : undefined)
  })

  it('no envelope where the route or the gateway says so', async () => {
    const node = await startNode((_req, res) => res.setHeader('content-type', 'application/json').end('{"a":1}'))
    const off = await startGateway({ nodes: [node], settings: { envelope: false } })
    expect((await ask(off.port)).body).toBe('{"a":1}')
    const route = await startGateway({ nodes: [node], routes: { user: { login: { path: '/', envelope: false } } } })
    expect((await ask(route.port)).body).toBe('{"a":1}')
  })

  it('early hints on the way', async () => {
    const node = await startNode((_req, res) => {
      res.writeEarlyHints({ link: '</x.css>; rel=preload' })
      res.end('x')
    })
    const { port } = await startGateway({ nodes: [node] })
    const raw = talk(port, 'GET /api/user/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    const text = await raw.answer
    expect(text).toMatch(/^HTTP\/1.1 103 Early Hints\r\nLink: <\/x.css>; rel=preload/)
    expect(text).toContain('HTTP/1.1 200 OK')
  })

  it('an event stream at once, as a session that ends at drain', async () => {
    let closed = false
    const node = await startNode((req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' })
      res.write('data: 1\n\n')
      req.socket.once('close', () => {
        closed = true
      })
    })
    const { port, gateway } = await startGateway({ nodes: [node] })
    const stream = talk(port, 'GET /api/user/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    await until(() => stream.text().includes('data: 1'))
    expect(gateway.sessions()).toBe(1)
    expect(gateway.inFlight()).toBe(0)
    gateway.drain(0)
    expect(await stream.answer).toMatch(/0\r\n\r\n$/)
    await until(() => closed && gateway.sessions() === 0)
  })
})

describe('requests on the wire', () => {
  it('pipelined ones are answered in their order', async () => {
    const node = await startNode(
      (req, res) => void setTimeout(() => res.end(`<${req.url}>`), req.url?.endsWith('1') ? 30 : 0),
    )
    const { port } = await startGateway({ nodes: [node] })
    const one = (n: number, more = ''): string => `GET /api/user/login?${n} HTTP/1.1\r\nHost: x\r\n${more}\r\n`
    const text = await talk(port, one(1) + one(2) + one(3, 'Connection: close\r\n')).answer
    expect(text.match(/<.*?>/g)).toEqual(['</login?1>', '</login?2>', '</login?3>'])
  })

  it('the absolute form counts before the Host field', async () => {
    const node = await startNode((req, res) =>
      res.end(`<${req.headers.host} ${req.headers['x-forwarded-host']} ${req.url}>`),
    )
    const { port } = await startGateway({ nodes: [node] })
    const head = 'GET http://shop.test/api/user/login?x HTTP/1.1\r\nHost: other.test\r\nConnection: close\r\n\r\n'
    expect(await talk(port, head).answer).toContain('<shop.test shop.test /login?x>')
  })

  it('HTTP/1.0 without a host gets the node’s', async () => {
    const node = await startNode((req, res) => res.end(`<${req.headers.host}>`))
    const { port } = await startGateway({ nodes: [node] })
    const text = await talk(port, 'GET /api/user/login HTTP/1.0\r\n\r\n').answer
    expect(text).toContain(`<127.0.0.1:${node.http.port}>`)
    expect(text.toLowerCase()).not.toContain('transfer-encoding')
  })

  it.each([
    ['a folded field', 'GET /api/user/login HTTP/1.1\r\nHost: x\r\nA: 1\r\n 2\r\n\r\n'],
    ['a bare line feed', 'GET /api/user/login HTTP/1.1\nHost: x\n\n'],
    [
      'a chunk size with rubbish',
      'POST /api/user/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n',
    ],
    ['a negative length', 'POST /api/user/login HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n'],
  ])('%s never reaches a node whole', async (_name, bytes) => {
    let finished = 0
    const node = await startNode(
      (req, res) =>
        void req.resume().on('end', () => {
          finished++
          res.end()
        }),
    )
    const { port } = await startGateway({ nodes: [node] })
    const raw = talk(port, bytes)
    await until(() => raw.text() !== '' || raw.socket.destroyed)
    expect(raw.text()).toMatch(/^(HTTP\/1.1 400 |$)/)
    expect(finished).toBe(0)
    raw.socket.destroy()
  })

  it('what a trusted proxy says of the client is believed', async () => {
    const node = await startNode((req, res) => res.end(String(req.headers['x-forwarded-for'])))
    const trusting = await startGateway({ nodes: [node], settings: { trustedProxies: ['127.0.0.0/8'] } })
    expect((await ask(trusting.port, { headers: { 'x-forwarded-for': '1.2.3.4' } })).body).toBe('1.2.3.4, 127.0.0.1')
    const strict = await startGateway({ nodes: [node] })
    expect((await ask(strict.port, { headers: { 'x-forwarded-for': '1.2.3.4' } })).body).toBe('127.0.0.1')
  })
})

describe('continue', () => {
  it('is said when a node takes the call, not before the hook let it in', async () => {
    const node = await startNode((req, res) => void req.resume().on('end', () => res.end(`${req.headers.expect}`)))
    const auth = ({ headers }: { headers: Readonly<Record<string, string | undefined>> }): void => {
      if (!headers.authorization) throw new Error('who?')
    }
    const { port } = await startGateway({ nodes: [node], definition: { auth } })
    const head =
      'POST /api/user/login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n'
    expect(await talk(port, `${head}\r\n`).answer).toMatch(/^HTTP\/1.1 401 /)
    const good = talk(port, `${head}Authorization: x\r\n\r\n`)
    await until(() => good.text().includes('100 Continue'))
    good.socket.write('abc')
    expect(await good.answer).toMatch(/HTTP\/1.1 200 OK[\s\S]*undefined/)
  })
})

describe('refused at the door', () => {
  it.each([
    ['/api/user/nope', 404],
    ['/api/nobody/login', 404],
    ['/api/user', 404],
    ['/api/user/login/more', 404],
    ['/api/__proto__/constructor', 404],
    ['/api/user/toString', 404],
    ['/elsewhere', 404],
    ['/api/user%2flogin/x', 400],
    ['/api/../../x', 400],
    [`/api/user/login?${'a'.repeat(9000)}`, 414],
  ])('%s is %s', async (path, status) => {
    const { port } = await startGateway({ nodes: [await startNode((_req, res) => res.end('no'))] })
    const reply = await ask(port, { path })
    expect(reply.status).toBe(status)
    expect(reply.json()).toMatchObject({ status: false, code: status === 404 ? 'NOT_FOUND' : 'INVALID_ARGUMENT' })
  })

  it.each([
    ['two hosts', 'GET /api/user/login HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    [
      'a coding that is not ours',
      'POST /api/user/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
      501,
    ],
    ['a bad host', 'GET /api/user/login HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ])('%s', async (_name, bytes, status) => {
    let reached = false
    const node = await startNode((_req, res) => {
      reached = true
      res.end()
    })
    const { port } = await startGateway({ nodes: [node] })
    const raw = talk(port, bytes)
    await until(() => raw.text() !== '')
    expect(raw.text()).toContain(`HTTP/1.1 ${status} `)
    raw.socket.destroy()
    expect(reached).toBe(false)
  })

  it('another method than the route has: 405 with Allow', async () => {
    const node = await startNode((_req, res) => res.end('ok'))
    const routes = { user: { login: { path: '/login', methods: ['GET', 'POST'] } } }
    const { port } = await startGateway({ nodes: [node], routes })
    const reply = await ask(port, { method: 'DELETE' })
    expect(reply).toMatchObject({ status: 405, headers: { allow: 'GET, POST, HEAD' } })
    expect((await ask(port, { method: 'HEAD' })).status).toBe(200)
  })

  it.each([
    ['of known length', { 'content-length': '200000' }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('a body that is too large, %s: 413', async (_name, headers) => {
    const node = await startNode((req, res) => void req.resume().on('end', () => res.end('no')))
    const { port } = await startGateway({ nodes: [node], settings: { maxBodyBytes: 100_000 } })
    const reply = await ask(port, { method: 'POST', headers, body: Buffer.alloc(200_000) })
    expect(reply).toMatchObject({ status: 413, headers: { connection: 'close' } })
  })
})

describe('auth', () => {
  it.each([
    [
      'a plain error',
      () => {
        throw new Error('the password is hunter2')
      },
      401,
      'UNAUTHENTICATED',
    ],
    [
      'a rejection',
      async () => {
        throw new GomsError('PERMISSION_DENIED', 'not you')
      },
      403,
      'PERMISSION_DENIED',
    ],
    [
      'a status of its own',
      () => {
        throw new GomsError('TEAPOT', 'no', { status: 418 })
      },
      418,
      'TEAPOT',
    ],
    ['an identity that is too large', () => 'x'.repeat(5000), 500, 'INTERNAL'],
  ])('%s', async (_name, auth, status, code) => {
    let reached = false
    const node = await startNode((_req, res) => {
      reached = true
      res.end()
    })
    const { port } = await startGateway({ nodes: [node], definition: { auth } })
    const reply = await ask(port)
    expect(reply.status).toBe(status)
    expect(reply.json().code).toBe(code)
    expect(reply.body).not.toContain('hunter2')
    expect(reached).toBe(false)
  })

  it.each([
    ['throws', () => Promise.reject(new Error('the password is hunter2')), 'hunter2'],
    ['gives too much', () => 'x'.repeat(5000), 'at most 4 KiB'],
  ])('that %s: the log has what the client is not told, with its trace id', async (_name, auth, text) => {
    const node = await startNode((_req, res) => res.end('ok'))
    const warnings: string[] = []
    const traceIds: unknown[] = []
    const warn: Log['warn'] = (message, fields) => {
      warnings.push(message)
      traceIds.push(fields?.traceId)
    }
    const log = { ...silentLog, warn }
    const { port } = await startGateway({ nodes: [node], definition: { auth }, log })
    const reply = await ask(port)
    await ask(port)
    expect(warnings).toEqual([expect.stringContaining(text)])
    expect(traceIds[0]).toBe(reply.json().traceId)
  })

  it('is asked with what it needs, after the match only', async () => {
    const seen: unknown[] = []
    const node = await startNode((_req, res) => res.end('ok'))
    const auth = async (...args: unknown[]): Promise<undefined> => void seen.push(args)
    const { port } = await startGateway({ nodes: [node], definition: { auth } })
    await ask(port, { path: '/api/user/nope' })
    expect(seen).toEqual([])
    const forged = { 'call-key': 'forged', 'x-forwarded-for': '10.0.0.1', 'x-forwarded-user': 'root' }
    await ask(port, { path: '/api//user/./login?x=1', headers: { authorization: 'Bearer x', ...forged } })
    const [[request, target]] = seen as [[{ headers: object }, object]]
    expect(request).toMatchObject({ method: 'GET', path: '/api/user/login', query: '?x=1', remoteAddress: '127.0.0.1' })
    expect(request.headers).toMatchObject({ authorization: 'Bearer x' })
    for (const name of Object.keys(forged)) expect(request.headers).not.toHaveProperty(name)
    expect(target).toEqual({ service: 'user', action: 'login', route: '/api/user/login' })
  })

  it('is not waited for for ever', async () => {
    const node = await startNode((_req, res) => res.end('ok'))
    const { port } = await startGateway({
      ...{ nodes: [node], policy: { timeoutMs: 50 } },
      definition: { auth: () => new Promise(() => {}) },
    })
    expect((await ask(port)).status).toBe(504)
  })
})

describe('failures', () => {
  it('no node: 503; in the words of the originals where asked for', async () => {
    expect((await ask((await startGateway()).port)).json()).toMatchObject({ status: false, code: 'UNAVAILABLE' })
    const goms = await ask((await startGateway({ settings: { compat: 'goms' } })).port)
    expect([goms.status, goms.body]).toEqual([500, '{"status":false}'])
    const garden = await ask((await startGateway({ settings: { compat: 'go-garden' } })).port)
    expect([garden.status, garden.body]).toEqual([404, '{"status":false,"msg":"The resource could not be found"}'])
  })

  it('a node that refuses connections is passed over, for POST too', async () => {
    const dead = await startNode(() => {})
    dead.server.close()
    const good = await startNode((_req, res) => res.end('good'))
    const { port } = await startGateway({ nodes: [dead, good] })
    for (let i = 0; i < 4; i++) expect((await ask(port, { method: 'POST', body: 'x' })).body).toBe('good')
  })

  it('a node that closes without an answer: GET goes elsewhere, POST is 502 and not sent twice', async () => {
    let received = 0
    const rude = (): Promise<Awaited<ReturnType<typeof startNode>>> =>
      startNode((req) => {
        received++
        req.socket.destroy()
      })
    const { port } = await startGateway({ nodes: [await rude(), await rude()] })
    expect((await ask(port, { method: 'POST', body: 'x' })).status).toBe(502)
    expect(received).toBe(1)
    expect((await ask(port)).json()).toMatchObject({ code: 'BAD_GATEWAY' })
    expect(received).toBe(3)
  })

  it('a small body is sent again, whole', async () => {
    const rude = await startNode((req) => void req.once('data', () => req.socket.destroy()))
    const good = await startNode((req, res) => void req.pipe(res))
    const routes = { user: { login: { path: '/login', idempotent: true } } }
    const { port } = await startGateway({ nodes: [rude, good], routes })
    for (const headers of [{ 'content-length': '11' }, { 'transfer-encoding': 'chunked' }]) {
      for (let i = 0; i < 2; i++) {
        expect((await ask(port, { method: 'POST', headers, body: 'hello world' })).body).toBe('hello world')
      }
    }
  })

  it('a node that refuses before it ran anything: tried elsewhere, and the mark is not shown', async () => {
    const leaving = await startNode((_req, res) => res.writeHead(503, { [INTERNAL.refused]: 'draining' }).end('x'))
    const good = await startNode((_req, res) => res.end('good'))
    const { port } = await startGateway({ nodes: [leaving, good] })
    for (let i = 0; i < 4; i++) expect((await ask(port, { method: 'POST' })).body).toBe('good')
    const alone = await startGateway({ nodes: [leaving] })
    const reply = await ask(alone.port)
    expect(reply.status).toBe(503)
    expect(reply.headers[INTERNAL.refused]).toBeUndefined()
  })

  it('a 503 of the service passes, Retry-After included', async () => {
    const node = await startNode((_req, res) => res.writeHead(503, { 'retry-after': '7' }).end('busy'))
    const { port } = await startGateway({ nodes: [node] })
    expect(await ask(port)).toMatchObject({ status: 503, body: 'busy', headers: { 'retry-after': '7' } })
  })

  it('no answer in time: 504, and the node is told', async () => {
    let gone = false
    const node = await startNode((req) => {
      req.socket.once('close', () => {
        gone = true
      })
    })
    const { port } = await startGateway({ nodes: [node], policy: { timeoutMs: 60, retries: 0 } })
    expect((await ask(port)).json()).toMatchObject({ code: 'DEADLINE_EXCEEDED', traceId: expect.any(String) })
    await until(() => gone)
  })

  it.each([
    ['goms', 500, '{"status":false}'],
    ['go-garden', 404, '{"status":false,"msg":"Server Error"}'],
    ['native', 404, 'not here'],
  ] as const)('a 404 of the service, compat %s', async (compat, status, body) => {
    const node = await startNode((_req, res) => res.writeHead(404).end('not here'))
    const { port, upstream } = await startGateway({ nodes: [node], settings: { compat } })
    expect(await ask(port)).toMatchObject({ status, body })
    expect(await talk(port, 'GET /api/user/login HTTP/1.0\r\n\r\n').answer).toMatch(/^HTTP\/1.1 \d{3} \w/)
    await until(() => upstream.stats().idle === 1)
  })

  it('a limit: 429 with whole seconds to wait', async () => {
    const node = await startNode((_req, res) => res.end('ok'))
    const { port } = await startGateway({ nodes: [node], policy: { limiter: { calls: 1, perMs: 5000 } } })
    await ask(port)
    const reply = await ask(port)
    expect(reply.status).toBe(429)
    expect(reply.headers['retry-after']).toBe('5')
  })
})

describe('cut connections', () => {
  it.each([
    ['of known length', { 'content-length': '10' }],
    ['in chunks', {}],
  ])('an answer %s that breaks off never looks complete', async (_name, headers) => {
    const node = await startNode((_req, res) => {
      res.writeHead(200, headers)
      res.write('hello')
      setTimeout(() => res.destroy(), 20)
    })
    const { port } = await startGateway({ nodes: [node] })
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })

  it('an answer to HTTP/1.0 that breaks off is reset', async () => {
    const node = await startNode((_req, res) => {
      res.writeHead(200, { 'x-a': '1' })
      res.write('hello')
      setTimeout(() => res.destroy(), 20)
    })
    const { port } = await startGateway({ nodes: [node] })
    const raw = talk(port, 'GET /api/user/login HTTP/1.0\r\nHost: x\r\n\r\n')
    let code: string | undefined
    raw.socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code
    })
    expect(await raw.answer).toContain('hello')
    expect(code).toBe('ECONNRESET')
  })

  it('an enveloped answer that breaks off before anything was shown is a 502', async () => {
    const node = await startNode((_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json', 'content-length': '10' })
      res.write('{"a":')
      setTimeout(() => res.destroy(), 20)
    })
    const { port } = await startGateway({ nodes: [node] })
    expect((await ask(port)).json()).toMatchObject({ code: 'BAD_GATEWAY' })
  })

  it.each([
    ['before the answer', false],
    ['within the answer', true],
  ])('a client that goes away %s frees the node within 50 ms', async (_name, begun) => {
    let reached = false
    let goneAt = 0
    const node = await startNode((req, res) => {
      reached = true
      if (begun) res.write('x')
      req.socket.once('close', () => {
        goneAt = performance.now()
      })
    })
    const { port, gateway, upstream } = await startGateway({ nodes: [node] })
    const raw = talk(port, 'GET /api/user/login HTTP/1.1\r\nHost: x\r\n\r\n')
    await until(() => reached && (!begun || raw.text() !== ''))
    const leftAt = performance.now()
    raw.socket.destroy()
    await until(() => goneAt > 0)
    expect(goneAt - leftAt).toBeLessThan(50 * SLACK)
    await until(() => gateway.inFlight() === 0 && upstream.stats().connections === 0)
  })

  it('a client that goes away within its upload frees the node', async () => {
    let aborted = false
    const node = await startNode((req) => {
      req.on('error', () => {
        aborted = true
      })
      req.resume()
    })
    const { port, upstream } = await startGateway({ nodes: [node] })
    const raw = talk(
      port,
      `POST /api/user/login HTTP/1.1\r\nHost: x\r\nContent-Length: 999999\r\n\r\n${'x'.repeat(100_000)}`,
    )
    await until(() => upstream.stats().connections === 1)
    await sleep(20)
    raw.socket.destroy()
    await until(() => aborted && upstream.stats().connections === 0)
  })

  it('silence within an answer is cut', async () => {
    const node = await startNode((_req, res) => void res.write('x'))
    const { port, gateway } = await startGateway({ nodes: [node], settings: { idleTimeoutMs: 60 } })
    await expect(ask(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
    await until(() => gateway.inFlight() === 0)
  })
})

describe('bodies stream', () => {
  it('a slow reader holds the node back, in constant memory', async () => {
    let written = 0
    const node = await startNode((_req, res) => {
      const chunk = Buffer.alloc(65_536)
      const more = (): void => {
        while (written < 400 * 65_536) {
          written += chunk.length
          if (!res.write(chunk)) return void res.once('drain', more)
        }
        res.end()
      }
      more()
    })
    const { port } = await startGateway({ nodes: [node] })
    let received = 0
    const sent = request({ port, host: '127.0.0.1', path: '/api/user/login', agent: false })
    sent.end()
    const reply = await new Promise<import('node:http').IncomingMessage>((resolve) => sent.on('response', resolve))
    await sleep(200)
    expect(written).toBeLessThan(20_000_000)
    for await (const chunk of reply) received += (chunk as Buffer).length
    expect(received).toBe(400 * 65_536)
  })

  it('a slow node holds the client back; progress keeps the call alive beyond its time-out', async () => {
    let read = 0
    const node = await startNode(async (req, res) => {
      for await (const chunk of req) {
        read += (chunk as Buffer).length
        if (read % 4 === 0) await sleep(1)
      }
      res.end(String(read))
    })
    const { port } = await startGateway({ nodes: [node], policy: { timeoutMs: 150 } })
    const started = performance.now()
    const sent = request({ port, host: '127.0.0.1', method: 'POST', path: '/api/user/login', agent: false })
    const reply = new Promise<string>((resolve, reject) => {
      sent.on('error', reject)
      sent.on('response', (res) => void res.on('data', (chunk) => resolve(String(chunk))))
    })
    for (let i = 0; i < 20; i++) {
      sent.write(Buffer.alloc(10_000))
      await sleep(25)
    }
    sent.end()
    expect(await reply).toBe('200000')
    expect(performance.now() - started).toBeGreaterThan(400)
  })

  it('an answer before the upload is over reaches the client', async () => {
    const node = await startNode((_req, res) => res.writeHead(401, { connection: 'close' }).end('no'))
    const { port } = await startGateway({ nodes: [node] })
    const raw = talk(
      port,
      `POST /api/user/login HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n${'x'.repeat(70_000)}`,
    )
    await until(() => raw.text().includes('no'))
    expect(raw.text()).toMatch(/^HTTP\/1.1 401 [\s\S]*Connection: close/i)
  })
})

describe('pages of its own', () => {
  it('/cluster, field for field', async () => {
    const view = testView()
    view.join(nodeAt(9002), nodeAt(9001), nodeAt(9003, { service: 'order' }))
    view.leave(nodeAt(9003, { service: 'order' }))
    const { port } = await startGateway({ view })
    const reply = await ask(port, { path: '/cluster' })
    expect(reply.body).toBe(
      '{"services":{"order":{"PollNext":0,"Nodes":[],"RequestFinish":0},' +
        '"user":{"PollNext":0,"Nodes":["127.0.0.1:1_127.0.0.1:9001","127.0.0.1:1_127.0.0.1:9002"],"RequestFinish":0}},"status":true}',
    )
  })

  it('/cluster counts, and takes turns', async () => {
    const nodes = [await startNode((_req, res) => res.end('a')), await startNode((_req, res) => res.end('b'))]
    const { port } = await startGateway({ nodes })
    for (let i = 0; i < 3; i++) await ask(port)
    const { user } = (await ask(port, { path: '/cluster' })).json().services
    expect(user).toMatchObject({ PollNext: 1, RequestFinish: 3 })
  })

  it.each([
    ['private', {}, 200],
    ['private', { 'x-forwarded-for': '1.2.3.4' }, 404],
    ['public', { 'x-forwarded-for': '1.2.3.4' }, 200],
    ['off', {}, 404],
  ] as const)('/cluster, %s, with %j: %s', async (cluster, headers, status) => {
    const { port } = await startGateway({ settings: { cluster } })
    expect((await ask(port, { path: '/cluster', headers })).status).toBe(status)
  })

  it('/-/live and /-/ready', async () => {
    let ready = false
    let leaving = false
    const { port } = await startGateway({ ready: () => ready, leaving: () => leaving })
    expect(await ask(port, { path: '/-/live' })).toMatchObject({ status: 200, body: 'live\n' })
    expect(await ask(port, { path: '/-/ready' })).toMatchObject({ status: 503, body: 'starting\n' })
    ready = true
    expect(await ask(port, { path: '/-/ready' })).toMatchObject({ status: 200, body: 'ready\n' })
    ready = false
    leaving = true
    expect(await ask(port, { path: '/-/ready' })).toMatchObject({ status: 503, body: 'draining\n' })
  })
})

describe('other origins', () => {
  const cors = { origins: ['https://shop.test'], credentials: true, exposedHeaders: ['x-total'] }

  it('a preflight is answered before the hook is asked', async () => {
    const node = await startNode((_req, res) => res.end('ok'))
    const auth = (): never => {
      throw new Error('no')
    }
    const { port } = await startGateway({ nodes: [node], definition: { auth, cors } })
    const headers = { origin: 'https://shop.test', 'access-control-request-method': 'POST' }
    const reply = await ask(port, { method: 'OPTIONS', headers })
    expect(reply.status).toBe(204)
    expect(reply.headers).toMatchObject({
      ...{ 'access-control-allow-origin': 'https://shop.test', 'access-control-allow-credentials': 'true' },
      ...{ 'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE', 'access-control-max-age': '600' },
    })
    const stranger = await ask(port, { method: 'OPTIONS', headers: { ...headers, origin: 'https://evil.test' } })
    expect(stranger.headers['access-control-allow-origin']).toBeUndefined()
    expect((await ask(port, { headers: { origin: 'https://shop.test' } })).headers).toMatchObject({
      ...{ 'access-control-allow-origin': 'https://shop.test', vary: 'Origin' },
    })
  })

  it('answers carry the gateway’s fields instead of the service’s', async () => {
    const node = await startNode((_req, res) =>
      res.writeHead(200, { 'access-control-allow-origin': '*', vary: 'Accept' }).end(),
    )
    const { port } = await startGateway({ nodes: [node], definition: { cors } })
    const reply = await ask(port, { headers: { origin: 'https://shop.test' } })
    expect(reply.headers['access-control-allow-origin']).toBe('https://shop.test')
    expect(reply.headers['access-control-expose-headers']).toBe('x-total')
    expect(reply.headers.vary).toBe('Accept, Origin')
    expect((await ask(port)).headers.vary).toBe('Accept, Origin')
  })
})

describe('leaving', () => {
  it('idle() waits for what is in flight', async () => {
    let finish: () => void = () => {}
    const node = await startNode((_req, res) => {
      finish = () => void res.end('ok')
    })
    const { port, gateway } = await startGateway({ nodes: [node] })
    const reply = ask(port)
    await until(() => gateway.inFlight() === 1)
    let idle = false
    const waiting = gateway.idle().then(() => {
      idle = true
    })
    await sleep(20)
    expect(idle).toBe(false)
    finish()
    expect((await reply).body).toBe('ok')
    await waiting
    afterwards(() => expect(gateway.inFlight()).toBe(0))
  })
})
