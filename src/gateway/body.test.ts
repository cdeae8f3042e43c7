import { PassThrough, type Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { type ManualClock, manualClock } from '../core/clock.ts'
import type { GomsError } from '../core/errors.ts'
import { Fields } from '../http/fields.ts'
import type { HttpExchange } from '../transport/http-exchange.ts'
import { KEPT_BYTES, RequestBody } from './body.ts'

const STALL_MS = 10_000

interface Made {
  readonly body: RequestBody
  readonly client: PassThrough
  readonly clock: ManualClock
  readonly errors: GomsError[]
  /** How often the body was asked for. */
  readonly resumed: () => number
}

/** A request whose bytes the test writes. Each chunk is overwritten once it was handed over, as an engine's buffer is. */
function made(contentLength: number | undefined, maxBytes = Number.POSITIVE_INFINITY): Made {
  const client = new PassThrough({ highWaterMark: 1 << 20 })
  const clock = manualClock()
  const errors: GomsError[] = []
  let resumed = 0
  const exchange = {
    contentLength,
    fields: Fields.NONE,
    hasBody: contentLength !== 0,
    afterRead: (then: () => void) => setImmediate(then),
    resumeBody() {
      if (resumed++ === 0) client.on('data', onData).on('end', () => body.bodyEnd())
      client.resume()
    },
  } as unknown as HttpExchange
  const onData = (chunk: Buffer): void => {
    const reused = Buffer.from(chunk)
    if (!body.data(reused)) client.pause()
    reused.fill('?')
  }
  const owner = { bodyMoved() {}, bodyFailed: (error: GomsError) => void errors.push(error) }
  const body = new RequestBody(exchange, owner, { maxBytes, clock, stallMs: STALL_MS })
  return { body, client, clock, errors, resumed: () => resumed }
}

const CHUNKED = undefined
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function readAll(stream: unknown): Promise<string> {
  let text = ''
  for await (const chunk of stream as Readable) text += String(chunk)
  return text
}

describe('a request body', () => {
  it('is none where none is announced', () => {
    const { body } = made(0)
    let ready = false
    body.collect(() => {
      ready = true
    })
    expect(ready).toBe(true)
    expect(body.complete).toBe(true)
    expect(body.open()).toBeNull()
  })

  it('of small known length is collected whole, and can be sent as often as needed', async () => {
    const { body, client } = made(10)
    let ready = false
    body.collect(() => {
      ready = true
    })
    client.write('hello')
    await turn()
    expect(ready).toBe(false)
    client.end('world')
    await turn()
    expect(ready).toBe(true)
    expect(String(body.open())).toBe('helloworld')
    expect(String(body.open())).toBe('helloworld')
    expect(body.repeatable()).toBe(true)
  })

  it('in chunks begins with what is at hand, and not where that was none', async () => {
    const { body, client } = made(CHUNKED)
    let ready = false
    body.collect(() => {
      ready = true
    })
    client.write('at hand, ')
    client.end('all of it')
    expect(ready).toBe(false)
    await turn()
    expect(ready).toBe(true)
    expect(await readAll(body.open())).toBe('at hand, all of it')

    const none = made(CHUNKED)
    none.body.collect(() => expect.fail('it is no body'))
    none.body.close()
    await turn()
  })

  it('in chunks keeps its order while nobody has begun to read it', async () => {
    const { body, client } = made(CHUNKED)
    const opened = new Promise((resolve) => body.collect(() => resolve(body.open())))
    client.write('1')
    const reader = await opened
    for (const text of ['2', '3']) {
      client.write(text)
      await turn()
    }
    client.end('4')
    expect(await readAll(reader)).toBe('1234')
  })

  it('in chunks can be sent again while it is small', async () => {
    const { body, client } = made(CHUNKED)
    const first = body.open() as Readable
    first.resume()
    client.write('hello ')
    await turn()
    first.destroy()
    await turn()
    expect(body.repeatable()).toBe(true)
    client.write('wor')
    const second = readAll(body.open())
    client.end('ld')
    expect(await second).toBe('hello world')
  })

  it('cannot be sent again once more than 64 KiB went through', async () => {
    const { body, client } = made(CHUNKED)
    const reading = readAll(body.open())
    client.write(Buffer.alloc(KEPT_BYTES, 'x'))
    await turn()
    expect(body.repeatable()).toBe(true)
    client.end('y')
    expect(await reading).toHaveLength(KEPT_BYTES + 1)
    expect(body.repeatable()).toBe(false)
  })

  it('loses nothing that arrives between two attempts', async () => {
    const { body, client } = made(CHUNKED)
    const first = body.open() as Readable
    first.resume()
    client.write('a'.repeat(60_000))
    await turn()
    first.destroy()
    client.write('b'.repeat(60_000))
    await turn()
    expect(body.repeatable()).toBe(true)
    const second = readAll(body.open())
    client.end('c')
    expect(await second).toBe(`${'a'.repeat(60_000)}${'b'.repeat(60_000)}c`)
  })

  it('is not read before somebody wants it, and not faster than that', async () => {
    const { body, client } = made(10_000_000)
    client.write(Buffer.alloc(500_000))
    await turn()
    expect(client.readableLength).toBe(500_000)
    const reader = body.open() as Readable
    reader.read(0)
    for (let i = 0; i < 9; i++) await turn()
    client.write(Buffer.alloc(500_000))
    await turn()
    expect(client.readableLength).toBeGreaterThanOrEqual(500_000)
    reader.destroy()
  })

  it('is asked for when the first byte is wanted: a client may wait for that', () => {
    const { body, resumed } = made(CHUNKED)
    expect(resumed()).toBe(0)
    ;(body.open() as Readable).read(0)
    expect(resumed()).toBe(1)
  })

  it('larger than allowed is 413', async () => {
    const { body, client, errors } = made(CHUNKED, 10)
    const reader = body.open() as Readable
    reader.on('error', () => {}).resume()
    client.write('12345678901')
    await turn()
    expect(errors.map((error) => error.status)).toEqual([413])
    expect(reader.destroyed).toBe(true)
  })
})

describe('a slow client', () => {
  it('is waited for while its body moves', async () => {
    const { body, client, clock, errors } = made(CHUNKED)
    ;(body.open() as Readable).resume()
    for (let i = 0; i < 10; i++) {
      client.write('x'.repeat(300))
      await turn()
      expect(body.waiting).toBe(true)
      clock.advance(STALL_MS)
    }
    expect(errors).toEqual([])
    expect(body.progressMs).toBe(9 * STALL_MS)
  })

  it.each([
    ['says nothing', 0],
    ['drips', 5],
  ])('that %s is cut with 408', async (_name, bytes) => {
    const { body, client, clock, errors } = made(CHUNKED)
    ;(body.open() as Readable).resume()
    for (let i = 0; i < 10; i++) {
      if (bytes > 0) client.write('x'.repeat(bytes))
      await turn()
      clock.advance(STALL_MS / 10)
    }
    expect(errors.map((error) => error.status)).toEqual([408])
  })

  it('is cut in time even if it began well', async () => {
    const { body, client, clock, errors } = made(CHUNKED)
    ;(body.open() as Readable).resume()
    client.write('x'.repeat(1000))
    await turn()
    for (let i = 0; i < 5; i++) clock.advance(STALL_MS / 4)
    expect(errors.map((error) => error.status)).toEqual([408])
  })

  it('is not blamed while the node does not read', async () => {
    const { body, client, clock, errors } = made(CHUNKED)
    const reader = body.open() as Readable
    reader.read(0)
    client.write(Buffer.alloc(200_000))
    for (let i = 0; i < 9; i++) await turn()
    expect(body.waiting).toBe(false)
    clock.advance(10 * STALL_MS)
    expect(errors).toEqual([])
    reader.destroy()
  })
})
