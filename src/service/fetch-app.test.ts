import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { type FetchHandler, fromFetch } from './fetch-app.ts'

let server: Server | undefined
const sockets = new Set<Socket>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  server?.close()
})

let failures: unknown[] = []

async function serve(handler: FetchHandler): Promise<number> {
  failures = []
  const app = fromFetch(handler)
  server = createServer((req, res) => {
    Promise.resolve(app.request(req, res)).catch((error: unknown) => {
      failures.push(error)
      if (res.headersSent) res.destroy()
      else res.writeHead(500).end()
    })
  })
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

interface Options {
  path?: string
  method?: string
  headers?: Record<string, string>
  body?: string
}

async function send(port: number, options: Options = {}): Promise<{ res: IncomingMessage; text: string }> {
  const { path = '/', method = 'GET', headers = {}, body } = options
  const req = request({ port, host: '127.0.0.1', path, method, headers, agent: false }).end(body)
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of res) text += chunk
  return { res, text }
}

describe('a request', () => {
  it('has the url, method and headers that were sent', async () => {
    const port = await serve((r) => Response.json([r.method, r.url, r.headers.get('x-two')]))
    const { text } = await send(port, {
      path: '//a/%2F?b=%20',
      method: 'PUT',
      headers: { 'x-two': 'a, b', host: 'shop:81' },
    })
    expect(JSON.parse(text)).toEqual(['PUT', 'http://shop:81//a/%2F?b=%20', 'a, b'])
  })

  it('with a Host that is none is refused, as is a method that Requests cannot have', async () => {
    const port = await serve(() => new Response('ran'))
    for (const host of ['a b', 'a/b?', 'me@shop', 'a#', '[::1']) {
      expect((await send(port, { headers: { host } })).res.statusCode, host).toBe(400)
    }
    expect((await send(port, { method: 'TRACE' })).res.statusCode).toBe(501)
  })

  it('shows node’s own beside it', async () => {
    const port = await serve((_r, env) => new Response(env.incoming.socket.remoteAddress ?? ''))
    expect((await send(port)).text).toContain('127.0.0.1')
  })

  it('streams a large body no faster than it is read', async () => {
    let received = 0
    let go: () => void = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    let began: () => void = () => {}
    const reading = new Promise<void>((resolve) => {
      began = resolve
    })
    const port = await serve(async (r) => {
      const reader = (r.body as ReadableStream<Uint8Array>).getReader()
      received += (await reader.read()).value?.length ?? 0
      began()
      await gate
      for (let read = await reader.read(); !read.done; read = await reader.read()) received += read.value.length
      return new Response(String(received))
    })
    const size = 64 * 1024 * 1024
    const req = request({ port, host: '127.0.0.1', method: 'POST', headers: { 'content-length': size } })
    const chunk = Buffer.alloc(1024 * 1024)
    let sent = 0
    const pump = (): void => {
      while (sent < size) {
        sent += chunk.length
        if (!req.write(chunk)) {
          req.once('drain', pump)
          return
        }
      }
      req.end()
    }
    pump()
    await reading
    for (let i = 0; i < 50; i++) await turn()
    expect(sent).toBeLessThan(size)
    go()
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    let text = ''
    for await (const piece of res) text += piece
    expect(Number(text)).toBe(size)
  })

  it('that breaks off in its body fails the reader and aborts the signal', async () => {
    let aborted = false
    let failed: (error: unknown) => void = () => {}
    const failure = new Promise<unknown>((resolve) => {
      failed = resolve
    })
    const port = await serve(async (r) => {
      r.signal.addEventListener('abort', () => {
        aborted = true
      })
      await r.text().catch(failed)
      return new Response()
    })
    const socket = connect(port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf')
    for (let i = 0; i < 20; i++) await turn()
    socket.destroy()
    expect(await failure).toBeInstanceOf(Error)
    await turn()
    expect(aborted).toBe(true)
  })

  it('leaves its connection usable when the body is not read', async () => {
    const port = await serve(() => new Response('early'))
    const socket = connect(port, '127.0.0.1')
    sockets.add(socket)
    const body = 'x'.repeat(300_000)
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
    let text = ''
    socket.on('data', (chunk) => {
      text += chunk
    })
    await once(socket, 'close')
    expect(text.match(/early/g)).toHaveLength(2)
  })
})

describe('a response', () => {
  it('keeps cookies apart, and status and text', async () => {
    const port = await serve(() => {
      const headers = new Headers([
        ['set-cookie', 'a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT'],
        ['set-cookie', 'b=2'],
        ['x-a', '1'],
        ['x-a', '2'],
      ])
      return new Response('hi', { status: 201, statusText: 'Made', headers })
    })
    const { res } = await send(port)
    expect(res.headers['set-cookie']).toEqual(['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2'])
    expect(res.headers['x-a']).toBe('1, 2')
    expect([res.statusCode, res.statusMessage]).toEqual([201, 'Made'])
  })

  it('that is at hand goes out with its length, one that is made later in chunks', async () => {
    const port = await serve((r) => {
      if (new URL(r.url).pathname === '/now') return Response.json({ now: true })
      return new Response(
        new ReadableStream({
          async start(controller) {
            for (const word of ['a', 'b']) {
              await turn()
              await turn()
              controller.enqueue(Buffer.from(word))
            }
            controller.close()
          },
        }),
      )
    })
    const now = await send(port, { path: '/now' })
    expect(now.res.headers['content-length']).toBe(String(now.text.length))
    const later = await send(port)
    expect(later.res.headers['transfer-encoding']).toBe('chunked')
    expect(later.text).toBe('ab')
  })

  it('that is silent at first shows its head at once', async () => {
    const port = await serve(() => new Response(new ReadableStream({})))
    const req = request({ port, host: '127.0.0.1', agent: false }).end()
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    expect(res.statusCode).toBe(200)
    res.on('error', () => {})
    req.destroy()
  })

  it.each([204, 304])('of status %s has no body, nor has an answer to HEAD', async (status) => {
    const port = await serve(
      (r) => new Response(r.method === 'HEAD' ? 'body' : null, { status: r.method === 'HEAD' ? 200 : status }),
    )
    const { res, text } = await send(port)
    expect([res.statusCode, text, res.headers['transfer-encoding']]).toEqual([status, '', undefined])
    expect((await send(port, { method: 'HEAD' })).text).toBe('')
  })

  it('is pulled no faster than the client reads, and cancelled when it goes away', async () => {
    let pulled = 0
    let cancelled = false
    const port = await serve(
      () =>
        new Response(
          new ReadableStream(
            {
              pull(controller) {
                pulled++
                controller.enqueue(new Uint8Array(65_536))
              },
              cancel() {
                cancelled = true
              },
            },
            { highWaterMark: 0 },
          ),
        ),
    )
    const socket = connect(port, '127.0.0.1')
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    let before = -1
    for (let still = 0; still < 20; still = pulled === before ? still + 1 : 0) {
      before = pulled
      for (let i = 0; i < 50; i++) await turn()
    }
    // What the sockets' buffers hold, and no more.
    expect(pulled).toBeGreaterThan(0)
    expect(pulled).toBeLessThan(500)
    socket.destroy()
    while (!cancelled) await turn()
  })

  it('whose body fails before anything was sent is a failure of the handler', async () => {
    const broken = (): Response =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.error(new Error('boom'))
          },
        }),
      )
    const port = await serve(broken)
    expect((await send(port)).res.statusCode).toBe(500)
    expect(failures).toHaveLength(1)
  })

  it('whose body fails later never looks complete', async () => {
    const port = await serve(
      () =>
        new Response(
          new ReadableStream({
            async start(controller) {
              controller.enqueue(Buffer.from('half'))
              for (let i = 0; i < 10; i++) await turn()
              controller.error(new Error('boom'))
            },
          }),
        ),
    )
    await expect(send(port)).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})
