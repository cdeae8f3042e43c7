/** A real gateway and clients that are slow on purpose: each is cut in its time, while others go on as if nothing were. */
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { defaultGateway } from '../../src/core/options.ts'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { freePort } from '../support/processes.ts'

/** A slow client is cut within that time at the latest, whatever it is slow in. */
const CUT_MS = 15_000

test('the times that hold unless others are set cut slow clients in 15 s, a quarter of exactness included', () => {
  const { headTimeoutMs, bodyTimeoutMs, answerTimeoutMs } = defaultGateway
  for (const timeMs of [headTimeoutMs, bodyTimeoutMs, answerTimeoutMs]) expect(1.25 * timeMs).toBeLessThan(CUT_MS)
})

/** What came until the connection ended, and after how long it did. */
interface Cut {
  readonly text: string
  readonly afterMs: number
}

function cutOf(socket: Socket): Promise<Cut> {
  const began = performance.now()
  let text = ''
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  return new Promise((resolve) => {
    socket.once('close', () => resolve({ text, afterMs: performance.now() - began }))
  })
}

/** One byte at a time, for as long as it may. */
function drip(socket: Socket, byte: string): void {
  const ticking = setInterval(() => socket.write(byte), 50)
  socket.once('close', () => clearInterval(ticking))
}

describe.each(['fast', 'safe'])('parser %s', (parser) => {
  const TIME_MS = 600
  let cluster: Cluster
  let gateway: Member
  const statuses: number[] = []
  let slowestMs = 0
  let over = false
  let running: Promise<void>

  beforeAll(async () => {
    const times = `headTimeout: ${TIME_MS}, bodyTimeout: ${TIME_MS}, answerTimeout: ${TIME_MS}, keepAliveTimeout: 1500`
    cluster = createCluster({
      backend: { args: ['-registry', 'embedded', '-embedded_port', String(await freePort())] },
      config: `gateway: { parser: ${parser}, ${times}, maxConnections: 60 }`,
      services: 'services: { echo: { echo: /echo, small: { path: /small, maxBodyBytes: 1000 } } }\n',
    })
    gateway = await cluster.gateway('gateway1')
    await cluster.node('echo1')
    running = (async () => {
      for (let id = 0; !over; id++) {
        const began = performance.now()
        const answer = await fetch(`${gateway.url}/api/echo/echo?id=${id}`)
        await answer.text()
        statuses.push(answer.status)
        slowestMs = Math.max(slowestMs, performance.now() - began)
        await pause(5)
      }
    })()
  })
  afterAll(async () => {
    over = true
    await running
    await cluster?.close()
  })

  const open = (bytes: string): Socket => {
    const socket = connect(gateway.httpPort, '127.0.0.1')
    socket.write(bytes)
    return socket
  }
  const HEAD = 'POST /api/echo/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n'

  test('heads that drip are answered 408', async () => {
    const all = Array.from({ length: 20 }, () => open('GET /api/echo/echo HTTP/1.1\r\nHost: x\r\nA: '))
    for (const socket of all) drip(socket, 'a')
    for (const { text, afterMs } of await Promise.all(all.map(cutOf))) {
      expect(text).toMatch(/^HTTP\/1.1 408 /)
      expect(afterMs).toBeLessThan(CUT_MS)
    }
  })

  test.each([
    ['small', 'Content-Length: 1000\r\n\r\n{'],
    ['large', 'Content-Length: 1000000\r\n\r\n{'],
    ['chunked', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{ \r\n'],
  ])('bodies that drip are answered 408: %s', async (name, rest) => {
    const all = Array.from({ length: 10 }, () => open(HEAD + rest))
    for (const socket of all) drip(socket, name === 'chunked' ? '1\r\n \r\n' : ' ')
    for (const { text, afterMs } of await Promise.all(all.map(cutOf))) {
      expect(text).toMatch(/^HTTP\/1.1 408 /)
      expect(afterMs).toBeLessThan(CUT_MS)
    }
  })

  test('readers that take nothing are cut', async () => {
    const body = JSON.stringify({ id: 'large', pad: 'x'.repeat(16_000_000) })
    const began = performance.now()
    const socket = connect(gateway.httpPort, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    socket.write(`${HEAD}Content-Length: ${body.length}\r\n\r\n${body}`)
    // A reader that is paused does not see its own end: the gateway's other side does.
    while (performance.now() - began < CUT_MS && !(await hasBeenReset(socket))) await pause(100)
    expect(performance.now() - began).toBeLessThan(CUT_MS)
    socket.destroy()
  })

  test('what is too much is said with its status', async () => {
    const status = async (bytes: string): Promise<string> => (await cutOf(open(bytes))).text.slice(9, 12)
    const get = (target: string, fields = ''): Promise<string> =>
      status(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${fields}\r\n`)
    expect(await get(`/${'a'.repeat(9000)}`)).toBe('414')
    expect(await get('/', `A: ${'a'.repeat(17_000)}\r\n`)).toBe('431')
    expect(await get('/', 'A: 1\r\n'.repeat(200))).toBe('431')
    expect(await status(`${HEAD.replace('echo/echo', 'echo/small')}Content-Length: 1001\r\n\r\n`)).toBe('413')
  })

  test('nobody else noticed', () => {
    expect(statuses.length).toBeGreaterThan(30)
    expect([...new Set(statuses)]).toEqual([200])
    expect(slowestMs).toBeLessThan(1000)
  })

  test('connections beyond the bound are told, and there is room again afterwards', async () => {
    const idle = Array.from({ length: 70 }, () => open(''))
    const ends = await Promise.all(idle.map(cutOf))
    const told = ends.filter(({ text }) => text.startsWith('HTTP/1.1 503 ') && text.includes('\r\nRetry-After: 1\r\n'))
    expect(told.length).toBeGreaterThanOrEqual(10)
    // The others had nothing to do, and were ended.
    expect(ends.length - told.length).toBeGreaterThanOrEqual(50)
  })
})

/** Writing tells, where reading would take what must not be taken. */
function hasBeenReset(socket: Socket): Promise<boolean> {
  if (socket.destroyed) return Promise.resolve(true)
  return new Promise((resolve) => socket.write(' ', (error) => resolve(error != null)))
}
