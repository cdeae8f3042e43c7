import { connect, createServer, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { canReadInto, readInto } from './accepted-socket.ts'
import { readBuffer } from './read-buffer.ts'

const open: (() => void)[] = []
afterEach(() => {
  for (const close of open.splice(0)) close()
})

/** Both ends of a new connection, the accepted one as it came. */
async function pair(): Promise<{ accepted: Socket; client: Socket }> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true })
  open.push(() => server.close())
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const client = connect(port, '127.0.0.1')
  open.push(() => client.destroy())
  return { accepted: await accepted, client }
}

describe('an accepted socket', () => {
  it.skipIf(process.platform === 'win32')('can be read into one buffer in the Node that this runs on', async () => {
    expect(await canReadInto()).toBe(true)
  })

  it('hands over bytes in the buffer of the thread, and pauses and goes on', async () => {
    const { accepted, client } = await pair()
    const buffers = new Set<Buffer>()
    let text = ''
    let wake: () => void = () => {}
    const socket = readInto(accepted, (bytes, length) => {
      buffers.add(bytes)
      text += bytes.toString('latin1', 0, length)
      wake()
      return false
    }) as Socket
    open.push(() => socket.destroy())
    for (const word of ['one', 'two', 'three']) {
      const read = new Promise<void>((resolve) => {
        wake = resolve
      })
      client.write(word)
      socket.resume()
      await read
    }
    expect(text).toBe('onetwothree')
    expect([...buffers]).toEqual([readBuffer()])
    const answer = new Promise<string>((resolve) => client.once('data', (chunk) => resolve(chunk.toString())))
    socket.write('answer')
    expect(await answer).toBe('answer')
    const ended = new Promise((resolve) => socket.once('end', resolve))
    socket.resume()
    client.end()
    await ended
  })

  it('stays as it is where it is none of a kind that is known', async () => {
    const { accepted, client } = await pair()
    open.push(() => accepted.destroy())
    const { _handle } = accepted as unknown as { _handle: { useUserBuffer: unknown } }
    _handle.useUserBuffer = undefined
    expect(readInto(accepted, () => true)).toBeUndefined()
    const heard = new Promise<string>((resolve) => accepted.once('data', (chunk) => resolve(chunk.toString())))
    client.write('still here')
    accepted.resume()
    expect(await heard).toBe('still here')
  })
})
