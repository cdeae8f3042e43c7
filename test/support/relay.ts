/** A TCP relay before a server, which can become slow, go away, or answer everything by itself. */
import net from 'node:net'

export type RelayMode =
  /** Passes all on. */
  | 'well'
  /** Passes on so many bytes of a request every 100 ms; its answer comes accordingly late. */
  | 'slow'
  /** Refuses connections, and ends those there are. */
  | 'away'
  /** Reads, and answers 500 to each request. */
  | 'broken'
  /** Reads, and answers 202 to each request: what costs the least. */
  | 'taking'

export interface Relay {
  readonly port: number
  turn(mode: RelayMode): Promise<void>
  close(): Promise<void>
}

const SLOW_BYTES = 16 * 1024
const SLOW_MS = 100
const ANSWERS: Partial<Record<RelayMode, string>> = {
  broken: 'HTTP/1.1 500 Internal Server Error\r\ncontent-length: 6\r\nconnection: close\r\n\r\nbroken',
  taking: 'HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n',
}

export async function startRelay(targetPort: number): Promise<Relay> {
  const sockets = new Set<net.Socket>()
  let mode: RelayMode = 'well'
  let port = 0
  let server = createServer()

  function createServer(): net.Server {
    return net.createServer((inner) => {
      sockets.add(inner)
      inner.on('error', () => inner.destroy())
      inner.on('close', () => sockets.delete(inner))
      const answer = ANSWERS[mode]
      if (answer !== undefined) {
        // Said once nothing more comes, so that no reset overtakes it.
        let idle: NodeJS.Timeout | undefined
        inner.on('data', () => {
          clearTimeout(idle)
          idle = setTimeout(() => inner.end(answer), 20)
        })
        return
      }
      const outer = net.connect(targetPort, '127.0.0.1')
      outer.on('error', () => inner.destroy())
      outer.on('close', () => inner.destroy())
      inner.on('close', () => outer.destroy())
      outer.pipe(inner)
      if (mode === 'well') inner.pipe(outer)
      else passSlowly(inner, outer)
    })
  }

  const listen = (at: number): Promise<void> =>
    new Promise((resolve, reject) => server.once('error', reject).listen(at, '127.0.0.1', resolve))
  const end = (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of sockets) socket.destroy()
    return closed
  }

  await listen(0)
  port = (server.address() as net.AddressInfo).port
  return {
    get port() {
      return port
    },
    async turn(next) {
      const before = mode
      mode = next
      if (before === 'away') {
        server = createServer()
        await listen(port)
      } else if (next === 'away') await end()
      else for (const socket of sockets) socket.destroy()
    },
    async close() {
      if (mode !== 'away') await end()
    },
  }
}

/** Back-pressure included: the sender is not read faster than that. */
function passSlowly(from: net.Socket, to: net.Socket): void {
  const timer = setInterval(() => {
    const chunk: Buffer | null = from.read(Math.min(SLOW_BYTES, from.readableLength))
    if (chunk !== null) to.write(chunk)
  }, SLOW_MS)
  from.on('close', () => clearInterval(timer))
}
