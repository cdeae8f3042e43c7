import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { SLACK } from '../../test/support/timing.ts'
import { type ManualClock, manualClock } from '../core/clock.ts'
import type { CallContext } from '../core/context.ts'
import type { Log } from '../core/log.ts'
import { silentLog } from '../core/log.ts'
import { toIdentityHeader } from '../http/internal.ts'
import { createSampler } from '../telemetry/sampler.ts'
import { callContext, detached } from './context.ts'
import { createInbound, type Inbound, type InboundDeps } from './inbound.ts'
import { type ServiceOptions, service } from './service.ts'

const KEY = 'correct horse battery staple'
const KEYED = { 'call-service-key': KEY }

interface Reply {
  status: number
  headers: IncomingMessage['headers']
  body: string
  json(): Record<string, unknown>
}

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

async function open(options: ServiceOptions, deps: Partial<InboundDeps> = {}) {
  const clock: ManualClock = manualClock()
  const inbound: Inbound = createInbound({
    definition: service('user', options),
    nodeId: 'n1',
    callKey: KEY,
    log: silentLog,
    clock,
    ...deps,
  })
  const server: Server = createServer((req, res) => inbound.request(req, res))
  server.on('upgrade', (req, socket, head) => inbound.upgrade(req, socket, head))
  await inbound.start()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  closing.push(async () => {
    await inbound.close()
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of sockets) socket.destroy()
    await closed
  })
  const send = (path = '/', headers: Record<string, string> = KEYED, method = 'GET', body?: string): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const req = httpRequest({ port, host: '127.0.0.1', path, method, headers, agent: false }, (res) => {
        let text = ''
        res.on('data', (chunk) => (text += chunk))
        res.on('error', reject)
        res.on('end', () =>
          resolve({ status: res.statusCode ?? 0, headers: res.headers, body: text, json: () => JSON.parse(text) }),
        )
      })
      req.on('error', reject)
      req.end(body)
    })
  const dial = (): Socket => connect(port, '127.0.0.1').on('error', () => {})
  return { inbound, clock, send, dial, port }
}

const ok = (_req: IncomingMessage, res: ServerResponse): void => void res.end('ok')

describe('the call key', () => {
  it.each([
    ['call-service-key', KEY],
    ['Call-Key', KEY],
  ])('opens the door as %s', async (name, value) => {
    const { send } = await open({ http: ok })
    expect(await send('/', { [name]: value })).toMatchObject({ status: 200, body: 'ok' })
  })

  it.each([[{}], [{ 'call-key': 'wrong' }], [{ 'call-key': `${KEY}x` }], [{ 'call-service-key': '' }]])(
    'keeps the application away from %j',
    async (headers) => {
      let ran = 0
      const { send } = await open({ http: (_req, res) => res.end(String(++ran)) })
      const reply = await send('/', headers as Record<string, string>)
      expect(reply.status).toBe(403)
      expect(reply.json()).toMatchObject({ status: false, code: 'PERMISSION_DENIED' })
      expect(ran).toBe(0)
    },
  )

  it('that is wrong gets the original’s answers where they are asked for', async () => {
    const goms = await open({ http: ok }, { compat: 'goms' })
    const goGarden = await open({ http: ok }, { compat: 'go-garden' })
    expect(await goms.send('/', {})).toMatchObject({ status: 403, body: '{"status":false}' })
    expect(await goGarden.send('/', {})).toMatchObject({
      status: 404,
      body: '{"status":false,"msg":"No access permission"}',
    })
  })

  it('may hold any character, sent as UTF-8 or latin-1', async () => {
    const { send } = await open({ http: ok }, { callKey: 'schlüssel-1' })
    expect((await send('/', { 'call-key': 'schlüssel-1' })).status).toBe(200)
    const utf8 = Buffer.from('schlüssel-1').toString('latin1')
    expect((await send('/', { 'call-key': utf8 })).status).toBe(200)
    expect((await send('/', { 'call-key': 'schlussel-1' })).status).toBe(403)
  })

  it('is never seen by the application, nor is anything else of ours', async () => {
    const { send } = await open({
      http: (req, res) => {
        const { headers, rawHeaders, headersDistinct } = req
        res.end(JSON.stringify({ headers, rawHeaders, headersDistinct }))
      },
    })
    const reply = await send('/', {
      'Call-Service-Key': KEY,
      'call-key': KEY,
      'GOMS-Caller': 'gateway',
      'goms-secret': 'goms-value',
      'x-forwarded-for': '10.0.0.9',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'x-app': 'mine',
    })
    expect(reply.status).toBe(200)
    expect(reply.body.toLowerCase()).not.toContain(KEY)
    expect(reply.body.toLowerCase()).not.toMatch(/goms-|call-key|call-service-key/)
    expect(reply.json().headers).toMatchObject({ 'x-app': 'mine', 'x-forwarded-for': '10.0.0.9' })
    expect(reply.json().headers).toHaveProperty('traceparent')
    expect(reply.json().rawHeaders).toContain('x-app')
  })

  it('is not asked for where none is set, and then nobody is believed', async () => {
    const { send } = await open({ http: (req, res) => answerContext(req, res) }, { callKey: undefined })
    const identity = toIdentityHeader({ admin: true }) as string
    const reply = await send('/', { 'goms-identity': identity, 'goms-caller': 'gateway', 'goms-attempt': '2' })
    expect(reply.json()).toMatchObject({ attempt: 2 })
    expect(reply.json()).not.toHaveProperty('caller')
    expect(reply.json()).not.toHaveProperty('identity')
  })
})

function answerContext(req: IncomingMessage, res: ServerResponse): void {
  const call = callContext(req) as CallContext
  const { caller, identity, attempt, traceId, trace } = call
  const leftMs = call.leftMs()
  res.end(JSON.stringify({ caller, identity, attempt, traceId, parentId: trace.parentId, leftMs }))
}

describe('what is recorded', () => {
  const W3C = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0'
  const never = createSampler({ sample: 0, routes: {} })

  async function drawn(deps: Partial<InboundDeps>, traceparent: string): Promise<unknown> {
    const seen: unknown[] = []
    const { send } = await open(
      { http: (_req, res) => void res.end() },
      {
        ...deps,
        observe: () => ({
          served: (call, status, failing) => void seen.push([call.sampled, call.name, status, failing?.code]),
        }),
      },
    )
    await send('/login?token=x', { ...(deps.callKey === '' ? {} : KEYED), traceparent }, 'POST')
    await turn()
    return seen
  }

  it('is what the caller says where the key matched, or nobody has one, and its own else', async () => {
    const said = (sampled: boolean): unknown => [[sampled, 'POST /login', 200, undefined]]
    expect(await drawn({ sampler: never }, `${W3C}1`)).toEqual(said(true))
    expect(await drawn({ sampler: never }, `${W3C}0`)).toEqual(said(false))
    expect(await drawn({ sampler: never, callKey: '' }, `${W3C}1`)).toEqual(said(true))
    expect(await drawn({ sampler: createSampler({ sample: 1, routes: {} }) }, 'none')).toEqual(said(true))
  })

  it('tells of calls that were refused, too', async () => {
    expect(await drawn({ sampler: never, callKey: 'another key' }, `${W3C}1`)).toEqual([
      [false, 'POST /login', 403, 'PERMISSION_DENIED'],
    ])
  })
})

describe('the context of a call', () => {
  it('carries caller, identity, attempt, deadline and trace', async () => {
    const { send } = await open({ http: (req, res) => answerContext(req, res) })
    const reply = await send('/', {
      ...KEYED,
      'goms-caller': 'gateway',
      'goms-identity': toIdentityHeader({ id: 7 }) as string,
      'goms-attempt': '3',
      'goms-deadline-ms': '1500',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    })
    expect(reply.json()).toEqual({
      caller: 'gateway',
      identity: { id: 7 },
      attempt: 3,
      traceId: '0af7651916cd43dd8448eb211c80319c',
      parentId: 'b7ad6b7169203331',
      leftMs: 1500,
    })
  })

  it('is the same without the request, unless the service does without', async () => {
    const app = (req: IncomingMessage, res: ServerResponse): void => {
      res.end(String(callContext() === undefined ? 'none' : callContext() === callContext(req)))
    }
    expect((await (await open({ http: app })).send()).body).toBe('true')
    expect((await (await open({ http: app, ambient: false })).send()).body).toBe('none')
    expect(callContext()).toBeUndefined()
  })

  it('gives only the trace once the call has ended, and to what was detached', async () => {
    const seen: CallContext[] = []
    let later: (() => void) | undefined
    const { send } = await open({
      http: (_req, res) => {
        const look = (): void => void seen.push(callContext() as CallContext)
        look()
        detached(look)
        const bound = new Promise<void>((resolve) => (later = resolve)).then(look)
        void bound
        res.end()
      },
    })
    await send('/', { ...KEYED, 'goms-caller': 'gateway', 'goms-deadline-ms': '1500' })
    await turn()
    later?.()
    await turn()
    const [during, apart, after] = seen as [CallContext, CallContext, CallContext]
    expect(during.caller).toBe('gateway')
    for (const link of [apart, after]) {
      expect(link.caller).toBeUndefined()
      expect(link.leftMs()).toBe(Number.POSITIVE_INFINITY)
      expect(link.signal.aborted).toBe(false)
      expect(link.traceId).toBe(during.traceId)
    }
  })

  it('aborts its signal when the deadline is over, and not once the head is out', async () => {
    const signals: AbortSignal[] = []
    const { send, clock } = await open({
      http: (req, res) => {
        const { signal } = callContext(req) as CallContext
        signals.push(signal)
        const answer = res
        if (req.url === '/head') answer.write('x')
        if (req.url === '/head') clock.advance(2000)
        else signal.addEventListener('abort', () => answer.end(String((signal.reason as { code: string }).code)))
        if (req.url === '/head') answer.end()
        else clock.advance(1500)
      },
    })
    const headers = { ...KEYED, 'goms-deadline-ms': '1500' }
    expect((await send('/', headers)).body).toBe('DEADLINE_EXCEEDED')
    await send('/head', headers)
    expect(signals.map((s) => s.aborted)).toEqual([true, false])
  })

  it('aborts its signal within 50 ms of the caller going away', async () => {
    let entered: (signal: AbortSignal) => void = () => {}
    const signalled = new Promise<AbortSignal>((resolve) => (entered = resolve))
    const { dial, inbound } = await open({
      http: (req, _res) => entered((callContext(req) as CallContext).signal),
    })
    const socket = dial()
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\ncall-key: ${KEY}\r\n\r\n`)
    const signal = await signalled
    expect(inbound.inFlight()).toBe(1)
    const aborted = once(signal, 'abort')
    const at = performance.now()
    socket.destroy()
    await aborted
    expect(performance.now() - at).toBeLessThan(50 * SLACK)
    await inbound.idle()
    expect(inbound.inFlight()).toBe(0)
  })
})

describe('pipelined calls', () => {
  it('all end with their connection', async () => {
    const signals: AbortSignal[] = []
    const { dial, inbound } = await open({
      http: (req, _res) => signals.push((callContext(req) as CallContext).signal),
    })
    const socket = dial()
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\ncall-key: ${KEY}\r\n\r\n`.repeat(3))
    while (inbound.inFlight() < 3) await turn()
    socket.destroy()
    await inbound.idle()
    expect(signals.map((signal) => signal.aborted)).toEqual([true, true, true])
  })
})

describe('a call that must not run', () => {
  it.each([
    ['another service', { ...KEYED, 'goms-target': 'order/n1' }],
    ['another start of it', { ...KEYED, 'goms-target': 'user/n0' }],
    ['another project’s node', { 'call-key': 'of another project', 'goms-target': 'user/n0' }],
  ])('was meant for %s', async (_, headers) => {
    const { send } = await open({ http: ok })
    const reply = await send('/', headers)
    expect(reply.status).toBe(421)
    expect(reply.headers['goms-refused']).toBe('wrong-node')
  })

  it('runs when it was meant for this node', async () => {
    const { send } = await open({ http: ok })
    expect((await send('/', { ...KEYED, 'goms-target': 'user/n1' })).status).toBe(200)
  })

  it.each(['0', '-5'])('has %s ms left', async (left) => {
    const { send } = await open({ http: ok })
    const reply = await send('/', { ...KEYED, 'goms-deadline-ms': left })
    expect(reply.status).toBe(504)
    expect(reply.json()).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  })

  it('is one more than the service takes', async () => {
    let finish: () => void = () => {}
    const { send, inbound } = await open({
      maxInFlight: 1,
      http(_req: unknown, res: ServerResponse) {
        finish = () => res.end()
      },
    })
    const first = send()
    while (inbound.inFlight() === 0) await turn()
    const second = await send()
    expect(second.status).toBe(503)
    expect(second.headers).toMatchObject({ 'goms-refused': 'overloaded', 'retry-after': '1' })
    finish()
    expect((await first).status).toBe(200)
  })

  it('finds no application', async () => {
    const { send } = await open({})
    const reply = await send()
    expect(reply.status).toBe(404)
    expect(reply.headers['goms-refused']).toBe('unimplemented')
  })
})

describe('answers of the application', () => {
  it('cannot carry headers of ours, however they are set', async () => {
    const { send } = await open({
      http: (req, res) => {
        const answer = res
        const headers = { 'goms-refused': 'draining', 'Goms-Other': 'x', 'x-mine': 'y' }
        const flat = ['Goms-Refused', 'draining', 'x-mine', 'y']
        const { url } = req
        if (url === '/set') for (const [name, value] of Object.entries(headers)) answer.setHeader(name, value)
        if (url === '/object') answer.writeHead(200, headers)
        if (url === '/reason') answer.writeHead(200, 'Fine', headers)
        if (url === '/flat') answer.writeHead(200, flat)
        if (url === '/flush') answer.setHeader('goms-refused', 'draining').setHeader('x-mine', 'y').flushHeaders()
        answer.end()
      },
    })
    for (const path of ['/set', '/object', '/reason', '/flat', '/flush']) {
      const { headers } = await send(path)
      expect(headers['x-mine'], path).toBe('y')
      expect(Object.keys(headers).filter((name) => name.startsWith('goms-'))).toEqual([])
    }
  })

  it('of a failed application are 500 with a trace id that is in the log', async () => {
    const lines: string[] = []
    const log: Log = { ...silentLog, error: (message, { traceId } = {}) => void lines.push(`${message} ${traceId}`) }
    const boom = (async (req: IncomingMessage, res: ServerResponse) => {
      res.setHeader('etag', '"x"')
      await turn()
      throw new Error(`secret at ${req.url?.length}`)
    }) as (req: IncomingMessage, res: ServerResponse) => unknown
    for (const http of [
      boom,
      (_req: IncomingMessage, _res: ServerResponse) => {
        throw new Error('secret')
      },
    ]) {
      const { send } = await open({ http }, { log })
      const reply = await send('/?token=hidden')
      expect(reply.status).toBe(500)
      expect(reply.json()).toMatchObject({ status: false, code: 'INTERNAL' })
      expect(reply.body).not.toContain('secret')
      expect(reply.headers.etag).toBeUndefined()
      expect(lines.at(-1)).toContain(String(reply.json().traceId))
      expect(lines.at(-1)).not.toContain('hidden')
    }
  })

  it('that fail in the middle never look complete', async () => {
    const { send } = await open({
      http: async (_req, res) => {
        const answer = res
        answer.write('half')
        await turn()
        throw new Error('boom')
      },
    })
    await expect(send()).rejects.toMatchObject({ code: 'ECONNRESET' })
  })
})

describe('probes', () => {
  it('say that the node leaves before it is told to drain', async () => {
    const { send } = await open({ http: ok }, { ready: () => false, leaving: () => true })
    expect(await send('/-/ready', {})).toMatchObject({ status: 503, body: 'draining\n' })
  })

  it('answer a word without a key', async () => {
    let ready = false
    const { send, inbound } = await open({ http: ok }, { ready: () => ready })
    expect(await send('/-/live', {})).toMatchObject({ status: 200, body: 'live\n' })
    expect(await send('/-/ready', {})).toMatchObject({ status: 503, body: 'starting\n' })
    ready = true
    expect(await send('/-/ready?x', {})).toMatchObject({ status: 200, body: 'ready\n' })
    inbound.drain()
    expect(await send('/-/ready', {})).toMatchObject({ status: 503, body: 'draining\n' })
    expect(await send('/-/live', {})).toMatchObject({ status: 200 })
    expect((await send('/-/other', {})).status).toBe(403)
  })
})

describe('leaving', () => {
  it('first serves on and says so, then refuses, then is idle', async () => {
    let finish: () => void = () => {}
    const { send, inbound, clock, dial } = await open({
      http: (req, res) => {
        const answer = res
        if (req.url === '/slow') finish = () => answer.end('slow')
        else answer.writeHead(200, { Connection: 'keep-alive' }).end('ok')
      },
    })
    const raw = async (): Promise<string> => {
      const socket = dial()
      socket.write(`GET / HTTP/1.1\r\nHost: x\r\ncall-key: ${KEY}\r\n\r\n`)
      const [bytes] = (await once(socket, 'data')) as [Buffer]
      socket.destroy()
      return bytes.toString()
    }
    expect(await raw()).toContain('keep-alive')
    const slow = send('/slow')
    while (inbound.inFlight() === 0) await turn()
    inbound.drain(2000)
    const served = await raw()
    expect(served).toMatch(/^HTTP\/1\.1 200/)
    expect(served).toMatch(/connection: close/i)
    expect(served).not.toContain('keep-alive')
    clock.advance(2000)
    const refused = await send()
    expect(refused.status).toBe(503)
    expect(refused.headers).toMatchObject({ 'goms-refused': 'draining', connection: 'close' })
    let idle = false
    const waiting = inbound.idle().then(() => (idle = true))
    await turn()
    expect(idle).toBe(false)
    finish()
    expect((await slow).body).toBe('slow')
    await waiting
  })

  it('ends event streams, which no call waits for', async () => {
    const { send, inbound } = await open({
      http: (_req, res) => {
        const answer = res
        answer.writeHead(200, { 'Content-Type': 'text/event-stream' })
        answer.write('data: 1\n\n')
        answer.on('close', () => answer.write('data: late\n\n'))
      },
    })
    const stream = send()
    while (inbound.sessions() === 0) await turn()
    expect(inbound.inFlight()).toBe(0)
    await inbound.idle()
    inbound.drain()
    expect((await stream).body).toBe('data: 1\n\n')
    expect(inbound.sessions()).toBe(0)
  })
})

describe('upgrades', () => {
  const ask = (key: string, more = ''): string =>
    `GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ${more === '' ? 'websocket' : 'h2c'}\r\n${key}\r\n${more}`

  async function readAll(socket: Socket): Promise<string> {
    let text = ''
    socket.on('data', (chunk) => (text += chunk.toString('latin1')))
    await once(socket, 'close')
    return text
  }

  it('need the key, and are 501 where nobody takes them', async () => {
    const { dial } = await open({ http: ok })
    const stranger = dial()
    stranger.write(ask(''))
    expect(await readAll(stranger)).toMatch(/^HTTP\/1\.1 403 /)
    const known = dial()
    known.write(ask(`call-key: ${KEY}\r\n`))
    expect(await readAll(known)).toMatch(/^HTTP\/1\.1 501 /)
  })

  it('to something that a client merely offers are passed over', async () => {
    const { dial, inbound } = await open({ http: ok })
    const socket = dial()
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\ncall-key: ${KEY}\r\n\r\n`)
    expect(await readAll(socket)).toMatch(/^HTTP\/1\.1 200 [\s\S]*ok/)
    await inbound.idle()
  })

  it('are sessions with a context, and hear 1001 when the node leaves', async () => {
    let context: CallContext | undefined
    const { dial, inbound } = await open({
      upgrade(req, socket) {
        context = callContext(req)
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
      },
    })
    const socket = dial()
    socket.write(ask(`call-key: ${KEY}\r\ngoms-caller: gateway\r\n`))
    await once(socket, 'data')
    expect(context?.caller).toBe('gateway')
    expect(inbound.sessions()).toBe(1)
    const rest = readAll(socket)
    inbound.drain()
    expect(Buffer.from(await rest, 'latin1').toString('hex')).toBe('880203e9')
    while (inbound.sessions() > 0) await turn()
    expect(context?.signal.aborted).toBe(true)
  })
})
