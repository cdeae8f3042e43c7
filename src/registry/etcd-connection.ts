/** One HTTP/2 session to one etcd endpoint, and gRPC calls and streams on it. */
import http2 from 'node:http2'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { TlsOptions } from '../core/options.ts'
import { toGrpcError, toTransportError } from './etcd-error.ts'
import { openSocket } from './etcd-socket.ts'
import { createFrameSplitter, toFrame } from './grpc-frame.ts'
import type { Message } from './protobuf.ts'

export interface ConnectionOptions {
  readonly tls: TlsOptions | undefined
  readonly connectTimeoutMs: number
  readonly clock: Clock
  /** Called once, when the session is over for whatever reason. */
  readonly closed: (cause: GomsError) => void
}

/** A method of etcd's API: where, and what goes in and out. */
export interface Method<Q extends object, R extends object> {
  readonly path: string
  readonly request: Message<Q>
  readonly response: Message<R>
}

export interface EtcdStream<Q> {
  send(request: Partial<Q>): void
  close(): void
}

export interface EtcdConnection {
  readonly endpoint: string
  /** One request, one answer. @throws GomsError DEADLINE_EXCEEDED after `timeoutMs`, or what the status says */
  unary<Q extends object, R extends object>(
    method: Method<Q, R>,
    request: Partial<Q>,
    options: { readonly timeoutMs: number; readonly token: string | undefined },
  ): Promise<R>
  /** A stream both ways; `closed` is called once unless it was closed from here. */
  stream<Q extends object, R extends object>(
    method: Method<Q, R>,
    token: string | undefined,
    handler: { message(response: R): void; closed(cause: GomsError): void },
  ): EtcdStream<Q>
  destroy(cause: GomsError): void
}

/** A listing of some ten thousand nodes; more is an attack or a mistake. */
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024
const WINDOW_BYTES = 1024 * 1024

/**
 * Opens a session and waits for the server's settings: a frozen process accepts connections, but sends none.
 * @throws GomsError UNAVAILABLE, UNAUTHENTICATED (certificates), GOMS_CONFIG_UNREADABLE
 */
export function connectEtcd(endpoint: string, options: ConnectionOptions): Promise<EtcdConnection> {
  const { clock } = options
  return new Promise((resolve, reject) => {
    let cause: GomsError | undefined
    let ready = false
    const calls = new Set<(cause: GomsError) => void>()
    // A socket of our own: a session whose TLS alert comes after the handshake is destroyed without a word (Node 20 to 26).
    const socket = openSocket(endpoint, options.tls)
    const session = http2.connect(`${options.tls ? 'https' : 'http'}://${endpoint}`, {
      settings: { enablePush: false, initialWindowSize: WINDOW_BYTES },
      createConnection: () => socket,
    })
    const timer = clock.after(options.connectTimeoutMs, () =>
      destroy(new GomsError('UNAVAILABLE', `etcd ${endpoint}: no answer within ${options.connectTimeoutMs} ms`)),
    )
    function destroy(why: GomsError): void {
      if (cause) return
      cause = why
      timer.cancel()
      session.destroy()
      socket.destroy()
      for (const end of [...calls]) end(why)
      if (ready) options.closed(why)
      else reject(why)
    }
    const gone = () => destroy(new GomsError('UNAVAILABLE', `etcd ${endpoint}: the connection was closed`))
    socket.on('error', (error) => destroy(toTransportError(endpoint, error)))
    session.on('error', (error) => destroy(toTransportError(endpoint, error)))
    session.on('goaway', () => destroy(new GomsError('UNAVAILABLE', `etcd ${endpoint}: it is going away`)))
    socket.on('close', gone)
    session.on('close', gone)
    session.once('remoteSettings', () => {
      if (cause) return
      timer.cancel()
      session.setLocalWindowSize(4 * WINDOW_BYTES)
      ready = true
      resolve(toConnection(session, endpoint, clock, destroy, () => cause, calls))
    })
  })
}

function toConnection(
  session: http2.ClientHttp2Session,
  endpoint: string,
  clock: Clock,
  destroy: (why: GomsError) => void,
  cause: () => GomsError | undefined,
  /** Told when the connection ends, whatever http2 says of their streams. */
  calls: Set<(cause: GomsError) => void>,
): EtcdConnection {
  function open<R extends object>(
    method: Method<never, R>,
    headers: http2.OutgoingHttpHeaders,
    handler: { message(response: R): void; ended(cause: GomsError | undefined): void },
  ): http2.ClientHttp2Stream | undefined {
    const where = `etcd ${endpoint}: ${method.path.slice(method.path.lastIndexOf('/') + 1)}`
    let failure: GomsError | undefined
    let status: string | undefined
    let text = ''
    const readStatus = (received: http2.IncomingHttpHeaders) => {
      if (received['grpc-status'] === undefined) return
      status = String(received['grpc-status'])
      text = decodeText(String(received['grpc-message'] ?? ''))
    }
    let stream: http2.ClientHttp2Stream
    try {
      stream = session.request({
        ':method': 'POST',
        ':path': method.path,
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      })
    } catch (error) {
      // The session ended a moment ago; its `close` is still to come.
      queueMicrotask(() => handler.ended(cause() ?? toTransportError(endpoint, error)))
      return undefined
    }
    const split = createFrameSplitter(MAX_MESSAGE_BYTES, (bytes) => handler.message(method.response.decode(bytes)))
    stream.on('response', (received) => {
      readStatus(received)
      if (received[':status'] !== 200)
        failure ??= new GomsError('UNAVAILABLE', `${where}: HTTP status ${received[':status']}, this is no etcd`)
    })
    stream.on('data', (chunk: Buffer) => {
      try {
        split(chunk)
      } catch (error) {
        failure ??= GomsError.from(error)
        stream.close(http2.constants.NGHTTP2_CANCEL)
      }
    })
    stream.on('trailers', readStatus)
    stream.on('error', (error) => {
      failure ??= toTransportError(endpoint, error)
    })
    const end = (why: GomsError | undefined) => {
      if (calls.delete(end)) handler.ended(why)
    }
    calls.add(end)
    stream.on('close', () => {
      if (!failure && status === '0') end(undefined)
      else if (!failure && status !== undefined) end(toGrpcError(Number(status), `${where}: ${text}`))
      else end(cause() ?? failure ?? new GomsError('UNAVAILABLE', `${where}: the stream was cut`))
    })
    return stream
  }

  return {
    endpoint,
    unary(method, request, { timeoutMs, token }) {
      return new Promise((resolve, reject) => {
        let answer: Parameters<typeof resolve>[0] | undefined
        let timer: Timer | undefined
        const stream = open(
          method as unknown as Method<never, object>,
          { 'grpc-timeout': `${Math.ceil(timeoutMs)}m`, ...(token ? { token } : {}) },
          {
            message: (response) => {
              answer = response as typeof answer
            },
            ended: (why) => {
              timer?.cancel()
              if (why) reject(why)
              else if (answer === undefined) reject(new GomsError('UNAVAILABLE', `etcd ${endpoint}: an empty answer`))
              else resolve(answer)
            },
          },
        )
        if (!stream) return
        timer = clock.after(timeoutMs, () => {
          const name = method.path.slice(method.path.lastIndexOf('/') + 1)
          reject(new GomsError('DEADLINE_EXCEEDED', `etcd ${endpoint}: ${name}: no answer within ${timeoutMs} ms`))
          stream.close(http2.constants.NGHTTP2_CANCEL)
        })
        stream.end(toFrame(method.request.encode(request)))
      })
    },
    stream(method, token, handler) {
      let over = false
      const stream = open(
        method as unknown as Method<never, object>,
        // A member that has lost its leader ends the stream instead of staying silent.
        { hasleader: 'true', ...(token ? { token } : {}) },
        {
          message: (response) => {
            if (!over) handler.message(response as Parameters<typeof handler.message>[0])
          },
          ended: (why) => {
            if (over) return
            over = true
            handler.closed(why ?? new GomsError('UNAVAILABLE', `etcd ${endpoint}: it ended the stream`))
          },
        },
      )
      return {
        send(request) {
          if (!over && stream && !stream.destroyed) stream.write(toFrame(method.request.encode(request)))
        },
        close() {
          over = true
          stream?.close(http2.constants.NGHTTP2_CANCEL)
        },
      }
    },
    destroy,
  }
}

function decodeText(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
