/** One connection of HTTP/2: its streams to exchanges, and an end for those that take too long or cost too much. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import { readH2Request } from '../http/h2-request.ts'
import type { HeadLimits } from '../http/head-result.ts'
import { queuedBytes } from './answer-progress.ts'
import type { ExchangeHandler, Peer } from './http-exchange.ts'
import { H2Exchange } from './http-h2-exchange.ts'
import { refusalBody } from './http-refusal.ts'

/** What a connection needs of its door. Times are counted in looks: whoever was blocked has not waited. */
export interface H2Host {
  readonly handler: ExchangeHandler
  readonly limits: HeadLimits
  /** A connection is ended after its next answer. */
  readonly draining: boolean
  /** Looks at all connections until now. */
  readonly looks: number
  readonly lookMs: number
  readonly headLooks: number
  readonly idleLooks: number
  readonly answerLooks: number
  readonly lingerLooks: number
  refused(status: number, address: string): void
  /** Called once. */
  gone(connection: H2Connection): void
}

const { NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_FLAG_END_STREAM, NGHTTP2_NO_ERROR } = constants

/**
 * Resets before an answer, pings and settings that a client may have at once, and how many a second it has anew. A page that
 * is left resets a hundred streams; rapid reset (CVE-2023-44487) does thousands a second.
 */
const MOST_NUISANCES = 300
const NUISANCES_PER_SECOND = 50

/** How far an answer has got, and at which look it moved last. */
interface Watched {
  taken: number
  since: number
}

export class H2Connection {
  readonly #host: H2Host
  readonly #session: ServerHttp2Session
  /** The session's own may be asked for nothing once it is over. */
  readonly #socket: Socket
  readonly #peer: Peer
  readonly #exchanges = new Map<H2Exchange, Watched>()
  /** When the last stream ended, or the connection began. */
  #since: number
  /** Bytes that had come when something was last understood of them, and when more came. */
  #understoodBytes = 0
  #halfSince: number | undefined
  #understood = true
  #retiredAt: number | undefined
  #nuisances = 0
  #gone = false

  constructor(host: H2Host, session: ServerHttp2Session, socket: Socket) {
    this.#host = host
    this.#session = session
    this.#socket = socket
    this.#since = host.looks
    const { remoteAddress = '', localPort = 0 } = socket
    this.#peer = { address: remoteAddress, localPort, encrypted: true }
    session.on('stream', (stream, _headers: IncomingHttpHeaders, flags: number, ...rest: unknown[]) => {
      // The last of the arguments is not in the types: names and values in turn, as they came.
      this.#take(stream, flags, rest[0] as readonly string[])
    })
    session.on('ping', () => this.#nuisance())
    session.on('remoteSettings', () => this.#nuisance())
    session.on('localSettings', () => {
      this.#understood = true
    })
    // The end of a session is told by its close.
    session.on('error', () => {})
    session.once('close', () => this.#ended())
  }

  /** Ends once what is in progress is answered. */
  retire(): void {
    if (this.#retiredAt !== undefined) return
    this.#retiredAt = this.#host.looks
    this.#session.close()
  }

  destroy(): void {
    this.#session.destroy()
    // The session waits for what it is writing, which may be for ever.
    this.#socket.destroy()
    this.#ended()
  }

  /** Cuts what takes too long. */
  look(): void {
    const { looks, lookMs, idleLooks, headLooks, lingerLooks } = this.#host
    this.#nuisances = Math.max(0, this.#nuisances - (NUISANCES_PER_SECOND * lookMs) / 1000)
    if (this.#exchanges.size > 0) {
      this.#lookAtAnswers()
      return
    }
    if (this.#retiredAt !== undefined) {
      if (looks - Math.max(this.#retiredAt, this.#since) > lingerLooks) this.destroy()
    } else if (looks - this.#since > idleLooks || this.#isHalfFor() > headLooks) this.retire()
  }

  /** Looks since something came that no stream has become: a head that does not arrive looks like nothing else does. */
  #isHalfFor(): number {
    const bytes = this.#socket.bytesRead
    if (this.#understood || bytes === this.#understoodBytes) {
      this.#understood = false
      this.#understoodBytes = bytes
      this.#halfSince = undefined
      return 0
    }
    this.#halfSince ??= this.#host.looks
    return this.#host.looks - this.#halfSince
  }

  /** Clients that take nothing of what waits for them: of a stream, or of the whole connection. */
  #lookAtAnswers(): void {
    const { looks, answerLooks } = this.#host
    const stuck: H2Exchange[] = []
    for (const [exchange, watched] of this.#exchanges) {
      const { answer } = exchange
      if (!answer.waiting || answer.taken !== watched.taken) {
        watched.since = looks
        watched.taken = answer.taken
      } else if (looks - watched.since > answerLooks) stuck.push(exchange)
    }
    if (stuck.length === 0) return
    for (const exchange of stuck) exchange.destroy()
    if (queuedBytes(this.#socket) > 0) this.destroy()
  }

  #take(stream: ServerHttp2Stream, flags: number, list: readonly string[]): void {
    this.#understood = true
    const ended = (flags & NGHTTP2_FLAG_END_STREAM) !== 0
    const request = readH2Request(list, ended, this.#host.limits)
    if (request.state === 'refused') {
      refuseStream(stream, request.status, request.reason)
      this.#host.refused(request.status, this.#socket.remoteAddress ?? '')
      return
    }
    const exchange = new H2Exchange({
      ...{ stream, request, ended, peer: this.#peer },
      gone: (gone, reset) => {
        this.#exchanges.delete(gone)
        this.#since = this.#host.looks
        this.#understood = true
        if (reset) this.#nuisance()
        // What the client has begun meanwhile is not run, and it is told so (RFC 9113 §6.8).
        if (this.#host.draining) this.retire()
      },
    })
    this.#exchanges.set(exchange, { taken: 0, since: this.#host.looks })
    try {
      this.#host.handler(exchange)
    } catch (error) {
      exchange.destroy()
      throw error
    }
  }

  #nuisance(): void {
    this.#understood = true
    if (++this.#nuisances <= MOST_NUISANCES || this.#session.destroyed) return
    this.#retiredAt ??= this.#host.looks
    this.#session.destroy(new Error('too many resets, pings or settings'), NGHTTP2_ENHANCE_YOUR_CALM)
  }

  #ended(): void {
    if (this.#gone) return
    this.#gone = true
    this.#host.gone(this)
  }
}

/** The door's own answer to what is no request. */
function refuseStream(stream: ServerHttp2Stream, status: number, reason: string): void {
  const body = refusalBody(status, reason)
  stream.on('error', () => {})
  stream.respond({
    ':status': status,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  })
  stream.once('finish', () => {
    if (!stream.readableEnded) stream.close(NGHTTP2_NO_ERROR)
  })
  stream.resume()
  stream.end(body)
}
