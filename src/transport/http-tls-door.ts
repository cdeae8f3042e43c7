/**
 * TLS in front of the engines that take HTTP requests. What was agreed on in the handshake decides which one a connection goes
 * to: the engine of HTTP/1.1, to which it is a socket like any other, or that of HTTP/2.
 */
import type { Socket } from 'node:net'
import { createServer, type SecureVersion, type TLSSocket, type TlsOptions } from 'node:tls'
import { type Clock, systemClock, type Timer } from '../core/clock.ts'
import { standsOn } from './answer-progress.ts'
import type { HttpDoor } from './http-door.ts'
import type { HttpH2Door } from './http-h2-door.ts'
import { listenOn } from './listen.ts'

/** The contents of PEM files. */
export interface TlsMaterial {
  readonly cert: Buffer
  readonly key: Buffer
  /** Whose certificates of clients are good. */
  readonly ca?: Buffer | undefined
}

export interface HttpTlsDoorOptions {
  readonly http1: HttpDoor
  /** Undefined: HTTP/2 is not offered. */
  readonly http2?: HttpH2Door | undefined
  readonly material: TlsMaterial
  /** @default 'TLSv1.2' */
  readonly minVersion?: SecureVersion | undefined
  /** @default 'none' */
  readonly clientCert?: 'none' | 'request' | 'require' | undefined
  /** For a handshake, whatever comes meanwhile. @default 10000 */
  readonly handshakeTimeoutMs?: number | undefined
  /** Connections at once, those in their handshake included; more are closed at once. @default unlimited */
  readonly maxConnections?: number | undefined
  readonly clock?: Clock | undefined
}

export interface HttpTlsDoor extends HttpDoor {
  /**
   * Connections from now on get this certificate; open ones live on.
   * @throws Error where the parts do not fit together; then the one before stays
   */
  renew(material: TlsMaterial): void
}

/** Looks in the time of a handshake; it is exact to that. */
const LOOKS = 4

/**
 * Opens nothing itself.
 * @throws Error where the parts of the certificate do not fit together
 */
export function createHttpTlsDoor(options: HttpTlsDoorOptions): HttpTlsDoor {
  const { http1, http2, clientCert = 'none', minVersion = 'TLSv1.2' } = options
  const clock = options.clock ?? systemClock
  const maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY
  const lookMs = (options.handshakeTimeoutMs ?? 10_000) / LOOKS
  /** All that are open, with the looks that were at them in their handshake; undefined behind it. */
  const sockets = new Map<Socket, number | undefined>()
  /** Sockets under connections in their handshake, by both ends: node does not say which one a TLS socket stands on. */
  const under = new Map<string, Socket>()
  let looking: Timer | undefined
  let closing: Promise<void> | undefined
  let whenGone: () => void = () => {}

  const server = createServer({
    ...contextOptions(options.material, minVersion),
    ALPNProtocols: http2 === undefined ? ['http/1.1'] : ['h2', 'http/1.1'],
    requestCert: clientCert !== 'none',
    // Node's own check asks for a certificate as well: `request` is checked below.
    rejectUnauthorized: clientCert === 'require',
    // A client of HTTP/1.1 that has ended its side is answered still.
    allowHalfOpen: true,
    noDelay: true,
  } as TlsOptions)
  server.on('error', () => {})
  server.on('tlsClientError', (_error, socket) => void socket.destroy())
  server.on('connection', (socket: Socket) => {
    if (sockets.size >= maxConnections || closing !== undefined) {
      socket.destroy()
      return
    }
    const ends = endsOf(socket)
    sockets.set(socket, 0)
    under.set(ends, socket)
    looking ??= clock.after(lookMs, look)
    socket.once('close', () => {
      sockets.delete(socket)
      if (under.get(ends) === socket) under.delete(ends)
      whenGone()
    })
  })
  server.on('secureConnection', (socket) => {
    const ends = endsOf(socket)
    const raw = under.get(ends)
    under.delete(ends)
    socket.on('error', () => {})
    if (raw === undefined || isUnwanted(socket)) {
      socket.destroy()
      return
    }
    sockets.set(raw, undefined)
    standsOn(socket, raw)
    // That of a TLS socket throws: what can be reset is the socket below.
    socket.resetAndDestroy = () => {
      raw.resetAndDestroy()
      return socket
    }
    if (socket.alpnProtocol !== 'h2' || http2 === undefined) http1.accept(socket)
    else {
      socket.allowHalfOpen = false
      http2.accept(socket)
    }
  })

  /** A certificate that is shown has to be good, be it asked for or required. */
  function isUnwanted(socket: TLSSocket): boolean {
    if (clientCert !== 'request' || socket.authorized) return false
    return Object.keys(socket.getPeerCertificate() ?? {}).length > 0
  }

  function look(): void {
    let handshakes = 0
    for (const [socket, looks] of sockets) {
      if (looks === undefined) continue
      handshakes++
      sockets.set(socket, looks + 1)
      if (looks > LOOKS) socket.destroy()
    }
    looking = handshakes === 0 ? undefined : clock.after(lookMs, look)
  }

  async function close(timeoutMs: number): Promise<void> {
    const unbound = new Promise<void>((resolve) => {
      // One that was never bound says so as an error, which is as good.
      server.close(() => resolve())
      // A handshake is nothing in flight.
      for (const [socket, looks] of sockets) if (looks !== undefined) socket.destroy()
    })
    await Promise.all([unbound, http1.close(timeoutMs), http2?.close(timeoutMs)])
    if (sockets.size > 0)
      await new Promise<void>((resolve) => {
        whenGone = () => {
          if (sockets.size === 0) resolve()
        }
        for (const socket of sockets.keys()) socket.destroy()
      })
    looking?.cancel()
  }

  return {
    get connections() {
      return sockets.size
    },
    server,
    listen: (port, host, how) => listenOn(server, port, host, how),
    unlisten: () => void server.close(),
    accept(socket, early) {
      if (early !== undefined && early.length > 0) socket.unshift(early)
      server.emit('connection', socket)
    },
    drain() {
      http1.drain()
      http2?.drain()
    },
    close(timeoutMs) {
      closing ??= close(timeoutMs)
      return closing
    },
    renew(material) {
      server.setSecureContext(contextOptions(material, minVersion))
    },
  }
}

function contextOptions({ cert, key, ca }: TlsMaterial, minVersion: SecureVersion): TlsOptions {
  return { cert, key, minVersion, ...(ca === undefined ? undefined : { ca }) }
}

function endsOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`
}
