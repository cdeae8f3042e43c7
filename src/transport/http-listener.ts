/** The HTTP server of gateways, services and the admin side: bounded where it faces strangers, and able to leave politely. */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Address } from '../core/node.ts'
import { refuse } from './http-refusal.ts'
import { type ListenOptions, listenOn } from './listen.ts'

export interface HttpListenerOptions {
  readonly request: RequestListener
  /** Without it requests to upgrade are answered as if they had not asked. */
  readonly upgrade?: ((req: IncomingMessage, socket: Duplex, head: Buffer) => void) | undefined
  /**
   * `manual`: `request` calls `res.writeContinue()` itself when it wants the body. `auto`: node answers
   * `Expect: 100-continue` before it calls `request`. @default 'auto'
   */
  readonly expectContinue?: 'auto' | 'manual' | undefined
  /** Bytes of a request's head. @default 16384 */
  readonly maxHeaderBytes?: number | undefined
  /** Fields of a request's head; node drops what is beyond without a word. @default 2000 */
  readonly maxHeadersCount?: number | undefined
  /** node refuses requests of HTTP/1.1 without `Host` itself, in no words of ours. @default true */
  readonly requireHost?: boolean | undefined
  /** A client that has ended its side is answered still; else it counts as gone. @default false */
  readonly halfOpen?: boolean | undefined
  /** For a request's head to arrive, from its first byte or the connection's start. @default 10000 */
  readonly headersTimeoutMs?: number | undefined
  /** How long an idle connection is kept. @default 75000 */
  readonly keepAliveTimeoutMs?: number | undefined
  /**
   * What node's parser refuses is answered when `answer` is called, which is for the listener's owner to say.
   * @default at once
   */
  readonly malformed?: ((socket: Socket, answer: () => void) => void) | undefined
  /** Told of each answer of the listener's own. @default nobody */
  readonly refused?: ((socket: Duplex, status: number) => void) | undefined
  /** Throws when an application writes a body to HEAD, 204 or 304 instead of dropping it. @default false */
  readonly rejectNonStandardBodyWrites?: boolean | undefined
}

export interface HttpListener {
  readonly server: Server
  /** Open connections, upgraded ones included. */
  readonly connections: number
  /**
   * Binds. Port 0 lets the system choose.
   * @throws GomsError GOMS_PORT_IN_USE, GOMS_PORT_DENIED, GOMS_OPTION_INVALID for an address that is not this machine's
   */
  listen(port: number, host?: string, how?: ListenOptions): Promise<Address>
  /**
   * From now on each answer says `Connection: close`. Idle connections stay until their next answer: closing them now would
   * race with a request on its way, which could not be told from one that was run. New ones are still served.
   */
  drain(): void
  /** Stops listening, waits for what is in flight at most that long, then destroys what is left. Idempotent. */
  close(timeoutMs: number): Promise<void>
}

/** How often node:http looks for requests whose head is overdue: the head's limit is exact to that. */
const CHECK_INTERVAL_MS = 1000

export function createHttpListener(options: HttpListenerOptions): HttpListener {
  const headersTimeout = options.headersTimeoutMs ?? 10_000
  const serverOptions: ServerOptions & { rejectNonStandardBodyWrites?: boolean } = {
    maxHeaderSize: options.maxHeaderBytes ?? 16_384,
    headersTimeout,
    // A total would cut long uploads that move; whoever reads a body watches that it moves.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, headersTimeout),
    keepAliveTimeout: options.keepAliveTimeoutMs ?? 75_000,
    insecureHTTPParser: false,
    requireHostHeader: options.requireHost ?? true,
    noDelay: true,
    rejectNonStandardBodyWrites: options.rejectNonStandardBodyWrites ?? false,
  }
  const server = createServer(serverOptions)
  if (options.maxHeadersCount !== undefined) server.maxHeadersCount = options.maxHeadersCount
  // Not among the documented ones. A node without it would take such a client for gone.
  if (options.halfOpen) (server as Server & { httpAllowHalfOpen?: boolean }).httpAllowHalfOpen = true

  const sockets = new Set<Socket>()
  const answers = new Set<ServerResponse>()
  let draining = false
  let closing: Promise<void> | undefined

  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  function turnAway(socket: Duplex, status: number, message: string): void {
    refuse(socket, status, message)
    options.refused?.(socket, status)
  }
  const onRequest: RequestListener = (req, res) => {
    if (req.httpVersionMajor !== 1) {
      turnAway(req.socket, 400, 'HTTP/1.1 is spoken here')
      return
    }
    answers.add(res)
    res.once('close', () => {
      answers.delete(res)
      // Its head may have promised that the connection goes on.
      if (closing !== undefined) setImmediate(() => server.closeIdleConnections())
    })
    if (draining) res.shouldKeepAlive = false
    options.request(req, res)
  }
  server.on('request', onRequest)
  if (options.expectContinue === 'manual') server.on('checkContinue', onRequest)
  if (options.upgrade) server.on('upgrade', options.upgrade)
  server.on('connect', (_req, socket) => turnAway(socket, 501, 'CONNECT is not supported'))
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    const answer = (): void => answerClientError(error, socket, turnAway)
    if (options.malformed) options.malformed(socket as Socket, answer)
    else answer()
  })

  return {
    server,
    get connections() {
      return sockets.size
    },
    listen: (port, host, how) => listenOn(server, port, host, how),
    drain() {
      draining = true
      for (const res of answers) if (!res.headersSent) res.shouldKeepAlive = false
    },
    close(timeoutMs) {
      closing ??= new Promise((resolve) => {
        this.drain()
        const timer = setTimeout(() => {
          for (const socket of sockets) socket.destroy()
        }, timeoutMs)
        const finish = (): void => {
          if (sockets.size > 0 || server.listening) return
          clearTimeout(timer)
          resolve()
        }
        for (const socket of sockets) socket.once('close', () => setImmediate(finish))
        server.on('connection', (socket) => socket.once('close', () => setImmediate(finish)))
        // Upgraded sockets are not counted as connections by node: they are ours to wait for.
        // One that was never bound says so as an error, which is as good.
        server.close(finish)
      })
      return closing
    },
  }
}

/** What node's parser refuses, as JSON; where an answer is under way already there is nothing left to say. */
function answerClientError(error: Error & { code?: string }, socket: Duplex, turnAway: typeof refuse): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  // Where an answer has begun, bytes of ours would become part of it. Node has no public way to ask.
  const busy = (socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage
  if (busy?.headersSent) {
    socket.destroy()
    return
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') turnAway(socket, 431, 'the header fields are too large')
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') turnAway(socket, 408, 'the request took too long to arrive')
  else turnAway(socket, 400, 'the request is malformed')
}
