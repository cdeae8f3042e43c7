import { createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { SLACK } from '../../test/support/timing.ts'
import { manualClock } from '../core/clock.ts'
import type { Address } from '../core/node.ts'
import { FLAG } from '../rpcx/frame.ts'
import { listenOn } from './listen.ts'
import {
  call,
  closed,
  echo,
  framesOf,
  lateEcho,
  openListener,
  openUpstream,
  rawFrame,
  request,
  until,
} from './rpc.fixtures.ts'
import type { RpcReceived } from './rpc.ts'

const open: { close(): unknown }[] = []
afterEach(() => {
  for (const server of open.splice(0)) server.close()
})

/** A node that does with each connection what the test says. */
async function node(serve: (socket: Socket) => void): Promise<Address> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    serve(socket)
  })
  open.push({
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  })
  return listenOn(server, 0, '127.0.0.1')
}

function fail(): never {
  throw new Error('from a getter')
}

describe('a call', () => {
  it.each([
    ['answered at once', echo],
    ['answered later', lateEcho],
  ])('%s comes back with its own answer among thousands', async (_, handler) => {
    const { address, listener } = await openListener({ handler })
    const upstream = openUpstream()
    const results = await Promise.all(
      Array.from({ length: 3000 }, (_, i) => call(upstream, address, request({ i, text: 'é'.repeat(i % 50) }))),
    )
    results.forEach((result, i) => {
      expect(result).toEqual({ kind: 'reply', output: { i, text: 'é'.repeat(i % 50) } })
    })
    expect(listener.connections).toBe(1)
    expect(listener.inFlight).toBe(0)
  })

  it('that fails keeps code, status, message, data and refusal', async () => {
    const fault = {
      code: 'USER_NOT_FOUND',
      message: 'no user "bob"',
      status: 404,
      data: { username: 'bob' },
      refusal: 'overloaded',
      retryAfterMs: 1500,
    } as const
    const { address } = await openListener({ handler: (_, responder) => responder.fault(fault) })
    expect(await call(openUpstream(), address, request({}))).toEqual({ kind: 'fault', fault })
  })

  it('that wants no answer is done once it was written', async () => {
    const seen: unknown[] = []
    const { address } = await openListener({
      handler(received, responder) {
        seen.push(received.input(undefined))
        responder.reply('nobody reads this', undefined)
      },
    })
    const result = await call(openUpstream(), address, request({ a: 1 }, { oneway: true }))
    expect(result).toEqual({ kind: 'reply', output: undefined })
    await until(() => seen.length === 1)
    expect(seen).toEqual([{ a: 1 }])
  })

  it.each([
    ['a function', () => () => 1, 'INVALID_ARGUMENT'],
    ['more than a frame takes', () => Buffer.alloc(2000), 'RESOURCE_EXHAUSTED'],
    ['a getter that throws', () => Object.defineProperty({}, 'a', { enumerable: true, get: fail }), 'INVALID_ARGUMENT'],
  ])('with %s for an input fails alone, and not at the node', async (_, input, code) => {
    const { address } = await openListener({ handler: echo })
    const upstream = openUpstream({ maxFrameBytes: 1000 })
    const [bad, good] = await Promise.all([
      call(upstream, address, request(input())),
      call(upstream, address, request('good')),
    ])
    expect(bad).toMatchObject({ kind: 'error', stage: 'unsent', error: { code } })
    expect(good).toEqual({ kind: 'reply', output: 'good' })
  })

  it('carries its own metadata behind what is fixed', async () => {
    const { address } = await openListener({
      handler: (received, responder) =>
        responder.reply([received.metadata('fixed')?.length, received.metadata('own')], undefined),
    })
    const upstream = openUpstream()
    const fixedMetadata = ['goms-caller', 'order', 'fixed', 'x'.repeat(3000)]
    for (const own of ['1', '2']) {
      const asked = request({}, { fixedMetadata, metadata: ['own', own, 'ä', 'ö'] })
      expect(await call(upstream, address, asked)).toEqual({ kind: 'reply', output: [3000, own] })
    }
  })

  it('made by the getter of an input that is being sent stands in a frame of its own', async () => {
    const { address } = await openListener({ handler: echo })
    const upstream = openUpstream()
    let inner: Promise<unknown> | undefined
    const input = {
      get nested() {
        inner ??= call(upstream, address, request('inner'))
        return 1
      },
      after: 'x'.repeat(100),
    }
    const outer = await call(upstream, address, request(input))
    expect(outer).toEqual({ kind: 'reply', output: { nested: 1, after: 'x'.repeat(100) } })
    expect(await inner).toEqual({ kind: 'reply', output: 'inner' })
  })
})

describe('a call that is given up', () => {
  it('is withdrawn at a node of ours, and an answer that crosses it is dropped', async () => {
    const aborted: RpcReceived[] = []
    let answer = (): void => {}
    const { address, listener } = await openListener({
      handler(received, responder) {
        if (received.method === 'quick') responder.reply('quick', undefined)
        received.onAbort(() => aborted.push(received))
        answer = () => responder.reply('late', undefined)
      },
    })
    const upstream = openUpstream()
    const never = (): void => expect.unreachable()
    const handle = upstream.send(address, request({}, { method: 'slow' }), { reply: never, fault: never, error: never })
    await until(() => listener.inFlight === 1)
    handle.abort()
    handle.abort()
    await until(() => aborted.length === 1)
    expect(listener.inFlight).toBe(0)
    answer()
    expect(await call(upstream, address, request({}, { method: 'quick' }))).toEqual({ kind: 'reply', output: 'quick' })
  })

  it('is not told to a node that is not ours', async () => {
    const methods: string[] = []
    const address = await node((socket) => {
      const frames = framesOf(socket)
      socket.on('data', () => methods.push(...frames.seen.slice(methods.length).map((frame) => frame.method)))
    })
    const upstream = openUpstream()
    const nothing = (): void => {}
    const events = { reply: nothing, fault: nothing, error: nothing }
    const handle = upstream.send(address, request({}, { cancellable: false, method: 'first' }), events)
    await until(() => methods.length === 1)
    handle.abort()
    upstream.send(address, request({}, { method: 'second' }), events)
    await until(() => methods.length === 2)
    expect(methods).toEqual(['first', 'second'])
  })
})

describe('how far a call got', () => {
  it('is unsent when nobody listens', async () => {
    const address = await node(() => {})
    open.splice(0)[0]?.close()
    const result = await call(openUpstream(), address, request({}))
    expect(result).toMatchObject({ kind: 'error', stage: 'unsent', error: { code: 'ECONNREFUSED' } })
  })

  it('is unsent when the connection is not there in time', async () => {
    const clock = manualClock()
    const upstream = openUpstream({ clock })
    // Nobody answers from there (RFC 5737); a network that refuses it at once is as good.
    const result = call(upstream, { host: '192.0.2.1', port: 9 }, request({}))
    clock.advance(500)
    expect(await result).toMatchObject({ kind: 'error', stage: 'unsent' })
  })

  it('is unanswered when the connection ends after it was sent', async () => {
    const address = await node((socket) => socket.once('data', () => socket.end()))
    const upstream = openUpstream()
    const results = await Promise.all([1, 2, 3].map((i) => call(upstream, address, request(i))))
    for (const result of results) expect(result).toMatchObject({ kind: 'error', stage: 'unanswered' })
  })

  it('is one or the other, and told once, wherever the node cuts its answer', async () => {
    const answer = rawFrame({ flags: FLAG.response, seq: 1, path: '', method: '' })
    for (let cut = 0; cut <= answer.length; cut++) {
      const address = await node((socket) => socket.once('data', () => socket.end(answer.subarray(0, cut))))
      const result = await call(openUpstream(), address, request({}))
      expect(result).toMatchObject(
        cut === answer.length ? { kind: 'reply', output: null } : { kind: 'error', stage: 'unanswered' },
      )
    }
  })

  it('is unanswered, for all, when the node answers in another language', async () => {
    const address = await node((socket) => socket.once('data', () => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')))
    const upstream = openUpstream()
    const results = await Promise.all([call(upstream, address, request(1)), call(upstream, address, request(2))])
    for (const result of results)
      expect(result).toMatchObject({ kind: 'error', stage: 'unanswered', error: { code: 'DATA_LOSS' } })
  })

  it('is told as a damaged answer when only its payload is', async () => {
    const bad = rawFrame({ flags: FLAG.response, seq: 1, payload: Buffer.from([0xc1]) })
    const address = await node((socket) => socket.once('data', () => socket.write(bad)))
    expect(await call(openUpstream(), address, request({}))).toMatchObject({
      kind: 'fault',
      fault: { code: 'DATA_LOSS' },
    })
  })
})

describe('a connection', () => {
  it('of a node that does not read takes no more than its bound, and says so', async () => {
    const address = await node((socket) => socket.pause())
    const upstream = openUpstream({ maxUnsentBytes: 100_000 })
    const payload = Buffer.alloc(60_000)
    const results: unknown[] = []
    await until(() => {
      void call(upstream, address, request(payload)).then((result) => results.push(result))
      return results.length > 0
    })
    expect(results[0]).toMatchObject({ kind: 'error', stage: 'unsent', error: { code: 'OVERLOADED' } })
  })

  it('with 65 536 calls waiting refuses one more as overloaded', async () => {
    const address = await node((socket) => socket.resume())
    const upstream = openUpstream()
    const nothing = (): void => {}
    for (let i = 0; i < 65_536; i++) {
      upstream.send(address, request(1), { reply: nothing, fault: nothing, error: nothing })
    }
    expect(await call(upstream, address, request(1))).toMatchObject({ kind: 'error', error: { code: 'OVERLOADED' } })
  })

  it('that is silent with calls waiting is asked, and given up when it stays so', async () => {
    const clock = manualClock()
    let frames: ReturnType<typeof framesOf> | undefined
    const address = await node((socket) => {
      frames = framesOf(socket)
    })
    const upstream = openUpstream({ clock })
    const result = call(upstream, address, request({}))
    await until(() => frames?.seen.length === 1)
    clock.advance(9000)
    clock.advance(6000)
    await until(() => frames?.seen.length === 2)
    const beat = frames?.seen[1]
    expect(beat?.flags).toBe(FLAG.heartbeat)
    expect(beat?.payload).toHaveLength(9)
    for (let i = 0; i < 12; i++) clock.advance(1000)
    expect(await result).toMatchObject({ kind: 'error', stage: 'unanswered', error: { code: 'ETIMEDOUT' } })
  })

  it('whose heartbeats come back is kept, however long the call takes', async () => {
    const clock = manualClock()
    let answer = (): void => {}
    const { address, listener } = await openListener({
      handler(_, responder) {
        answer = () => responder.reply('at last', undefined)
      },
    })
    const upstream = openUpstream({ clock })
    const result = call(upstream, address, request({}))
    await until(() => listener.inFlight === 1)
    for (let i = 0; i < 60; i++) {
      clock.advance(1000)
      await new Promise((resolve) => setTimeout(resolve, 3))
    }
    answer()
    expect(await result).toEqual({ kind: 'reply', output: 'at last' })
  })

  it('ends when its node has left, once nothing waits', async () => {
    let answer = (): void => {}
    const { address, listener } = await openListener({
      handler(_, responder) {
        answer = () => responder.reply(1, undefined)
      },
    })
    const upstream = openUpstream()
    const result = call(upstream, address, request({}))
    await until(() => listener.inFlight === 1)
    upstream.forget(address)
    expect(listener.connections).toBe(1)
    answer()
    expect(await result).toEqual({ kind: 'reply', output: 1 })
    await until(() => listener.connections === 0)
  })

  it('with nothing to do ends by itself', async () => {
    const clock = manualClock()
    const { address, listener } = await openListener({ handler: echo })
    const upstream = openUpstream({ clock })
    await call(upstream, address, request(1))
    for (let i = 0; i < 320; i++) clock.advance(1000)
    await until(() => listener.connections === 0)
    expect(await call(upstream, address, request(2))).toEqual({ kind: 'reply', output: 2 })
  })

  it('tells once that its node is leaving: by a push at once, and on answers', async () => {
    const { address, listener } = await openListener({ handler: echo })
    const upstream = openUpstream()
    const told: Address[] = []
    upstream.onDraining((from) => told.push(from))
    await call(upstream, address, request(1))
    listener.drain()
    await until(() => told.length === 1)
    expect(await call(upstream, address, request(2))).toEqual({ kind: 'reply', output: 2 })
    const late = openUpstream()
    late.onDraining((from) => told.push(from))
    await call(late, address, request(3))
    expect(told).toEqual([address, address])
  })
})

describe('large frames', () => {
  it('go beside the small ones, both ways', async () => {
    const maxFrameBytes = 80 * 1024 * 1024
    const { address, listener } = await openListener({ handler: echo, maxFrameBytes })
    const upstream = openUpstream({ maxFrameBytes })
    const payload = Buffer.alloc(64 * 1024 * 1024, 7)
    let done = false
    let beside = 0
    const large = call(upstream, address, request(payload, { method: 'upload' })).finally(() => {
      done = true
    })
    const tookMs: number[] = []
    const lane = async (): Promise<void> => {
      while (!done || tookMs.length < 30_000) {
        const startMs = performance.now()
        const result = await call(upstream, address, request({ small: true }))
        tookMs.push(performance.now() - startMs)
        if (result.kind !== 'reply') throw new Error(result.kind)
        if (!done) beside++
      }
    }
    await Promise.all([large, ...Array.from({ length: 8 }, lane)])
    const result = await large
    expect(result.kind === 'reply' && payload.equals(result.output as Buffer)).toBe(true)
    expect(listener.connections).toBe(2)
    // They went on while the large one was under way; what stalls them is its encoding, not its transport.
    expect(beside).toBeGreaterThan(100)
    tookMs.sort((a, b) => a - b)
    expect(tookMs[Math.floor(tookMs.length * 0.99)]).toBeLessThan(20 * SLACK)
  }, 60_000)
})

describe('closing', () => {
  it('tells all that wait, and refuses what comes later', async () => {
    const { address, listener } = await openListener({ handler: () => {} })
    const upstream = openUpstream()
    const waiting = call(upstream, address, request(1))
    await until(() => listener.inFlight === 1)
    await upstream.close()
    expect(await waiting).toMatchObject({ kind: 'error', stage: 'unanswered' })
    expect(await call(upstream, address, request(2))).toMatchObject({ kind: 'error', stage: 'unsent' })
    await until(() => listener.connections === 0)
  })

  it('of the node lets what is in progress end', async () => {
    let answer = (): void => {}
    const { address, listener } = await openListener({
      handler(_, responder) {
        answer = () => responder.reply('done', undefined)
      },
    })
    const result = call(openUpstream(), address, request(1))
    await until(() => listener.inFlight === 1)
    const closing = listener.close(5000)
    answer()
    expect(await result).toEqual({ kind: 'reply', output: 'done' })
    await closing
    expect(listener.connections).toBe(0)
  })

  it('of the node cuts what is not done in time', async () => {
    const { address, listener, dial } = await openListener({ handler: () => {} })
    const result = call(openUpstream(), address, request(1))
    await until(() => listener.inFlight === 1)
    const idle = dial()
    await listener.close(20)
    expect(await result).toMatchObject({ kind: 'error', stage: 'unanswered' })
    await closed(idle)
  })
})
