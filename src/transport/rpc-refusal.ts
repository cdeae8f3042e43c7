/** What answers on the RPC port while RPC is not served: a proper refusal in the caller's own protocol, in little memory. */
import { createServer, type Server, type Socket } from 'node:net'
import { createRpcxRefuser } from './rpcx-refuser.ts'

export interface RpcRefusalLimits {
  /** Silence after which a connection is closed. @default 10000 */
  readonly idleMs?: number
  /** Further connections are closed at once. @default 1024 */
  readonly maxConnections?: number
}

export interface RpcRefusal {
  /** For `listenOn`. */
  readonly server: Server
  /** Closes the port and every connection. */
  close(): Promise<void>
}

/** How long a refused HTTP client has to read its answer before the connection is cut. */
const LINGER_MS = 1000

const HTTP_BODY = JSON.stringify({
  status: false,
  code: 'UNIMPLEMENTED',
  msg: 'this is the RPC port of the node, and it serves no HTTP',
})
const HTTP_ANSWER = `HTTP/1.1 501 Not Implemented\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(HTTP_BODY)}\r\nConnection: close\r\n\r\n${HTTP_BODY}`

/** First byte of every rpcx frame; everything that begins with a capital letter is taken for HTTP. */
const RPCX_MAGIC = 0x08

/** Opens nothing itself. */
export function createRpcRefusal(limits: RpcRefusalLimits = {}): RpcRefusal {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    serve(socket, limits.idleMs ?? 10_000)
  })
  // Out of descriptors, for one: the port stays open, and the next connection may do better.
  server.on('error', () => {})
  server.maxConnections = limits.maxConnections ?? 1024
  return {
    server,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function serve(socket: Socket, idleMs: number): void {
  socket.setTimeout(idleMs, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.once('data', (first: Buffer) => {
    const byte = first[0] as number
    if (byte === RPCX_MAGIC) {
      refuseRpcx(socket, first)
    } else if (byte >= 0x41 && byte <= 0x5a) {
      // What is still coming is read and dropped for a while: an unread rest would turn the answer into a reset.
      socket.on('data', () => {})
      socket.end(HTTP_ANSWER)
      socket.setTimeout(LINGER_MS)
      setTimeout(() => socket.destroy(), LINGER_MS).unref()
    } else {
      socket.destroy()
    }
  })
}

function refuseRpcx(socket: Socket, first: Buffer): void {
  const refuser = createRpcxRefuser()
  const take = (chunk: Buffer): void => {
    const answers = refuser.take(chunk)
    if (answers === undefined) {
      socket.destroy()
      return
    }
    if (answers.length === 0) return
    // Whoever sends without reading is not read any further either.
    if (!socket.write(answers)) {
      socket.pause()
      socket.once('drain', () => socket.resume())
    }
  }
  socket.on('data', take)
  take(first)
}
