/** The front engine on raw sockets: an own strict parser, one write for each message, one timer for all connections. */
import { createServer, type Socket } from 'node:net'
import { systemClock, type Timer } from '../core/clock.ts'
import type { HeadLimits } from '../http/head-result.ts'
import { REQUEST_LIMITS, RequestHeadReader } from '../http/request-head.ts'
import { canReadInto, readInto } from './accepted-socket.ts'
import { looksOf } from './door-looks.ts'
import type { HttpDoor, HttpDoorOptions } from './http-door.ts'
import { RawConnection, type RawConnectionHost } from './http-raw-connection.ts'
import { Overflow } from './http-refusal.ts'
import { listenOn } from './listen.ts'

export interface HttpRawDoorOptions extends HttpDoorOptions {
  /**
   * `auto`: connections are read into one buffer of ours where that works; `off`: with node's own `data` events, always.
   * @default 'auto'
   */
  readonly onread?: 'auto' | 'off' | undefined
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Opens nothing itself. */
export function createHttpRawDoor(options: HttpRawDoorOptions): HttpDoor {
  const clock = options.clock ?? systemClock
  const times = looksOf(options)
  const limits: HeadLimits = { ...REQUEST_LIMITS, ...options.limits }
  const maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY
  const connections = new Map<RawConnection, Socket>()
  const refused = options.refused ?? (() => {})
  const overflow = new Overflow(refused)
  let looking: Timer | undefined
  let closing: Promise<void> | undefined
  let whenGone: () => void = () => {}
  let intoBuffer = false
  let boundPort = 0

  const host: Mutable<RawConnectionHost> = {
    handler: options.handler,
    limits,
    draining: false,
    closing: false,
    looks: 0,
    ...times,
    reader: undefined,
    createReader: () => new RequestHeadReader(limits),
    after: (delayMs: number, fn: () => void) => void clock.after(delayMs, fn),
    refused,
    gone: (connection: RawConnection): void => {
      connections.delete(connection)
      whenGone()
    },
  }

  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) => {
    if (closing !== undefined) socket.destroy()
    else if (connections.size >= maxConnections) overflow.turnAway(socket)
    else if (!intoBuffer || !acceptIntoBuffer(socket)) accept(socket, undefined, boundPort)
  })
  // Out of descriptors, for one: the port stays open, and the next connection may do better.
  server.on('error', () => {})

  function acceptIntoBuffer(accepted: Socket): boolean {
    let connection: RawConnection | undefined
    const socket = readInto(accepted, (bytes, length) => connection?.read(bytes, length) ?? true)
    if (socket === undefined) return false
    connection = serve(socket, boundPort)
    socket.resume()
    return true
  }

  function accept(socket: Socket, early: Buffer | undefined, port: number): void {
    const connection = serve(socket, port)
    socket.on('data', (chunk: Buffer) => {
      if (!connection.read(chunk, chunk.length)) socket.pause()
    })
    if (early === undefined || early.length === 0 || connection.read(early, early.length)) socket.resume()
  }

  function serve(socket: Socket, port: number): RawConnection {
    const connection = new RawConnection(host, socket, port)
    connections.set(connection, socket)
    looking ??= clock.after(times.lookMs, look)
    const gone = (): void => connection.close()
    socket.on('error', gone)
    socket.on('close', gone)
    socket.on('end', () => connection.end())
    socket.on('drain', () => connection.drained())
    return connection
  }

  function look(): void {
    host.looks++
    for (const connection of connections.keys()) connection.look()
    looking = connections.size === 0 ? undefined : clock.after(times.lookMs, look)
  }

  function close(timeoutMs: number): Promise<void> {
    host.draining = true
    host.closing = true
    return new Promise((resolve) => {
      let unbound = false
      const timer = clock.after(timeoutMs, () => {
        for (const socket of connections.values()) socket.destroy()
      })
      whenGone = () => {
        if (!unbound || connections.size > 0) return
        timer.cancel()
        looking?.cancel()
        resolve()
      }
      // One that was never bound says so as an error, which is as good.
      server.close(() => {
        unbound = true
        whenGone()
      })
      for (const connection of connections.keys()) connection.retire()
    })
  }

  return {
    get connections() {
      return connections.size
    },
    server,
    async listen(port, bindHost, how) {
      const trial = options.onread === 'off' ? false : canReadInto()
      // What is taken over accepts already: connections that come before this server has it would be nobody's.
      if (how?.from === undefined) intoBuffer = await trial
      const bound = await listenOn(server, port, bindHost, how)
      boundPort = bound.port
      intoBuffer = await trial
      return bound
    },
    unlisten: () => void server.close(),
    accept(socket, early) {
      if (closing !== undefined) socket.destroy()
      else if (connections.size >= maxConnections) overflow.turnAway(socket)
      else accept(socket, early, socket.localPort ?? boundPort)
    },
    drain() {
      host.draining = true
    },
    close(timeoutMs) {
      closing ??= close(timeoutMs)
      return closing
    },
  }
}
