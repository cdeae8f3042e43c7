/** What a connection says once: who says it to whom, what comes of it, and what strangers make of it. */
import { createServer, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { TraceWords } from '../core/context.ts'
import { FLAG } from '../rpcx/frame.ts'
import { encodeMetadata } from '../rpcx/metadata.ts'
import { listenOn } from './listen.ts'
import {
  call,
  closed,
  echo,
  type FrameParts,
  framesOf,
  lateEcho,
  openListener,
  openUpstream,
  rawFrame,
  request,
  type SeenFrame,
  until,
} from './rpc.fixtures.ts'
import type { RpcReceived } from './rpc.ts'

const TRACE: TraceWords = { trace0: 1, trace1: 2, trace2: 3, trace3: -1, span0: 5, span1: 6, sampled: true }
const TRACEPARENT = '00-000000010000000200000003ffffffff-0000000500000006-01'
const FIXED = ['__AUTH', 'the key', 'goms-caller', 'order', 'goms-target', 'user/1']
const NAMES = ['__AUTH', 'goms-caller', 'goms-target', '__ServerTimeout', 'traceparent', 'goms-attempt', 'nothing']

const sayAll = (received: RpcReceived): unknown => NAMES.map((name) => received.metadata(name) ?? null)
const SAID = ['the key', 'order', 'user/1', '995', TRACEPARENT, null, null]

const brief = (number: number, more: readonly string[] = []): readonly string[] => [
  '~',
  `${String.fromCharCode(number)}\0${'\0'.repeat(28)}`,
  ...more,
]
const hello = (number: number | string, pairs: readonly string[] = FIXED): Buffer =>
  control('hello', ['goms-greeting', String(number), ...pairs])
const control = (method: string, metadata: readonly string[]): Buffer =>
  rawFrame({ flags: FLAG.oneway, serialize: 0, path: '_goms', method, metadata, payload: Buffer.alloc(0) })

describe('a caller', () => {
  it.each([
    ['at once', false],
    ['later', true],
  ])('says everything until the node has taken its greeting, then refers to it; answered %s', async (_, later) => {
    const sizes: number[] = []
    const traces: unknown[] = []
    const { address } = await openListener({
      handler(received, responder) {
        sizes.push((received as unknown as { frameBytes: number }).frameBytes)
        traces.push(received.trace)
        const answer = (): void => responder.reply([sayAll(received), received.input(undefined)], undefined)
        if (later) setImmediate(answer)
        else answer()
      },
    })
    const upstream = openUpstream()
    const asked = request('x'.repeat(40), { fixedMetadata: FIXED, deadlineMs: 995, position: TRACE, metadata: [] })
    const results = []
    for (let i = 0; i < 3; i++) results.push(await call(upstream, address, asked))
    results.push(...(await Promise.all(Array.from({ length: 2000 }, () => call(upstream, address, asked)))))
    for (const result of results) expect(result).toEqual({ kind: 'reply', output: [SAID, 'x'.repeat(40)] })
    expect(sizes[0]).toBeGreaterThan(250)
    expect(new Set(sizes.slice(1)).size).toBe(1)
    expect([traces[0], traces[1], traces.at(-1)]).toEqual([undefined, TRACE, TRACE])
    expect(sizes.at(-1)).toBe((sizes[0] as number) - encodeMetadata(FIXED).length - 100 + 39)
  })

  it('says what differs beside it, and that is what counts', async () => {
    const { address } = await openListener({
      handler: (received, responder) => responder.reply([sayAll(received), received.greeting === undefined], undefined),
    })
    const upstream = openUpstream()
    const asked = request(
      {},
      { fixedMetadata: FIXED, deadlineMs: 995, position: TRACE, metadata: ['goms-attempt', '2'] },
    )
    const said = [...SAID.slice(0, 5), '2', null]
    for (let i = 0; i < 3; i++)
      expect(await call(upstream, address, asked)).toEqual({ kind: 'reply', output: [said, true] })
    const odd = { ...asked, metadata: ['goms-caller', 'another', '__ServerTimeout', '7'] }
    const output = [['the key', 'another', 'user/1', '7', TRACEPARENT, null, null], true]
    expect(await call(upstream, address, odd)).toEqual({ kind: 'reply', output })
  })

  it('has a greeting for each list, as many as a node takes', async () => {
    const seen: boolean[] = []
    const { address } = await openListener({
      handler(received, responder) {
        seen.push(received.greeting !== undefined)
        responder.reply(received.metadata('goms-caller'), undefined)
      },
    })
    const upstream = openUpstream()
    const callers = Array.from({ length: 18 }, (_, i) =>
      request(i, { fixedMetadata: ['goms-caller', `c${i}`], metadata: [] }),
    )
    for (let round = 0; round < 2; round++) {
      for (const [i, asked] of callers.entries()) {
        expect(await call(upstream, address, asked)).toEqual({ kind: 'reply', output: `c${i}` })
      }
    }
    expect(seen).toEqual([...Array(18).fill(false), ...Array(16).fill(true), false, false])
  })

  it('does not greet nodes of Go, and does without an answer from old nodes of ours', async () => {
    const { address, frames } = await listening()
    const upstream = openUpstream()
    upstream.send(address, request(1, { fixedMetadata: FIXED, cancellable: false }), nobody)
    upstream.send(address, request(2, { fixedMetadata: FIXED }), nobody)
    await until(() => frames.length === 3)
    upstream.send(address, request(3, { fixedMetadata: FIXED }), nobody)
    await until(() => frames.length === 4)
    expect(frames.map(({ method }) => method)).toEqual(['exists', 'hello', 'exists', 'exists'])
    for (const frame of frames) expect(frame.metadata).toContain('the key')
  })

  it('does not greet with more than a node takes', async () => {
    const { address, frames } = await listening()
    const upstream = openUpstream()
    upstream.send(address, request(1, { fixedMetadata: ['k', 'v'.repeat(1200)] }), nobody)
    await until(() => frames.length === 1)
    expect(frames[0]?.method).toBe('exists')
  })

  it('takes no notice of welcomes for what it did not say', async () => {
    const { address, frames, sockets } = await listening()
    const upstream = openUpstream()
    const asked = request(1, { fixedMetadata: FIXED })
    upstream.send(address, asked, nobody)
    await until(() => frames.length === 2)
    for (const number of ['1', '-1', 'x', '1e9', '']) sockets[0]?.write(control('welcome', ['goms-greeting', number]))
    sockets[0]?.write(control('welcome', []))
    await new Promise((resolve) => setTimeout(resolve, 20))
    upstream.send(address, asked, nobody)
    await until(() => frames.length === 3)
    expect(frames[2]?.metadata).toContain('the key')
  })

  it('says everything again on the connection of large frames', async () => {
    const { address, listener } = await openListener({
      handler: (received, responder) =>
        responder.reply([sayAll(received), (received.input(undefined) as Buffer).length], undefined),
    })
    const upstream = openUpstream()
    for (const bytes of [10, 10, 400_000, 10]) {
      const asked = request(Buffer.alloc(bytes), {
        fixedMetadata: FIXED,
        deadlineMs: 995,
        position: TRACE,
        metadata: [],
      })
      expect(await call(upstream, address, asked)).toEqual({ kind: 'reply', output: [SAID, bytes] })
    }
    expect(listener.connections).toBe(2)
  })

  it('is refused a frame that only fits while it is brief', async () => {
    const { address } = await openListener({ handler: echo })
    const upstream = openUpstream({ maxFrameBytes: 300_000 })
    const asked = (bytes: number) => request(Buffer.alloc(bytes), { fixedMetadata: FIXED, metadata: [] })
    await call(upstream, address, asked(1))
    expect(await call(upstream, address, asked(299_900))).toMatchObject({
      kind: 'error',
      stage: 'unsent',
      error: { code: 'RESOURCE_EXHAUSTED' },
    })
    expect(await call(upstream, address, asked(299_000))).toMatchObject({ kind: 'reply' })
  })
})

describe('a node', () => {
  async function dialled(handler = echo): Promise<{ socket: Socket; next(): Promise<SeenFrame> }> {
    const { dial } = await openListener({ handler })
    const socket = dial()
    return { socket, next: framesOf(socket).next }
  }

  it('takes greetings in their order, and welcomes each', async () => {
    const { socket, next } = await dialled((received, responder) => responder.reply(sayAll(received), undefined))
    socket.write(Buffer.concat([hello(0), hello(1, ['goms-caller', 'two']), rawFrame({ metadata: brief(1) })]))
    for (const number of ['0', '1']) {
      const welcome = await next()
      expect(welcome).toMatchObject({ flags: FLAG.oneway, method: 'welcome' })
      expect(welcome.metadata.endsWith(number)).toBe(true)
    }
    expect((await next()).payload.includes('two')).toBe(true)
  })

  it.each([
    ['out of order', hello(1)],
    ['without a number', control('hello', FIXED)],
    ['with a number that is none', hello('x')],
    ['too long', hello(0, ['k', 'v'.repeat(1100)])],
  ])('passes over a greeting that is %s', async (_, frame) => {
    const { socket, next } = await dialled()
    socket.write(Buffer.concat([frame, rawFrame({ seq: 7 })]))
    expect(await next()).toMatchObject({ seq: 7, flags: FLAG.response })
  })

  it('takes 16 greetings and no more', async () => {
    const { socket, next } = await dialled()
    socket.write(Buffer.concat([...Array.from({ length: 20 }, (__, i) => hello(i)), rawFrame({ seq: 7 })]))
    for (let i = 0; i < 16; i++) expect((await next()).method).toBe('welcome')
    expect((await next()).seq).toBe(7)
  })

  it.each<[string, FrameParts]>([
    ['a greeting that was not said', { metadata: brief(1) }],
    ['flags that nobody knows', { metadata: ['~', `\0\x40${'\0'.repeat(28)}`] }],
    ['another length', { metadata: ['~', '\0'.repeat(8)] }],
  ])('closes a connection that refers to %s', async (_, parts) => {
    const { socket, next } = await dialled()
    socket.write(hello(0))
    await next()
    socket.write(rawFrame(parts))
    await closed(socket)
  })

  it('takes the name of brief metadata for one like any other until it was greeted', async () => {
    const { socket, next } = await dialled((received, responder) => responder.reply(received.metadata('~'), undefined))
    socket.write(rawFrame({ metadata: ['~', 'abc'] }))
    expect((await next()).payload.toString('latin1')).toContain('abc')
  })

  it('keeps what a request in pieces said for as long as its handler takes', async () => {
    const { socket, next } = await dialled(async (received, responder) => {
      await turn()
      await turn()
      responder.reply([sayAll(received), received.deadlineMs ?? null], undefined)
    })
    socket.write(hello(0))
    await next()
    const bytes = rawFrame({ metadata: ['~', '?'.repeat(30)] })
    Buffer.from(`0003000003e3${'11'.repeat(24)}`, 'hex').copy(bytes, bytes.indexOf('????'))
    socket.write(bytes.subarray(0, 60))
    await new Promise((resolve) => setTimeout(resolve, 20))
    socket.write(Buffer.concat([bytes.subarray(60), rawFrame({ seq: 2, path: 'x'.repeat(30) })]))
    const answer = (await next()).payload.toString('latin1')
    expect(answer).toContain('the key')
    expect(answer).toContain('00-11111111111111111111111111111111-1111111111111111-00')
    expect(answer).toContain('995')
  })

  it('says that it leaves to whom it knows by a greeting only', async () => {
    const { listener, dial } = await openListener({ handler: lateEcho })
    const socket = dial()
    const { next } = framesOf(socket)
    socket.write(hello(0))
    expect((await next()).method).toBe('welcome')
    listener.drain()
    expect((await next()).method).toBe('draining')
  })
})

const nobody = { reply() {}, fault() {}, error() {} }

/** A node that reads, and says nothing. */
async function listening(): Promise<{
  address: { host: string; port: number }
  frames: readonly SeenFrame[]
  sockets: readonly Socket[]
}> {
  const frames: SeenFrame[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    const { next } = framesOf(socket)
    const read = async (): Promise<void> => {
      for (;;) frames.push(await next())
    }
    read()
  })
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  return { address: await listenOn(server, 0, '127.0.0.1'), frames, sockets }
}
