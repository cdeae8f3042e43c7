import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import type { HttpDoor } from './http-door.ts'
import { echo, gate, listenTo, say, talk } from './http-exchange.fixtures.ts'
import { httpExchangeSuite } from './http-exchange.suite.ts'
import type { HttpExchange } from './http-exchange.ts'
import { createHttpRawDoor, type HttpRawDoorOptions } from './http-raw-door.ts'

httpExchangeSuite('raw, into a buffer of ours', createHttpRawDoor)
httpExchangeSuite('raw, with data events', (options) => createHttpRawDoor({ ...options, onread: 'off' }))

const open: HttpDoor[] = []
afterEach(async () => {
  for (const door of open.splice(0)) await door.close(0)
})

function door(options: HttpRawDoorOptions): HttpDoor {
  const made = createHttpRawDoor(options)
  open.push(made)
  return made
}

/** A connection without a network that tells its writes apart. */
function wire(): { socket: Socket; writes: string[]; say(bytes: string): void } {
  const writes: string[] = []
  const socket = new Duplex({
    allowHalfOpen: true,
    decodeStrings: false,
    read() {},
    write(chunk, _encoding, done) {
      writes.push(chunk.toString('latin1'))
      done()
    },
    writev(chunks, done) {
      writes.push(chunks.map(({ chunk }) => chunk.toString('latin1')).join(''))
      done()
    },
  })
  return { socket: socket as Socket, writes, say: (bytes) => void socket.push(Buffer.from(bytes)) }
}

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'

describe('what leaves', () => {
  it.each([
    ['small', 100],
    ['large', 100_000],
  ])('an answer that is %s and given in one turn is one write', async (_name, bytes) => {
    const { socket, writes } = wire()
    door({
      handler(exchange) {
        exchange.head(200, '', 'A: 1\r\n', bytes)
        exchange.write(Buffer.alloc(bytes, 'a'))
        exchange.end()
      },
    }).accept(socket, Buffer.from(GET))
    await turn()
    expect(writes).toEqual([`HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: ${bytes}\r\n\r\n${'a'.repeat(bytes)}`])
  })

  it('what is given in later turns leaves at the end of each', async () => {
    const { socket, writes } = wire()
    let exchange: HttpExchange | undefined
    door({
      handler(it) {
        exchange = it
      },
    }).accept(socket, Buffer.from(GET))
    exchange?.head(200, '', '', 'stream')
    exchange?.write(Buffer.from('one'))
    exchange?.write(Buffer.from('two'))
    await Promise.resolve()
    expect(writes).toHaveLength(0)
    await turn()
    exchange?.write(Buffer.from('three'))
    exchange?.end()
    await turn()
    expect(writes).toEqual([
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n',
      '5\r\nthree\r\n0\r\n\r\n',
    ])
  })

  it('keeps no bytes that it was given for the call only', async () => {
    const shared = Buffer.alloc(200_000)
    const { port } = await door({
      onread: 'off',
      handler(exchange) {
        exchange.head(200, '', '', 3 * shared.length)
        for (const fill of 'abc') exchange.write(shared.fill(fill))
        shared.fill('x')
        exchange.end()
      },
    }).listen(0, '127.0.0.1')
    const text = await talk(port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')).ended
    expect(text.split('\r\n\r\n')[1]).toBe('a'.repeat(200_000) + 'b'.repeat(200_000) + 'c'.repeat(200_000))
  })
})

describe('the one timer', () => {
  it('cuts each wait at its own time, and no exchange that is served', async () => {
    const clock = manualClock()
    const made = door({ clock, headTimeoutMs: 10_000, idleTimeoutMs: 75_000, handler: () => {} })
    const [silent, half, served] = [wire(), wire(), wire()]
    made.accept(silent.socket)
    made.accept(half.socket, Buffer.from('GET / HT'))
    made.accept(served.socket, Buffer.from(GET))
    clock.advance(9_900)
    expect(half.writes).toEqual([])
    clock.advance(1_200)
    expect(half.writes.join('')).toMatch(/^HTTP\/1.1 408 /)
    clock.advance(63_000)
    expect(silent.socket.writableEnded).toBe(false)
    clock.advance(2_000)
    expect(silent.socket.writableEnded).toBe(true)
    clock.advance(600_000)
    expect(served.socket.destroyed).toBe(false)
    expect(made.connections).toBe(1)
    const closed = made.close(0)
    clock.advance(1)
    await closed
  })
})

describe('a handler that throws', () => {
  it('costs its own connection and no other', async () => {
    const { socket } = wire()
    const made = door({
      handler(exchange) {
        if (exchange.target === '/') throw new Error('a mistake')
        echo(exchange)
      },
    })
    expect(() => made.accept(socket, Buffer.from(GET))).toThrow('a mistake')
    expect(socket.destroyed).toBe(true)
    const other = wire()
    made.accept(other.socket, Buffer.from(GET.replace('/', '/b')))
    while (other.writes.length === 0) await turn()
    expect(other.writes[0]).toContain('GET /b ')
  })
})

describe('a body behind its answer', () => {
  it('is read away, and the connection goes on', async () => {
    const arrived = gate<HttpExchange>()
    const { port } = await door({
      handler: (exchange) => (exchange.target === '/up' ? arrived.open(exchange) : say(exchange, 'next')),
    }).listen(0, '127.0.0.1')
    const client = talk(port, 'POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc')
    const exchange = await arrived.opened
    const told = listenTo(exchange)
    await told.begun
    say(exchange, 'early')
    expect(await client.until('early')).not.toMatch(/connection: close/i)
    client.socket.write(`def${GET}`)
    await client.until('next')
    client.socket.destroy()
  })
})
