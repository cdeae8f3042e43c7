import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttpListener, type HttpListener, type HttpListenerOptions } from './http-listener.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const thing of open.splice(0)) await thing.close()
})

async function listener(options: Partial<HttpListenerOptions> = {}): Promise<{ it: HttpListener; port: number }> {
  const made = createHttpListener({ request: (_req, res) => res.end('ok'), ...options })
  open.push({ close: () => made.close(0) })
  const { port } = await made.listen(0, '127.0.0.1')
  return { it: made, port }
}

/** Writes bytes and gives everything that came back until the connection closed. */
function talk(port: number, bytes: string): { socket: Socket; answer: Promise<string>; text(): string } {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk.toString()
  })
  socket.on('error', () => {})
  socket.write(bytes)
  return { socket, text: () => text, answer: new Promise((resolve) => socket.on('close', () => resolve(text))) }
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

describe('bad requests', () => {
  it.each([
    ['no HTTP at all', 'hello\r\n\r\n', 400],
    ['HTTP/0.9', 'GET /\r\n\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['both framings', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    ['a control character', 'GET / HTTP/1.1\r\nHost: x\r\nA: \u0001\r\n\r\n', 400],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost: x\r\nA : 1\r\n\r\n', 400],
    ['a huge head', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
    ['CONNECT', 'CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n', 501],
  ])('%s', async (_name, bytes, status) => {
    const { port } = await listener()
    const answer = await talk(port, bytes).answer
    expect(answer.split('\r\n')[0]).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    if (answer.includes('\r\n\r\n{'))
      expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: false })
    else expect(answer).toContain('Connection: close')
  })

  it('cuts a head that does not arrive, and a connection that says nothing', async () => {
    const { port } = await listener({ headersTimeoutMs: 100 })
    const slow = talk(port, 'GET / HTTP/1.1\r\nHost')
    const silent = talk(port, '')
    expect(await slow.answer).toMatch(/^HTTP\/1.1 408 /)
    await silent.answer
  })

  it('does not cut an upload that moves', async () => {
    const { port } = await listener({
      headersTimeoutMs: 100,
      request: (req, res) => void req.resume().on('end', () => res.end('got it')),
    })
    const upload = talk(port, 'POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 30\r\n\r\n')
    for (let i = 0; i < 30; i++) {
      await sleep(20)
      upload.socket.write('x')
    }
    expect(await upload.answer).toContain('got it')
  })
})

describe('leaving', () => {
  it('says Connection: close on each answer, and leaves idle connections for one more', async () => {
    const finish: (() => void)[] = []
    const made = await listener({ request: (_req, res) => void finish.push(() => res.end('ok')) })
    const idle = talk(made.port, '')
    const busy = talk(made.port, GET)
    const kept = talk(made.port, GET)
    while (finish.length < 2) await sleep(2)
    finish.pop()?.()
    while (!kept.text().includes('ok')) await sleep(2)
    expect(kept.text()).toContain('Connection: keep-alive')
    made.it.drain()
    finish.pop()?.()
    expect(await busy.answer).toContain('Connection: close')
    const late = talk(made.port, GET)
    while (finish.length < 1) await sleep(2)
    finish.pop()?.()
    expect(await late.answer).toContain('Connection: close')
    kept.socket.write(GET)
    while (finish.length < 1) await sleep(2)
    finish.pop()?.()
    expect((await kept.answer).match(/Connection: close/g)).toHaveLength(1)
    idle.socket.destroy()
  })

  it('waits for what is in flight', async () => {
    let finish: () => void = () => {}
    const made = await listener({
      request(_req, res) {
        finish = () => void res.end('ok')
      },
    })
    const busy = talk(made.port, GET)
    await sleep(20)
    const closed = made.it.close(5000)
    await sleep(20)
    finish()
    await closed
    expect(await busy.answer).toContain('ok')
    expect(made.it.connections).toBe(0)
  })

  it('waits no longer than told, upgraded connections included', async () => {
    const made = await listener({
      request: () => {},
      upgrade: (_req, socket) => void socket.write('HTTP/1.1 101 X\r\n\r\n'),
    })
    const busy = talk(made.port, GET)
    const upgraded = talk(made.port, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n')
    while (upgraded.text() === '') await sleep(2)
    expect(made.it.connections).toBe(2)
    await made.it.close(50)
    await Promise.all([busy.answer, upgraded.answer])
    expect(made.it.connections).toBe(0)
  })
})

describe('a port that cannot be had', () => {
  it('tells who holds it, where that is another port of this process too', async () => {
    const holder = createServer()
    open.push({ close: () => holder.close() })
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
    const { port } = holder.address() as AddressInfo
    const failed = createHttpListener({ request() {} }).listen(port, '127.0.0.1')
    await expect(failed).rejects.toMatchObject({ code: 'GOMS_PORT_IN_USE' })
    if (process.platform === 'linux') await expect(failed).rejects.toThrow('this process itself')
  })

  it('tells of an address that is not this machine’s', async () => {
    const failed = createHttpListener({ request() {} }).listen(0, '192.0.2.1')
    await expect(failed).rejects.toMatchObject({ code: 'GOMS_OPTION_INVALID' })
  })
})
