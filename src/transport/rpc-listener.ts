/** The RPC port of a node: rpcx and a polite refusal of HTTP on one port, bounded where it faces strangers. */
import { createServer, type Socket } from 'node:net'
import { type Clock, systemClock, type Timer } from '../core/clock.ts'
import { MAGIC } from '../rpcx/frame.ts'
import { createTextCache } from '../rpcx/text.ts'
import { createWriter, DEFAULT_FRAME_LIMIT_BYTES } from '../rpcx/writer.ts'
import type { RpcHandler, RpcListener, RpcReceived } from './rpc.ts'
import { RpcInlet, type RpcInletHost, type RpcInletLimits } from './rpc-inlet.ts'
import { OutboxTurn } from './rpc-outbox.ts'

export interface RpcListenerOptions extends Partial<RpcInletLimits> {
  readonly handler: RpcHandler
  /** What no caller is told: a handler that threw, an output that cannot travel. */
  readonly failed?: (error: unknown, received: RpcReceived) => void
  /** Further connections are closed at once. @default 10000 */
  readonly maxConnections?: number
  /** A connection without traffic, and without a request in progress, is closed. @default 600000 */
  readonly idleMs?: number
  /** For the first byte, for the rest of a frame, and for answers to be read: silence longer than that ends it. @default 10000 */
  readonly stallMs?: number
  readonly clock?: Clock
}

/** How long a refused or ended connection may take to close. */
const LINGER_MS = 1000
/** Looks in the shortest of the times above: they are exact to a quarter. */
const LOOKS = 4

const HTTP_BODY = JSON.stringify({
  status: false,
  code: 'UNIMPLEMENTED',
  msg: 'this is the RPC port of the node, and it serves no HTTP',
})
const HTTP_ANSWER = `HTTP/1.1 501 Not Implemented\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(HTTP_BODY)}\r\nConnection: close\r\n\r\n${HTTP_BODY}`

interface Connection {
  readonly socket: Socket
  /** Undefined until the first byte has told what it speaks, and when that is not rpcx. */
  inlet: RpcInlet | undefined
  heardMs: number
  takenBytes: number
}

/** Opens nothing itself. */
export function createRpcListener(options: RpcListenerOptions): RpcListener {
  const clock = options.clock ?? systemClock
  const limits: RpcInletLimits = {
    maxFrameBytes: options.maxFrameBytes ?? DEFAULT_FRAME_LIMIT_BYTES,
    maxInFlight: options.maxInFlight ?? 65_536,
    maxHeldBytes: options.maxHeldBytes ?? 64 * 1024 * 1024,
    pauseAtUnreadBytes: options.pauseAtUnreadBytes ?? 1024 * 1024,
    maxUnreadBytes: options.maxUnreadBytes ?? 64 * 1024 * 1024,
  }
  const idleMs = options.idleMs ?? 600_000
  const stallMs = options.stallMs ?? 10_000
  const maxConnections = options.maxConnections ?? 10_000
  const connections = new Set<Connection>()
  let draining = false
  let closing: Promise<void> | undefined
  let inletIdle: (inlet: RpcInlet) => void = () => {}
  let whenGone: () => void = () => {}
  let looking: Timer | undefined

  const host: RpcInletHost = {
    handler: options.handler,
    limits,
    turn: new OutboxTurn(() => createWriter(limits.maxFrameBytes)),
    texts: createTextCache(),
    clock,
    get draining() {
      return draining
    },
    failed: options.failed ?? (() => {}),
    idle: (inlet) => inletIdle(inlet),
  }
  const server = createServer({ noDelay: true, keepAlive: true }, (socket) => accept(socket))
  // Out of descriptors, for one: the port stays open, and the next connection may do better.
  server.on('error', () => {})

  function accept(socket: Socket, early?: Buffer): void {
    socket.on('error', () => socket.destroy())
    if (connections.size >= maxConnections || closing !== undefined) {
      socket.destroy()
      return
    }
    const connection: Connection = { socket, inlet: undefined, heardMs: clock.now(), takenBytes: 0 }
    connections.add(connection)
    looking ??= clock.after(Math.min(idleMs, stallMs) / LOOKS, look)
    socket.once('close', () => {
      connections.delete(connection)
      connection.inlet?.destroy()
      whenGone()
    })
    // A caller that has gone reads no answers: what it asked for is of no use any more.
    socket.once('end', () => connection.inlet?.destroy())
    const first = (bytes: Buffer): void => {
      connection.heardMs = clock.now()
      const byte = bytes[0] as number
      if (byte === MAGIC) {
        const inlet = new RpcInlet(host, socket)
        connection.inlet = inlet
        socket.on('data', (chunk: Buffer) => inlet.read(chunk, chunk.length, true))
        inlet.read(bytes, bytes.length, true)
      } else if (byte >= 0x41 && byte <= 0x5a) refuseHttp(socket)
      else socket.destroy()
    }
    if (early !== undefined && early.length > 0) first(early)
    else socket.once('data', first)
  }

  /** Closes what stays silent for too long. */
  function look(): void {
    const nowMs = clock.now()
    for (const connection of connections) {
      const { inlet, socket } = connection
      const takenBytes = socket.bytesWritten - socket.writableLength
      if (inlet?.heard === true || takenBytes !== connection.takenBytes) connection.heardMs = nowMs
      if (inlet !== undefined) inlet.heard = false
      connection.takenBytes = takenBytes
      const silentMs = nowMs - connection.heardMs
      const stalled = inlet === undefined || inlet.partialBytes > 0 || socket.writableLength > 0
      if (stalled && silentMs >= stallMs) socket.destroy()
      else if (silentMs >= idleMs && inlet?.inFlight === 0) inlet.end()
    }
    looking = connections.size === 0 ? undefined : clock.after(Math.min(idleMs, stallMs) / LOOKS, look)
  }

  function inFlight(): number {
    let sum = 0
    for (const { inlet } of connections) sum += inlet?.inFlight ?? 0
    return sum
  }

  function close(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      let timer: Timer | undefined
      let unbound = false
      whenGone = () => {
        if (!unbound || connections.size > 0) return
        timer?.cancel()
        looking?.cancel()
        resolve()
      }
      // One that was never bound says so as an error, which is as good.
      server.close(() => {
        unbound = true
        whenGone()
      })
      const destroyAll = (): void => {
        for (const { socket } of connections) socket.destroy()
      }
      const endAll = (): void => {
        inletIdle = () => {}
        timer?.cancel()
        for (const { inlet, socket } of connections) {
          if (inlet === undefined) socket.destroy()
          else inlet.end()
        }
        timer = clock.after(LINGER_MS, destroyAll)
      }
      timer = clock.after(timeoutMs, destroyAll)
      // The last answer is written right after its connection has become idle.
      inletIdle = () => {
        if (inFlight() === 0) setImmediate(endAll)
      }
      if (inFlight() === 0) endAll()
    })
  }

  return {
    server,
    get connections() {
      return connections.size
    },
    get inFlight() {
      return inFlight()
    },
    accept,
    drain() {
      if (draining) return
      draining = true
      for (const { inlet } of connections) inlet?.drain()
    },
    close(timeoutMs) {
      closing ??= close(timeoutMs)
      return closing
    },
  }
}

function refuseHttp(socket: Socket): void {
  // What is still coming is read and dropped for a while: an unread rest would turn the answer into a reset.
  socket.on('data', () => {})
  socket.end(HTTP_ANSWER)
  setTimeout(() => socket.destroy(), LINGER_MS).unref()
}
