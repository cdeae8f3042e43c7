import { once } from 'node:events'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { FLAG } from '../rpcx/frame.ts'
import {
  call,
  closed,
  echo,
  encodeWith,
  framesOf,
  lateEcho,
  openListener,
  openUpstream,
  rawFrame,
  request,
  until,
} from './rpc.fixtures.ts'
import type { RpcReceived } from './rpc.ts'

/** seq 0x0102030405060708, `Arith.Mul`, metadata {k: vv}, MessagePack, payload nil: made by the Go package. */
const FROM_GO = Buffer.from(
  '08000030010203040506070800000024000000054172697468000000034d756c0000000b000000016b00000002767600000001c0',
  'hex',
)

async function readAll(socket: Socket): Promise<string> {
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  await closed(socket)
  return text
}

describe('a frame from Go', () => {
  it('is answered with its number and serialize type, whatever its pieces', async () => {
    for (const handler of [echo, lateEcho]) {
      const { dial } = await openListener({ handler })
      for (let cut = 1; cut < FROM_GO.length; cut++) {
        const socket = dial()
        const bytes = once(socket, 'data') as Promise<[Buffer]>
        socket.setNoDelay(true)
        socket.write(FROM_GO.subarray(0, cut))
        setImmediate(() => socket.write(FROM_GO.subarray(cut)))
        expect((await bytes)[0].toString('hex')).toBe(
          '080080300102030405060708000000110000000000000000000000000000000 1c0'.replace(' ', ''),
        )
        socket.destroy()
      }
    }
  })

  it('that is a heartbeat comes back as it is, without the handler', async () => {
    const { dial } = await openListener({ handler: () => expect.unreachable() })
    const socket = dial()
    const beat = rawFrame({ flags: FLAG.heartbeat, seq: 9, path: '', method: '', payload: Buffer.alloc(9, 0xd3) })
    socket.write(beat)
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    const expected = Buffer.from(beat)
    expected[2] = FLAG.heartbeat | FLAG.response
    expect(bytes.equals(expected)).toBe(true)
  })

  it('that wants no answer gets none, not even an error', async () => {
    const { dial } = await openListener({
      handler(received, responder) {
        if (received.oneway) throw new Error('fails')
        responder.reply('last', undefined)
      },
    })
    const socket = dial()
    const frames = framesOf(socket)
    socket.write(Buffer.concat([rawFrame({ flags: FLAG.oneway, seq: 1 }), rawFrame({ seq: 2 })]))
    expect((await frames.next()).seq).toBe(2)
    expect(frames.seen).toHaveLength(1)
  })

  it('with gzip is inflated, and its answer compressed from 1 KiB on', async () => {
    const { dial } = await openListener({ handler: echo })
    const socket = dial()
    const frames = framesOf(socket)
    const long = encodeWith('x'.repeat(5000))
    const short = encodeWith('x'.repeat(500))
    socket.write(rawFrame({ flags: FLAG.gzip, seq: 1, payload: gzipSync(long) }))
    socket.write(rawFrame({ flags: FLAG.gzip, seq: 2, payload: gzipSync(short) }))
    socket.write(rawFrame({ seq: 3, payload: long }))
    const [first, second, third] = [await frames.next(), await frames.next(), await frames.next()]
    expect(first.flags & FLAG.compress).toBe(FLAG.gzip)
    expect(first.payload.length).toBeLessThan(200)
    expect(second.payload.equals(short)).toBe(true)
    expect(third.payload.equals(long)).toBe(true)
  })

  it('in JSON is answered in JSON; in what is not spoken it is refused in the words of Go', async () => {
    const { dial } = await openListener({ handler: echo })
    const socket = dial()
    const frames = framesOf(socket)
    socket.write(rawFrame({ serialize: 0x10, seq: 1, payload: Buffer.from('{"a":[1,null]}') }))
    expect((await frames.next()).payload.toString()).toBe('{"a":[1,null]}')
    socket.write(rawFrame({ serialize: 0x20, seq: 2 }))
    const refused = await frames.next()
    expect(refused.flags).toBe(FLAG.response | FLAG.error)
    expect(refused.metadata).toContain('can not find codec for 2')
    expect(refused.metadata).toContain('unimplemented')
  })
})

describe('a handler', () => {
  it('may read metadata and input after the turn, even of a frame that came in pieces', async () => {
    const { dial } = await openListener({
      handler(received, responder) {
        setTimeout(() => {
          responder.reply([received.metadata('k'), received.metadata('none'), received.input(undefined)], undefined)
        }, 5)
      },
    })
    const socket = dial()
    const frames = framesOf(socket)
    const bytes = Buffer.concat(
      ['a', 'b', 'c'].map((text, seq) =>
        rawFrame({ seq, metadata: ['k', text.repeat(40)], payload: encodeWith(text) }),
      ),
    )
    socket.write(bytes.subarray(0, 100))
    await new Promise((resolve) => setTimeout(resolve, 5))
    socket.write(bytes.subarray(100))
    for (const text of ['a', 'b', 'c']) {
      expect((await frames.next()).payload.equals(encodeWith([text.repeat(40), null, text]))).toBe(true)
    }
  })

  it('that throws, or answers what cannot travel, is an INTERNAL error that tells nothing', async () => {
    const told: unknown[] = []
    const { address } = await openListener({
      handler(received, responder) {
        if (received.method === 'throws') throw new Error('secret')
        responder.reply(() => {}, undefined)
      },
      failed: (error) => told.push(error),
    })
    const upstream = openUpstream()
    for (const method of ['throws', 'function']) {
      const result = await call(upstream, address, request({}, { method }))
      expect(result).toMatchObject({ kind: 'fault', fault: { code: 'INTERNAL' } })
      expect(JSON.stringify(result)).not.toContain('secret')
    }
    expect(told).toHaveLength(2)
  })

  it('that answers twice is heard once', async () => {
    const { dial } = await openListener({
      handler(_, responder) {
        responder.reply(1, undefined)
        responder.reply(2, undefined)
        responder.fault({
          code: 'INTERNAL',
          message: '',
          status: undefined,
          data: undefined,
          refusal: undefined,
          retryAfterMs: undefined,
        })
      },
    })
    const socket = dial()
    const frames = framesOf(socket)
    socket.write(Buffer.concat([rawFrame({ seq: 1 }), rawFrame({ seq: 2 })]))
    expect([(await frames.next()).seq, (await frames.next()).seq]).toEqual([1, 2])
  })

  it('is told when its caller has gone, and not after its answer', async () => {
    const aborted: string[] = []
    const { listener, dial } = await openListener({
      handler(received, responder) {
        received.onAbort(() => aborted.push(received.method))
        if (received.method === 'quick') responder.reply(1, undefined)
      },
    })
    const socket = dial()
    socket.write(Buffer.concat([rawFrame({ seq: 1, method: 'quick' }), rawFrame({ seq: 2, method: 'slow' })]))
    await until(() => listener.inFlight === 1)
    socket.end()
    await until(() => aborted.length > 0)
    expect(aborted).toEqual(['slow'])
    expect(listener.inFlight).toBe(0)
  })

  it('knows that its caller has gone without having listened', async () => {
    let slow: RpcReceived | undefined
    const { listener, dial } = await openListener({ handler: (received) => (slow = received) })
    const socket = dial()
    socket.write(rawFrame())
    await until(() => slow !== undefined)
    expect(slow?.withdrawn).toBe(false)
    socket.end()
    await until(() => listener.inFlight === 0)
    expect(slow?.withdrawn).toBe(true)
  })

  it('has arrived when its read began, however long those before it took', async () => {
    const clock = manualClock(1000)
    const arrivedAtMs: (number | undefined)[] = []
    const received: RpcReceived[] = []
    const { dial } = await openListener({
      clock,
      handler(one) {
        received.push(one)
        arrivedAtMs.push(one.arrivedAtMs)
        clock.advance(50)
      },
    })
    dial().write(Buffer.concat([rawFrame({ seq: 1 }), rawFrame({ seq: 2 })]))
    await until(() => received.length === 2)
    expect(arrivedAtMs).toEqual([1000, 1000])
    expect(received[0]?.arrivedAtMs, 'asked after the read').toBe(1100)
  })

  it('has no more of one connection at once than the limit', async () => {
    const { listener, dial } = await openListener({ handler: () => {}, maxInFlight: 2 })
    const socket = dial()
    const frames = framesOf(socket)
    socket.write(Buffer.concat([1, 2, 3].map((seq) => rawFrame({ seq }))))
    const refused = await frames.next()
    expect(refused.seq).toBe(3)
    expect(refused.metadata).toContain('overloaded')
    expect(listener.inFlight).toBe(2)
  })
})

describe('a caller that misbehaves', () => {
  it.each([
    ['a length below its parts', Buffer.from('08000030000000000000000100000001', 'hex')],
    ['four gigabytes', Buffer.from('080000300000000000000001ffffffff', 'hex')],
    ['a path beyond the frame', Buffer.from(`08000030000000000000000100000010${'ffffffff'.repeat(4)}`, 'hex')],
    ['a frame above the limit', rawFrame({ payload: Buffer.alloc(5 * 1024 * 1024) })],
  ])('and announces %s is cut, at no cost', async (_, bytes) => {
    const { dial } = await openListener({ handler: () => expect.unreachable() })
    const before = process.memoryUsage()
    const socket = dial()
    socket.write(bytes)
    await closed(socket)
    const after = process.memoryUsage()
    expect(after.arrayBuffers + after.external - before.arrayBuffers - before.external).toBeLessThan(1_000_000)
  })

  it('and sends ten thousand damaged frames brings down neither the node nor its memory', async () => {
    let handled = 0
    const { address, listener, dial } = await openListener({
      handler(received, responder) {
        handled++
        try {
          responder.reply(received.input(undefined), undefined)
        } catch {
          responder.reply(null, undefined)
        }
      },
      stallMs: 200,
    })
    let seed = 42
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    const good = [
      FROM_GO,
      rawFrame({
        seq: 5,
        metadata: ['goms-caller', 'x', '__ServerTimeout', '100'],
        payload: encodeWith({ a: [1, 'b'] }),
      }),
      rawFrame({ flags: FLAG.gzip, payload: gzipSync(encodeWith('y'.repeat(3000))) }),
      rawFrame({ flags: FLAG.oneway, path: '_goms', method: 'cancel', metadata: ['goms-seq', '5'] }),
      rawFrame({ flags: FLAG.heartbeat, path: '', method: '' }),
    ]
    const mutated = (): Buffer => {
      const bytes = Buffer.from(good[random(good.length)] as Buffer)
      for (let n = 1 + random(3); n > 0; n--) bytes[random(bytes.length)] = random(256)
      return random(10) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes
    }
    const before = process.memoryUsage().rss
    for (let round = 0; round < 100; round++) {
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const socket = dial()
          socket.resume()
          for (let i = 0; i < 5; i++) socket.write(mutated())
          socket.end()
          await closed(socket)
        }),
      )
    }
    expect(handled).toBeGreaterThan(100)
    await until(() => listener.connections === 0)
    expect(listener.inFlight).toBe(0)
    expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024)
    expect(await call(openUpstream(), address, request('still there'))).toMatchObject({ output: 'still there' })
  }, 60_000)

  it('and sends a gzip bomb gets an error, and costs no more than the limit', async () => {
    const { dial } = await openListener({
      handler(received, responder) {
        try {
          received.input(undefined)
          expect.unreachable()
        } catch (error) {
          const { code, message } = error as { code: string; message: string }
          const nothing = { status: undefined, data: undefined, refusal: undefined, retryAfterMs: undefined }
          responder.fault({ code, message, ...nothing })
        }
      },
    })
    const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024))
    const before = process.memoryUsage().rss
    const socket = dial()
    const frames = framesOf(socket)
    socket.write(rawFrame({ flags: FLAG.gzip, payload: bomb }))
    expect((await frames.next()).metadata).toContain('RESOURCE_EXHAUSTED')
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024)
  })

  it('and does not read is not read any further, and let go', async () => {
    const payload = Buffer.alloc(64 * 1024)
    let handled = 0
    const { listener, dial } = await openListener({
      handler(_, responder) {
        handled++
        responder.reply(payload, undefined)
      },
      stallMs: 300,
    })
    const socket = dial()
    socket.pause()
    const asking = rawFrame({})
    let sent = 0
    // As much as the connection takes.
    while (sent < 200_000 && socket.writableLength < 1024 * 1024) {
      for (let i = 0; i < 500; i++) socket.write(asking)
      sent += 500
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(() => listener.connections === 0)
    // Answers to one read at most above where reading pauses, and what the system itself buffers.
    expect(handled).toBeLessThan(3000)
  })

  it('and leaves more answers unread than the limit is cut', async () => {
    const { listener, dial } = await openListener({
      handler: (_, responder) => void setImmediate(() => responder.reply(Buffer.alloc(1024 * 1024), undefined)),
      maxUnreadBytes: 8 * 1024 * 1024,
    })
    const socket = dial()
    socket.pause()
    socket.write(Buffer.concat(Array.from({ length: 200 }, (_, seq) => rawFrame({ seq }))))
    await until(() => listener.connections === 0)
    expect(listener.inFlight).toBe(0)
  })

  it('and says nothing, or half a frame, is let go; so is one that is idle for long', async () => {
    const clock = manualClock()
    const { listener, dial } = await openListener({ handler: echo, clock })
    const silent = dial()
    const half = dial()
    const idle = dial()
    half.write(FROM_GO.subarray(0, 30))
    idle.write(FROM_GO)
    await once(idle, 'data')
    await until(() => listener.connections === 3)
    await new Promise((resolve) => setTimeout(resolve, 20))
    for (let i = 0; i < 16; i++) clock.advance(1000)
    await Promise.all([closed(silent), closed(half)])
    await until(() => listener.connections === 1)
    for (let i = 0; i < 610; i++) clock.advance(1000)
    await closed(idle)
  })

  it.each([
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    `POST /x HTTP/1.1\r\nContent-Length: 99999\r\n\r\n${'x'.repeat(99999)}`,
  ])('and speaks HTTP is told so', async (text) => {
    const { dial } = await openListener({ handler: () => expect.unreachable() })
    const socket = dial()
    socket.write(text)
    const answer = await readAll(socket)
    expect(answer).toMatch(/^HTTP\/1\.1 501 /)
    expect(JSON.parse(answer.split('\r\n\r\n')[1] as string)).toMatchObject({ status: false, code: 'UNIMPLEMENTED' })
  })

  it('and speaks neither, or is one too many, is closed', async () => {
    const { dial } = await openListener({ handler: echo, maxConnections: 1 })
    const strange = dial()
    strange.write('\x16\x03\x01')
    expect(await readAll(strange)).toBe('')
    const first = dial()
    first.write(FROM_GO)
    await once(first, 'data')
    expect(await readAll(dial())).toBe('')
    expect(first.destroyed).toBe(false)
  })
})

describe('a node that leaves', () => {
  it('tells callers of ours, on their connection and on answers, and Go nothing', async () => {
    const { listener, dial } = await openListener({ handler: echo })
    const ours = dial()
    const go = dial()
    const oursFrames = framesOf(ours)
    const goFrames = framesOf(go)
    ours.write(rawFrame({ metadata: ['goms-caller', 'order'] }))
    go.write(rawFrame({}))
    await Promise.all([oursFrames.next(), goFrames.next()])
    listener.drain()
    const push = await oursFrames.next()
    expect([push.flags, push.seq, push.method]).toEqual([FLAG.oneway, 1, 'draining'])
    ours.write(rawFrame({ seq: 2, metadata: ['goms-caller', 'order'] }))
    go.write(rawFrame({ seq: 2 }))
    expect((await oursFrames.next()).metadata).toContain('goms-draining')
    expect((await goFrames.next()).metadata).toBe('')
  })
})
