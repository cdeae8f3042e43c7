/**
 * Sockets that were accepted, read into one buffer of ours instead of a new one for each read. Node offers that for sockets
 * that connect (`onread`); one that was accepted has to be made anew from its handle, which no documented call gives. So it
 * is tried out once, on a connection of its own, and not used where it does not do what it does in the Node we know.
 */
import { type ConnectOpts, connect, createServer, Socket, type SocketConstructorOpts } from 'node:net'
import { readBuffer } from './read-buffer.ts'

/** Takes bytes that are valid during the call only. False: the socket is paused until `resume`. */
export type ReadInto = (bytes: Buffer, length: number) => boolean

/** For the connection that it is tried out on. */
const TRIAL_MS = 1000

interface HandleHolder {
  _handle?: { useUserBuffer?: unknown; readStop?: unknown } | null
}

/**
 * A socket in the place of `accepted`, which is of no use any more; undefined where that cannot be, and `accepted` is as it
 * was. Nothing may have been read from it: accept with `pauseOnConnect`. The result flows once `resume` is called.
 */
export function readInto(accepted: Socket, read: ReadInto): Socket | undefined {
  const holder = accepted as Socket & HandleHolder
  const handle = holder._handle
  if (accepted.constructor !== Socket || typeof handle?.useUserBuffer !== 'function') return undefined
  const buffer = readBuffer()
  const onread: ConnectOpts['onread'] = { buffer, callback: (length) => read(buffer, length) }
  holder._handle = null
  const options: SocketConstructorOpts & ConnectOpts & { handle: unknown } = { handle, allowHalfOpen: true, onread }
  const socket = new Socket(options)
  // The server counts it as closed; the connection lives on in the other one.
  accepted.destroy()
  return socket
}

let trial: Promise<boolean> | undefined

/** Whether {@link readInto} can be used in this process. */
export function canReadInto(): Promise<boolean> {
  // Windows fills a buffer while other callbacks run: it would take one for each connection.
  trial ??= process.platform === 'win32' ? Promise.resolve(false) : tryOut()
  return trial
}

/** Says something each way, pauses, goes on, and ends: all that is counted upon. */
function tryOut(): Promise<boolean> {
  return new Promise((resolve) => {
    const sockets: Socket[] = []
    const finish = (works: boolean): void => {
      clearTimeout(timer)
      for (const socket of sockets) socket.destroy()
      server.close()
      resolve(works)
    }
    const timer = setTimeout(() => finish(false), TRIAL_MS)
    timer.unref()
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (accepted) => {
      let heard = ''
      const read: ReadInto = (bytes, length) => {
        heard += bytes.toString('latin1', 0, length)
        setImmediate(() => socket?.resume())
        return false
      }
      let socket: Socket | undefined
      try {
        socket = readInto(accepted, read)
      } catch {
        finish(false)
      }
      if (socket === undefined) {
        accepted.destroy()
        finish(false)
        return
      }
      sockets.push(socket)
      socket.on('error', () => finish(false))
      socket.once('end', () => socket.end(heard, 'latin1'))
      socket.resume()
    })
    server.unref()
    server.on('error', () => finish(false))
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
      sockets.push(client)
      let answer = ''
      client.on('error', () => finish(false))
      client.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1')
      })
      client.once('end', () => finish(answer === 'onetwo'))
      client.write('one', () => setImmediate(() => client.end('two')))
    })
  })
}
