import { once } from 'node:events'
import { connect } from 'node:tls'
import { afterEach, describe, expect, it } from 'vitest'
import type { HttpDoor } from './http-door.ts'
import type { HttpExchange } from './http-exchange.ts'
import { createHttpNodeDoor } from './http-node-door.ts'
import { createHttpRawDoor } from './http-raw-door.ts'
import { createHttpTlsDoor } from './http-tls-door.ts'
import { createAuthority } from './tls.fixtures.ts'

const authority = createAuthority()
const material = authority.issue('door')

describe.each([
  ['raw', createHttpRawDoor],
  ['node:http', createHttpNodeDoor],
] as const)('over TLS, %s', (_name, create) => {
  let door: HttpDoor | undefined
  afterEach(() => door?.close(0))

  // As curl does when its time is over: TLS is ended, then the connection, and nothing is reset until the gateway writes.
  it('knows within a moment that a client has gone which has ended its side first', async () => {
    let begun: (exchange: HttpExchange) => void = () => {}
    const exchange = new Promise<HttpExchange>((resolve) => {
      begun = resolve
    })
    door = createHttpTlsDoor({ material, http1: create({ handler: (one) => begun(one) }) })
    const { port } = await door.listen(0, '127.0.0.1')
    const client = connect({ port, host: '127.0.0.1', ca: authority.ca })
    client.on('error', () => {})
    // Read away the tickets: with bytes unread the system would reset the connection by itself.
    client.resume()
    await once(client, 'secureConnect')
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    const { promise, told } = closing(await exchange)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(told()).toBe(false)
    client.destroy()
    await promise
  }, 2000)
})

function closing(exchange: HttpExchange): { promise: Promise<void>; told: () => boolean } {
  let told = false
  const promise = new Promise<void>((resolve) => {
    exchange.events = {
      data: () => true,
      bodyEnd() {},
      drain() {},
      closed() {
        told = true
        resolve()
      },
    }
  })
  return { promise, told: () => told }
}
