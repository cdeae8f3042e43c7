/** One suite for all web frameworks: each example is driven through real HTTP, as its gateway would. */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { systemClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import { toIdentityHeader } from '../../src/http/internal.ts'
import { createInbound, type Inbound } from '../../src/service/inbound.ts'
import type { ServiceDefinition } from '../../src/service/service.ts'
import { createHttpListener, type HttpListener } from '../../src/transport/http-listener.ts'

// The examples' `goms` is this source, and not what was built last.
vi.mock('goms', () => vi.importActual('../../src/index.ts'))

const KEY = 'a key that all nodes share'
const FRAMEWORKS = ['plain', 'express', 'fastify', 'koa', 'hono', 'nest'] as const

async function load(framework: (typeof FRAMEWORKS)[number]): Promise<ServiceDefinition> {
  if (framework === 'nest') compileNest()
  const file = framework === 'nest' ? './nest/dist/hello.js' : `./${framework}/hello.ts`
  return ((await import(/* @vite-ignore */ file)) as { default: ServiceDefinition }).default
}

function compileNest(): void {
  const tsc = createRequire(import.meta.url)
    .resolve('typescript/package.json')
    .replace(/package\.json$/, 'bin/tsc')
  const project = fileURLToPath(new URL('./nest', import.meta.url))
  // Types of `goms` are those of the build; before the first one there are none to check against.
  const unchecked = existsSync(new URL('../../dist/index.d.ts', import.meta.url)) ? [] : ['--noCheck']
  execFileSync(process.execPath, [tsc, '-p', project, ...unchecked], { stdio: 'pipe' })
}

describe.each(FRAMEWORKS)('a service on %s', (framework) => {
  let inbound: Inbound
  let listener: HttpListener
  let url: string

  beforeAll(async () => {
    const definition = await load(framework)
    inbound = createInbound({ definition, nodeId: 'n1', callKey: KEY, log: silentLog, clock: systemClock })
    listener = createHttpListener({
      request: (req, res) => inbound.request(req, res),
      upgrade: (req, socket, head) => inbound.upgrade(req, socket, head),
    })
    await inbound.start()
    const { port } = await listener.listen(0, '127.0.0.1')
    url = `127.0.0.1:${port}`
  })

  afterAll(async () => {
    await inbound?.close()
    await listener?.close(500)
  })

  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://${url}${path}`, { ...init, headers: { 'call-key': KEY, ...init.headers } })

  it('is closed to who has no key', async () => {
    const reply = await fetch(`http://${url}/echo`)
    expect(reply.status).toBe(403)
    expect(await reply.json()).toMatchObject({ status: false, code: 'PERMISSION_DENIED' })
  })

  it('sees method, path, query and body as they were sent', async () => {
    const body = { name: 'Ada', big: 'x'.repeat(50_000) }
    const headers = { 'content-type': 'application/json' }
    const reply = await get('/echo?a=1&b=3', { method: 'POST', headers, body: JSON.stringify(body) })
    expect(reply.status).toBe(200)
    expect(await reply.json()).toEqual({ method: 'POST', path: '/echo', query: { a: '1', b: '3' }, body })
    expect(await (await get('/echo?a=2')).json()).toMatchObject({ method: 'GET', query: { a: '2' } })
  })

  it('knows the call that it serves', async () => {
    const reply = await get('/context', {
      headers: {
        'goms-caller': 'gateway',
        'goms-identity': toIdentityHeader({ id: 7 }) as string,
        'goms-deadline-ms': '5000',
        traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      },
    })
    const context = (await reply.json()) as { leftMs: number }
    expect(context).toMatchObject({
      traceId: '0af7651916cd43dd8448eb211c80319c',
      caller: 'gateway',
      identity: { id: 7 },
    })
    expect(context.leftMs).toBeGreaterThan(1000)
    expect(context.leftMs).toBeLessThanOrEqual(5000)
  })

  it('streams its answer as it is made', async () => {
    const pieces: string[] = []
    for await (const piece of (await get('/stream')).body ?? []) pieces.push(Buffer.from(piece).toString())
    expect(pieces.join('')).toBe('one\ntwo\nthree\n')
    expect(pieces.length).toBeGreaterThan(1)
  })

  it('speaks WebSocket, with the key, and hears when the node leaves', async () => {
    const strange = new WebSocket(`ws://${url}/ws`)
    const [refused] = (await once(strange, 'error')) as [Error]
    expect(refused.message).toContain('403')

    const socket = new WebSocket(`ws://${url}/ws`, { headers: { 'call-key': KEY } })
    await once(socket, 'open')
    for (const text of ['hello', 'x'.repeat(100_000)]) {
      socket.send(text)
      const [data] = (await once(socket, 'message')) as [Buffer]
      expect(data.toString()).toBe(text)
    }
    expect(inbound.sessions()).toBe(1)
    inbound.drain()
    const [code] = (await once(socket, 'close')) as [number]
    expect(code).toBe(1001)
  })

  it('says that it is leaving, and refuses', async () => {
    const [head] = (await once(
      request(`http://${url}/echo`, { headers: { 'call-key': KEY }, agent: false }).end(),
      'response',
    )) as [{ statusCode: number; headers: Record<string, string>; resume(): void }]
    head.resume()
    expect(head.statusCode).toBe(503)
    expect(head.headers).toMatchObject({ 'goms-refused': 'draining', connection: 'close' })
  })
})
