/** Listeners that stop before their connections do, and ports that go from one to another. */
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { HttpDoor, HttpDoorOptions } from './http-door.ts'
import type { HttpExchange } from './http-exchange.ts'
import { createHttpNodeDoor } from './http-node-door.ts'
import { createHttpRawDoor } from './http-raw-door.ts'
import { canReusePort } from './reuse-port.ts'

const ENGINES: readonly (readonly [string, (options: HttpDoorOptions) => HttpDoor])[] = [
  ['raw', createHttpRawDoor],
  ['node:http', createHttpNodeDoor],
]

function handler(exchange: HttpExchange): void {
  exchange.events = { data: () => true, bodyEnd() {}, drain() {}, closed() {} }
  exchange.head(200, 'OK', '', 2)
  exchange.write(Buffer.from('ok'))
  exchange.end()
}

const ask = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    socket.once('data', (chunk) => resolve(chunk.toString('latin1')))
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  })
const open = (port: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.once('error', reject)
  })

test.each(ENGINES)('%s: after unlisten open connections are served, new ones refused', async (_name, create) => {
  const door = create({ handler })
  const { port } = await door.listen(0, '127.0.0.1')
  const socket = await open(port)
  expect(await ask(socket)).toMatch(/^HTTP\/1.1 200/)
  door.unlisten()
  await expect(open(port)).rejects.toThrow('ECONNREFUSED')
  expect(await ask(socket)).toMatch(/^HTTP\/1.1 200/)
  door.drain()
  expect(await ask(socket)).toMatch(/connection: close/i)
  await door.close(1000)
  expect(door.connections).toBe(0)
})

test.each(ENGINES)('%s: idle connections end with a close after unlisten', async (_name, create) => {
  const door = create({ handler })
  const { port } = await door.listen(0, '127.0.0.1')
  const socket = await open(port)
  await ask(socket)
  door.unlisten()
  const ended = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  await door.close(10_000)
  await ended
})

test.each(ENGINES)('%s: a listener that somebody else bound is taken over', async (_name, create) => {
  const bound = createServer()
  const port = await new Promise<number>((resolve) =>
    bound.listen(0, '127.0.0.1', () => resolve((bound.address() as { port: number }).port)),
  )
  const door = create({ handler })
  expect(await door.listen(0, undefined, { from: bound })).toEqual({ host: '127.0.0.1', port })
  const socket = await open(port)
  expect(await ask(socket)).toMatch(/^HTTP\/1.1 200/)
  socket.destroy()
  await door.close(1000)
})

test.each(ENGINES)('%s: from the turn on in which it is taken over it accepts', async (_name, create) => {
  const bound = createServer(() => {
    throw new Error('nobody’s')
  })
  const port = await new Promise<number>((resolve) =>
    bound.listen(0, '127.0.0.1', () => resolve((bound.address() as { port: number }).port)),
  )
  const socket = connect(port, '127.0.0.1')
  const door = create({ handler })
  const listening = door.listen(0, undefined, { from: bound })
  expect(await ask(socket)).toMatch(/^HTTP\/1.1 200/)
  await listening
  socket.destroy()
  await door.close(1000)
})

test('reusePort is tried out', async () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const has = process.platform === 'linux' && (major > 22 || (major === 22 && minor >= 12))
  expect(await canReusePort()).toBe(has)
})
