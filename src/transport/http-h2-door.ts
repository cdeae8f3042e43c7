/**
 * The front engine for HTTP/2, on node:http2: takes connections that TLS has agreed on it for. One timer for all of them; what
 * costs a server much and a client little (resets, pings, settings) is counted.
 */
import { createServer, type ServerHttp2Session, type ServerOptions } from 'node:http2'
import type { Socket } from 'node:net'
import { systemClock, type Timer } from '../core/clock.ts'
import type { HeadLimits } from '../http/head-result.ts'
import { REQUEST_LIMITS } from '../http/request-head.ts'
import { looksOf } from './door-looks.ts'
import type { HttpDoor, HttpDoorOptions } from './http-door.ts'
import { H2Connection, type H2Host } from './http-h2-connection.ts'

/** The part of a door that serves what others accept. */
export type HttpH2Door = Omit<HttpDoor, 'listen' | 'unlisten' | 'server'>

/** Requests at once on one connection, as browsers use them. */
const MAX_STREAMS = 100
/** Of one upload that is not read: a window for each stream. The connection's is renewed as bytes come. */
const STREAM_WINDOW_BYTES = 131_072
/** All that a session may hold, in megabytes; beyond it streams are refused. */
const MAX_SESSION_MEGABYTES = 16
/** Heads of nodes' answers may be as large. */
const MAX_ANSWER_HEAD_BYTES = 131_072

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export function createHttpH2Door(options: HttpDoorOptions): HttpH2Door {
  const clock = options.clock ?? systemClock
  const times = looksOf(options)
  const limits: HeadLimits = { ...REQUEST_LIMITS, ...options.limits }
  const connections = new Set<H2Connection>()
  let looking: Timer | undefined
  let closing: Promise<void> | undefined
  let whenGone: () => void = () => {}

  const host: Mutable<H2Host> = {
    handler: options.handler,
    limits,
    draining: false,
    looks: 0,
    ...times,
    refused: options.refused ?? (() => {}),
    gone(connection) {
      connections.delete(connection)
      whenGone()
    },
  }
  /** That of the session which is being made. */
  let accepted: Socket | undefined

  // Never bound: it makes sessions of what it is given.
  const server = createServer(serverOptions(limits))
  server.on('sessionError', () => {})
  server.on('session', (session: ServerHttp2Session) => {
    const connection = new H2Connection(host, session, accepted as Socket)
    connections.add(connection)
    looking ??= clock.after(times.lookMs, look)
  })

  function look(): void {
    host.looks++
    for (const connection of connections) connection.look()
    looking = connections.size === 0 ? undefined : clock.after(times.lookMs, look)
  }

  function close(timeoutMs: number): Promise<void> {
    host.draining = true
    return new Promise((resolve) => {
      const timer = clock.after(timeoutMs, () => {
        for (const connection of [...connections]) connection.destroy()
      })
      whenGone = () => {
        if (connections.size > 0) return
        timer.cancel()
        looking?.cancel()
        resolve()
      }
      for (const connection of [...connections]) connection.retire()
      whenGone()
    })
  }

  return {
    get connections() {
      return connections.size
    },
    accept(socket: Socket) {
      if (closing !== undefined) socket.destroy()
      else {
        accepted = socket
        server.emit('connection', socket)
        accepted = undefined
      }
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

function serverOptions({ headBytes, fieldCount }: HeadLimits): ServerOptions {
  return {
    maxSessionMemory: MAX_SESSION_MEGABYTES,
    maxSendHeaderBlockLength: MAX_ANSWER_HEAD_BYTES,
    // Twice what is let in, so that most of what is too large gets an answer that says so, and not a reset.
    maxHeaderListPairs: 2 * fieldCount,
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: 2 * headBytes,
      enablePush: false,
      // A WebSocket within a stream (RFC 8441) is not served.
      enableConnectProtocol: false,
    },
  }
}
