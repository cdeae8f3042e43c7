/** A TCP relay that can be cut and mended, to keep clients away from a server that goes on. */
import net from 'node:net'

export interface Cut {
  /** Where clients connect, `host:port`. */
  readonly endpoint: string
  /** Ends every connection and refuses new ones. */
  cut(): void
  mend(): void
  close(): Promise<void>
}

export async function startCut(target: string): Promise<Cut> {
  const [host = '', port = ''] = target.split(':')
  const sockets = new Set<net.Socket>()
  let isCut = false
  const server = net.createServer((inner) => {
    if (isCut) {
      inner.destroy()
      return
    }
    const outer = net.connect({ host, port: Number(port) })
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(one)
      one.pipe(other)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.destroy()
  }
  return {
    endpoint: `127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    cut,
    mend() {
      isCut = false
    },
    close() {
      cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
