/** Whether several processes may each bind the same port, with connections distributed among them by the system. */
import { createServer, type ListenOptions, type Server } from 'node:net'

/**
 * Tried out rather than looked up: Node before 22.12 takes no notice of `reusePort`, and systems without it refuse (macOS and
 * Windows do). Two listeners on one port of loopback for a moment.
 * https://nodejs.org/api/net.html#serverlistenoptions-callback
 */
export async function canReusePort(): Promise<boolean> {
  const first = createServer()
  const second = createServer()
  try {
    return (await binds(first, 0)) && (await binds(second, portOf(first)))
  } finally {
    first.close()
    second.close()
  }
}

function binds(server: Server, port: number): Promise<boolean> {
  const options: ListenOptions & { readonly reusePort: boolean } = { port, host: '127.0.0.1', reusePort: true }
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(options, () => resolve(true))
  })
}

function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
