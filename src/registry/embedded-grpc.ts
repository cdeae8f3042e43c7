/**
 * The serving half of gRPC on `node:http2` without TLS: unary methods and streams, statuses in trailers, bounded both ways.
 * Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
import { constants, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import { GomsError } from '../core/errors.ts'
import { createFrameSplitter, GRPC_STATUS, toFrame } from './grpc-frame.ts'

/** Answers a request's bytes at once. Throws a GomsError to fail with its code. */
export type UnaryMethod = (request: Buffer) => Buffer

/** One open stream as its method sees it. */
export interface GrpcStream {
  /** False: the other side does not keep up; wait for `onDrain`. Fails the stream when it holds more than 8 MiB. */
  send(message: Buffer): boolean
  onDrain(listener: () => void): void
}

export interface StreamHandler {
  message(request: Buffer): void
  /** The stream is over, whoever ended it. */
  closed(): void
}

export type StreamMethod = (stream: GrpcStream) => StreamHandler

export interface GrpcMethods {
  /** By path, `/package.Service/Method`. */
  readonly unary: Readonly<Record<string, UnaryMethod>>
  readonly streams: Readonly<Record<string, StreamMethod>>
}

export interface GrpcServer {
  /** Binds 127.0.0.1 and nobody else's port; 0 takes a free one. @returns the port. @throws the system's error, EADDRINUSE for one */
  listen(port: number): Promise<number>
  /** Tells the clients, gives them 100 ms, then cuts. */
  close(): Promise<void>
}

/** As etcd: 1.5 MiB a request and what gRPC adds. */
const MAX_REQUEST_BYTES = 2 * 1024 * 1024
const MAX_WAITING_BYTES = 8 * 1024 * 1024
const MAX_SESSIONS = 2000
const CLOSE_GRACE_MS = 100

export function createGrpcServer(methods: GrpcMethods): GrpcServer {
  const servers = new Set<Http2Server>()
  const sessions = new Set<ServerHttp2Session>()

  function onSession(session: ServerHttp2Session): void {
    session.on('error', () => session.destroy())
    if (sessions.size >= MAX_SESSIONS) {
      session.destroy()
      return
    }
    sessions.add(session)
    session.on('close', () => sessions.delete(session))
  }

  return {
    listen(port) {
      const server = createServer({ settings: { maxConcurrentStreams: 1000 }, maxSessionMemory: 64 })
      server.on('session', onSession)
      server.on('stream', (stream, headers) => serve(methods, stream, String(headers[':path'])))
      server.on('sessionError', () => {})
      return new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
          server.off('error', reject)
          server.on('error', () => {})
          servers.add(server)
          const address = server.address()
          resolve(typeof address === 'object' && address ? address.port : port)
        })
      })
    },
    async close() {
      const closing = [...servers].map((server) => new Promise<void>((resolve) => server.close(() => resolve())))
      servers.clear()
      // GOAWAY; streams such as watches do not end by themselves, so they are cut after a moment.
      for (const session of sessions) session.close()
      const timer = setTimeout(() => {
        for (const session of sessions) session.destroy()
      }, CLOSE_GRACE_MS)
      await Promise.all(closing)
      clearTimeout(timer)
    },
  }
}

function serve(methods: GrpcMethods, stream: ServerHttp2Stream, path: string): void {
  stream.on('error', () => {})
  const unary = Object.hasOwn(methods.unary, path) ? methods.unary[path] : undefined
  const streaming = Object.hasOwn(methods.streams, path) ? methods.streams[path] : undefined
  if (unary) serveUnary(stream, unary)
  else if (streaming) serveStream(stream, streaming)
  else fail(stream, new GomsError('UNIMPLEMENTED', `goms-embedded: ${path} is not supported`))
}

function serveUnary(stream: ServerHttp2Stream, method: UnaryMethod): void {
  let request: Buffer | undefined
  const take = createFrameSplitter(MAX_REQUEST_BYTES, (message) => {
    if (request) throw new GomsError('INTERNAL', 'grpc: more than one message for a unary method')
    request = message
  })
  stream.on('data', guarded(stream, take))
  stream.on(
    'end',
    guarded(stream, () => {
      if (!request) throw new GomsError('INTERNAL', 'grpc: no message for a unary method')
      const answer = toFrame(method(request))
      respond(stream)
      stream.end(answer)
    }),
  )
}

function serveStream(stream: ServerHttp2Stream, method: StreamMethod): void {
  respond(stream)
  let over = false
  const handler = method({
    send(message) {
      if (over || stream.destroyed || stream.writableEnded) return true
      if (stream.writableLength > MAX_WAITING_BYTES) {
        fail(stream, new GomsError('RESOURCE_EXHAUSTED', `goms-embedded: ${stream.writableLength} bytes are not read`))
        return false
      }
      return stream.write(toFrame(message))
    },
    onDrain: (listener) => stream.on('drain', listener),
  })
  const take = createFrameSplitter(MAX_REQUEST_BYTES, (message) => handler.message(message))
  stream.on('data', guarded(stream, take))
  stream.on('end', () => {
    if (!stream.writableEnded) stream.end()
  })
  stream.on('close', () => {
    over = true
    handler.closed()
  })
}

/** Runs a listener so that whatever it throws becomes the status of the stream, never an uncaught exception. */
function guarded<T extends readonly unknown[]>(stream: ServerHttp2Stream, listener: (...args: T) => void) {
  return (...args: T): void => {
    if (stream.destroyed || stream.writableEnded) return
    try {
      listener(...args)
    } catch (thrown) {
      fail(stream, GomsError.from(thrown))
    }
  }
}

const GRPC_HEADERS = { ':status': 200, 'content-type': 'application/grpc' } as const

function respond(stream: ServerHttp2Stream): void {
  // Trailers are sent when everything before them is: large answers wait for the client's window.
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': '' }))
  stream.respond(GRPC_HEADERS, { waitForTrailers: true })
}

function fail(stream: ServerHttp2Stream, error: GomsError): void {
  if (stream.destroyed || stream.writableEnded) return
  const status = GRPC_STATUS[error.code as keyof typeof GRPC_STATUS] ?? GRPC_STATUS.INTERNAL
  // Percent-encoded, so that nothing in a message can end the header.
  const trailers = { 'grpc-status': String(status), 'grpc-message': encodeURI(error.message) }
  if (!stream.headersSent) {
    stream.respond({ ...GRPC_HEADERS, ...trailers }, { endStream: true })
    // The rest of the request is of no interest; cut only once the answer is out, which Node 26 would overtake.
    stream.removeAllListeners('data').resume()
    stream.once('finish', () => setImmediate(() => stream.close(constants.NGHTTP2_NO_ERROR)))
    return
  }
  stream.removeAllListeners('wantTrailers')
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
  stream.end()
}
