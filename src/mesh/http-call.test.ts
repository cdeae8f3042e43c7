import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import type { CallContext } from '../core/context.ts'
import { defaultPolicy, type Policy } from '../core/options.ts'
import { createHttpUpstream } from '../transport/http-upstream.ts'
import { createHttpCaller, type HttpCaller, type HttpCallerDeps } from './http-call.ts'
import { nodeOf, viewOf } from './mesh.fixtures.ts'
import { createMesh, type Mesh } from './mesh.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

interface Rig {
  readonly call: HttpCaller
  readonly mesh: Mesh
}

/** A caller of `user/login`, served by one node for each listener. */
async function rigOf(
  listeners: readonly RequestListener[],
  policy: Partial<Policy> = {},
  more: Partial<HttpCallerDeps> = {},
): Promise<Rig> {
  const nodes = await Promise.all(
    listeners.map(async (listener, n) => {
      const server: Server = createServer({ keepAliveTimeout: 75_000 }, listener)
      const sockets = new Set<Socket>()
      server.on('connection', (socket) => sockets.add(socket))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      cleanups.push(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
      return nodeOf(n, { http: { host: '127.0.0.1', port: (server.address() as AddressInfo).port } })
    }),
  )
  const mesh = createMesh({
    view: viewOf(...nodes),
    balance: { default: 'round-robin', services: {} },
    probe: async () => true,
  })
  const upstream = createHttpUpstream()
  cleanups.push(async () => {
    mesh.close()
    await upstream.close()
  })
  const call = createHttpCaller({
    dispatcher: mesh,
    upstream,
    route: () => ({
      methods: undefined,
      pathAt: () => '/login',
      policy: { ...defaultPolicy, ...policy },
      idempotent: undefined,
      offers: undefined,
    }),
    context: () => undefined,
    callKey: 'a key for tests',
    caller: 'order',
    clock: systemClock,
    idleTimeoutMs: () => 60_000,
    affinity: () => undefined,
    ...more,
  })
  return { call, mesh }
}

function contextOf(more: Partial<CallContext>): () => CallContext {
  const trace = {
    traceId: 'a'.repeat(32),
    spanId: 'b'.repeat(16),
    parentId: undefined,
    sampled: true,
    state: undefined,
  }
  const context: CallContext = {
    ...{ trace, traceId: trace.traceId, caller: 'gateway', identity: undefined, attempt: 1 },
    leftMs: () => Number.POSITIVE_INFINITY,
    signal: new AbortController().signal,
    ...more,
  }
  return () => context
}

const silent: RequestListener = () => {}
const closing: RequestListener = (req) => req.socket.destroy()

describe('a call of an action', () => {
  it('carries query, JSON, key, caller, identity, trace and the time that is left', async () => {
    const seen: Record<string, unknown>[] = []
    const { call } = await rigOf(
      [
        (req, res) => {
          let body = ''
          req.on('data', (chunk) => {
            body += chunk
          })
          req.on('end', () => {
            seen.push({ ...req.headers, url: req.url, method: req.method, body })
            res.writeHead(201, { 'x-a': '1', 'goms-refused': 'nonsense' }).end('made')
          })
        },
      ],
      {},
      { context: contextOf({ leftMs: () => 700, identity: { username: 'bob' } }) },
    )
    const answer = await call('user', 'login', { method: 'post', query: { a: 1, b: 'x y' }, json: { c: 3 } })
    expect([answer.status, answer.headers.get('x-a'), answer.headers.get('goms-refused'), await answer.text()]).toEqual(
      [...[201, '1', null], 'made'],
    )
    expect(seen[0]).toMatchObject({
      ...{ url: '/login?a=1&b=x+y', method: 'POST', body: '{"c":3}', 'content-type': 'application/json' },
      ...{ 'call-service-key': 'a key for tests', 'goms-caller': 'order', 'goms-attempt': '1' },
    })
    expect(seen[0]?.traceparent).toContain('a'.repeat(32))
    expect(JSON.parse(Buffer.from(String(seen[0]?.['goms-identity']), 'base64url').toString())).toEqual({
      username: 'bob',
    })
    const left = Number(seen[0]?.['goms-deadline-ms'])
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(700)
  })

  it('may be given the headers of the call in progress whole', async () => {
    let seen: NodeJS.Dict<string | string[]> = {}
    const { call } = await rigOf([
      (req, res) => {
        seen = req.headers
        res.end('ok')
      },
    ])
    const answer = await call('user', 'login', {
      method: 'POST',
      headers: {
        ...{ 'Content-Length': '999', 'Transfer-Encoding': 'chunked', connection: 'upgrade', upgrade: 'websocket' },
        ...{ 'goms-identity': 'forged', 'Call-Key': 'forged', 'x-kept': '1' },
      },
      body: 'abc',
    })
    expect(await answer.text()).toBe('ok')
    expect(seen).toMatchObject({ 'content-length': '3', 'call-key': 'a key for tests', 'x-kept': '1' })
    for (const name of ['transfer-encoding', 'upgrade', 'goms-identity']) expect(seen).not.toHaveProperty(name)
  })

  it.each([
    ['retries', { retries: -1 }],
    ['timeoutMs', { timeoutMs: Number.NaN }],
    ['json', { json: 1, body: 'x' }],
    ['header', { headers: { 'x-a': 'a\r\nb: c' } }],
  ])('with %s that makes no sense costs no node anything', async (word, request) => {
    let asked = 0
    const { call } = await rigOf([
      (_req, res) => {
        asked++
        res.end()
      },
    ])
    await expect(call('user', 'login', request)).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: expect.stringContaining(word),
    })
    expect(asked).toBe(0)
  })
})

describe('what fails', () => {
  it('is tried on another node where that is safe, and not where it is not', async () => {
    const { call } = await rigOf([closing, (_req, res) => res.end('ok')])
    expect(await (await call('user', 'login', {})).text()).toBe('ok')
    const { call: alone } = await rigOf([closing, closing])
    await expect(alone('user', 'login', { method: 'POST' })).rejects.toMatchObject({ code: 'BAD_GATEWAY' })
  })

  it('is not tried again below a call that is a retry itself', async () => {
    const { call } = await rigOf([closing, (_req, res) => res.end('ok')], {}, { context: contextOf({ attempt: 2 }) })
    await expect(call('user', 'login', {})).rejects.toMatchObject({ code: 'BAD_GATEWAY' })
  })

  it('counts once against the node', async () => {
    // The fifth failure in a row ejects: four leave the node its turns.
    let reached = 0
    const { call } = await rigOf([
      (req) => {
        reached++
        req.socket.destroy()
      },
      (_req, res) => res.end('ok'),
    ])
    for (let i = 0; i < 8; i++) await call('user', 'login', { method: 'POST' }).catch(() => {})
    expect(reached).toBe(4)
  })

  it('is DEADLINE_EXCEEDED after the lesser of its own time and what the call in progress has left', async () => {
    const { call } = await rigOf([silent], { retries: 0 }, { context: contextOf({ leftMs: () => 40 }) })
    const began = performance.now()
    await expect(call('user', 'login', { timeoutMs: 5000 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(performance.now() - began).toBeLessThan(1000)
  })

  it('is an answer that breaks off: its reader learns it', async () => {
    const { call } = await rigOf([
      (_req, res) => {
        res.writeHead(200, { 'content-length': '100' }).write('half')
        setImmediate(() => res.destroy())
      },
    ])
    const answer = await call('user', 'login', {})
    await expect(answer.text()).rejects.toThrow()
  })

  it('is silence within an answer', async () => {
    const { call } = await rigOf([(_req, res) => void res.write('half')], {}, { idleTimeoutMs: () => 50 })
    const answer = await call('user', 'login', {})
    await expect(answer.text()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })

  it('is a head that is no answer', async () => {
    const { call } = await rigOf([(_req, res) => res.writeHead(777).end()])
    await expect(call('user', 'login', {})).rejects.toMatchObject({ code: 'BAD_GATEWAY' })
  })
})

describe('a caller that gives up', () => {
  it.each(['its own signal', 'the call in progress'])(
    'by %s, frees the node, in a second attempt too',
    async (which) => {
      const own = new AbortController()
      const outer = new AbortController()
      let waiting = (): void => {}
      const arrived = new Promise<void>((resolve) => {
        waiting = resolve
      })
      let gone = (): void => {}
      const left = new Promise<void>((resolve) => {
        gone = resolve
      })
      const { call } = await rigOf(
        [
          closing,
          (req) => {
            req.socket.once('close', gone)
            waiting()
          },
        ],
        {},
        { context: contextOf({ signal: outer.signal }) },
      )
      const answer = call('user', 'login', { signal: own.signal })
      await arrived
      if (which === 'its own signal') own.abort()
      else outer.abort()
      await expect(answer).rejects.toMatchObject({ code: 'CANCELLED' })
      await left
    },
  )

  it('while it reads, or before it began', async () => {
    const own = new AbortController()
    let gone = (): void => {}
    const left = new Promise<void>((resolve) => {
      gone = resolve
    })
    const { call } = await rigOf([
      (req, res) => {
        req.socket.once('close', gone)
        res.write('first')
      },
    ])
    const answer = await call('user', 'login', { signal: own.signal })
    const text = answer.text()
    own.abort()
    await expect(text).rejects.toMatchObject({ code: 'CANCELLED' })
    await left
    await expect(call('user', 'login', { signal: own.signal })).rejects.toMatchObject({ code: 'CANCELLED' })
  })

  it('by leaving the answer unread', async () => {
    let gone = (): void => {}
    const left = new Promise<void>((resolve) => {
      gone = resolve
    })
    const { call } = await rigOf([
      (req, res) => {
        req.socket.once('close', gone)
        res.write('first')
      },
    ])
    const answer = await call('user', 'login', {})
    await answer.body?.cancel()
    await left
  })
})

it('a large answer is read from the node no faster than it is read here', async () => {
  let sent = 0
  const total = 400
  const { call } = await rigOf([
    async (_req, res) => {
      const block = Buffer.alloc(65_536)
      for (; sent < total; sent++) {
        if (!res.write(block)) await new Promise((resolve) => res.once('drain', resolve))
      }
      res.end()
    },
  ])
  const answer = await call('user', 'login', {})
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(sent).toBeLessThan(total)
  expect((await answer.arrayBuffer()).byteLength).toBe(total * 65_536)
})
