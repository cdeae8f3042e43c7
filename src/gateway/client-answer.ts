/** An answer on its way to the client: fields, envelope, back-pressure, and never a short body that looks complete. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { fieldOf, toClientHeaders } from '../http/header-rules.ts'
import { CORS_FIELDS } from './cors.ts'
import { Envelope, envelopedHeaders, isEnveloped } from './envelope.ts'

export interface ClientAnswerOptions {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly envelope: boolean
  /** Fields that the gateway adds; with any of CORS the service's own are dropped. */
  readonly fields: readonly string[]
  /** Silence of either side after which `idle` is called. */
  readonly idleTimeoutMs: number
  /** The request's body has not arrived whole: the connection cannot serve another request. */
  readonly bodyPending: boolean
  /** The client takes more. */
  readonly drained: () => void
  readonly idle: (waitingForClient: boolean) => void
}

interface Head {
  readonly status: number
  readonly text: string
  readonly headers: readonly string[]
}

export class ClientAnswer {
  readonly #options: ClientAnswerOptions
  readonly #res: ServerResponse
  #envelope: Envelope | undefined
  /** The head, until the envelope knows what it puts in. */
  #held: Head | undefined
  #framed = true
  #written = false
  #ended = false

  constructor(options: ClientAnswerOptions) {
    this.#options = options
    this.#res = options.res
  }

  /** Nothing has gone to the client. */
  get untouched(): boolean {
    return !this.#res.headersSent
  }

  /** @throws TypeError for a head that node will not write */
  head(status: number, text: string, rawHeaders: readonly string[]): void {
    const { fields, req, envelope } = this.#options
    const headers = toClientHeaders(rawHeaders, dropped(req, status, rawHeaders, fields.length > 0))
    headers.push(...fields)
    if (this.#options.bodyPending) this.#res.shouldKeepAlive = false
    this.#res.on('drain', this.#options.drained)
    if (!envelope || !isEnveloped(status, headers)) {
      this.#writeHead({ status, text, headers })
    } else if (req.method === 'HEAD') {
      this.#writeHead({ status, text, headers: envelopedHeaders(headers, undefined) })
    } else {
      const length = fieldOf(headers, 'content-length')
      this.#envelope = new Envelope(length === undefined ? undefined : Number(length))
      this.#held = { status, text, headers }
      // What was read together with the head is at hand; the next turn of the loop brings new bytes at the earliest.
      if (length === undefined) setImmediate(() => this.#atHand())
    }
    // The rest may be silent for long; most answers are over before this runs.
    setImmediate(() => this.#watchIdle())
  }

  /** False: wait for `drained`. */
  data(chunk: Buffer): boolean {
    if (this.#ended || this.#res.destroyed) return true
    if (!this.#held) return this.#write(chunk)
    const ready = this.#envelope?.push(chunk)
    return ready ? this.#writeAll(ready) : true
  }

  end(trailers: readonly string[]): void {
    if (this.#ended) return
    if (this.#held && this.#envelope) this.#writeAll(this.#envelope.end())
    this.#ended = true
    if (trailers.length > 0 && this.#res.chunkedEncoding) this.#res.addTrailers(pairs(toClientHeaders(trailers)))
    this.#res.end()
  }

  /** Ends an answer that is not complete, so that the client can tell. */
  cut(): void {
    this.#ended = true
    const socket: Socket | null = this.#res.socket
    // Without chunks or a length the end of the connection is the end of the body: only a reset says otherwise.
    if (socket && !this.#framed && !socket.destroyed) socket.resetAndDestroy()
    this.#res.destroy()
  }

  #atHand(): void {
    const ready = this.#held && !this.#ended ? this.#envelope?.atHand() : undefined
    if (ready && !this.#res.destroyed) this.#writeAll(ready)
  }

  #writeAll(chunks: readonly Buffer[]): boolean {
    const held = this.#held
    if (held) {
      this.#held = undefined
      const added = this.#envelope?.addedBytes
      this.#writeHead(added ? { ...held, headers: envelopedHeaders(held.headers, added) } : held)
    }
    let more = true
    for (const chunk of chunks) more = this.#write(chunk)
    return more
  }

  #write(chunk: Buffer): boolean {
    this.#written = true
    return this.#res.write(chunk)
  }

  #writeHead({ status, text, headers }: Head): void {
    this.#res.writeHead(status, text, headers as string[])
    this.#framed = this.#res.chunkedEncoding || fieldOf(headers, 'content-length') !== undefined
    // The head goes along with the first bytes where those are here already, and alone where they are not.
    queueMicrotask(() => {
      if (!this.#written && !this.#ended && !this.#res.destroyed) this.#res.flushHeaders()
    })
  }

  #watchIdle(): void {
    // Also for an answer that is over for us: its client may not take it.
    if (this.#res.writableFinished || this.#res.destroyed) return
    this.#res.setTimeout(this.#options.idleTimeoutMs, () => this.#options.idle(this.#res.writableNeedDrain))
  }
}

const CORS_AND_LENGTH = new Set([...CORS_FIELDS, 'content-length', 'trailer'])
const CORS_AND_TRAILER = new Set([...CORS_FIELDS, 'trailer'])
const LENGTH = new Set(['content-length', 'trailer'])
const TRAILER = new Set(['trailer'])

/** Fields that cannot stand in this answer. RFC 9110 §8.6: no length in a 204; node refuses `Trailer` without chunks. */
function dropped(
  req: IncomingMessage,
  status: number,
  headers: readonly string[],
  cors: boolean,
): ReadonlySet<string> | undefined {
  if (status === 204) return cors ? CORS_AND_LENGTH : LENGTH
  const chunked =
    req.method !== 'HEAD' &&
    status !== 304 &&
    req.httpVersion === '1.1' &&
    fieldOf(headers, 'content-length') === undefined
  if (chunked) return cors ? CORS_FIELDS : undefined
  return cors ? CORS_AND_TRAILER : TRAILER
}

function pairs(flat: readonly string[]): [string, string][] {
  const out: [string, string][] = []
  for (let i = 0; i < flat.length; i += 2) out.push([flat[i] as string, flat[i + 1] as string])
  return out
}
