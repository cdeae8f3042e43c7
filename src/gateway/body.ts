/**
 * The body of a request on its way to a node: streamed with back-pressure, and kept in its first 64 KiB so that another
 * node can be sent it. Small ones of known length are collected first: a slow client then holds no connection to a node.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'

/** Bytes that are kept. */
export const KEPT_BYTES = 65_536
const EMPTY = Buffer.alloc(0)
/** How often a client that is waited for must have sent {@link STALL_BYTES}. */
export const STALL_MS = 10_000
/** Fewer in that time is no upload but an attack (slowloris). */
const STALL_BYTES = 256

export interface RequestBodyOptions {
  readonly maxBytes: number
  /** All of it is collected, whatever its size. @default false */
  readonly whole?: boolean
  readonly clock: Clock
  /** The body cannot go on: too large (413), or the client stopped sending (408). Called at most once. */
  readonly failed: (error: GomsError) => void
  /** Some of it went on its way. */
  moved(): void
}

export class RequestBody {
  /** Undefined: in chunks, or none. */
  readonly contentLength: number | undefined
  /** There is one, and it goes through as a stream. */
  readonly streamed: boolean
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #options: RequestBodyOptions
  readonly #kept: Buffer[] = []
  #bytes = 0
  /** Chunks of `#kept` that the present reader has had. */
  #given = 0
  #dropped = false
  #complete: boolean
  #failed = false
  #listening = false
  #continued = false
  #reader: BodyReader | undefined
  #collected: (() => void) | undefined
  #progressMs: number
  #waiting = false
  #stall: Timer | undefined
  #bytesAtCheck = 0

  constructor(req: IncomingMessage, res: ServerResponse, options: RequestBodyOptions) {
    const length = req.headers['content-length']
    this.#req = req
    this.#res = res
    this.#options = options
    this.#progressMs = options.clock.now()
    this.contentLength = length === undefined ? undefined : Number(length)
    this.#complete = req.headers['transfer-encoding'] === undefined && !this.contentLength
    const streams = !this.#complete && options.whole !== true
    this.streamed = streams && (this.contentLength === undefined || this.contentLength > KEPT_BYTES)
  }

  /** All of it has arrived. */
  get complete(): boolean {
    return this.#complete
  }

  /** We wait for the client, not for the node. */
  get waiting(): boolean {
    return this.#waiting
  }

  /** When it last moved. */
  get progressMs(): number {
    return this.#progressMs
  }

  /** Calls back when an attempt can begin: at once for none and for streams, after the last byte for small ones. */
  collect(then: () => void): void {
    if (this.#complete || this.streamed) {
      then()
      return
    }
    this.#collected = then
    this.#want()
  }

  /** What was collected, as one; empty without a body. */
  all(): Buffer {
    return this.#kept.length === 0 ? EMPTY : this.#whole()
  }

  /** For an attempt: the whole body, a stream from its first byte on, or null without one. */
  open(): Buffer | Readable | null {
    if (!this.streamed) return this.#kept.length === 0 ? null : this.#whole()
    this.#given = 0
    this.#reader = new BodyReader(this)
    return this.#reader
  }

  /** Whether it can be sent (again) from its first byte on. */
  repeatable(): boolean {
    return !this.#dropped && !this.#failed
  }

  /** @internal Gives the reader what it wants, now or when it arrives. */
  pull(reader: BodyReader): void {
    if (reader !== this.#reader) return
    while (this.#given < this.#kept.length) {
      const chunk = this.#kept[this.#given++] as Buffer
      if (!reader.push(chunk)) return
    }
    if (this.#bytes > KEPT_BYTES) this.#drop()
    if (this.#complete) reader.push(null)
    else this.#want()
  }

  /** @internal The attempt is over. */
  release(reader: BodyReader): void {
    if (reader !== this.#reader) return
    this.#reader = undefined
    this.#rest()
  }

  /** The call is over: what still comes is not read by us any more. */
  close(): void {
    this.#stall?.cancel()
    this.#stall = undefined
    this.#waiting = false
    this.#collected = undefined
    this.#failed = true
    const reader = this.#reader
    this.#reader = undefined
    reader?.destroy()
    if (!this.#listening) return
    this.#req.off('data', this.#onData)
    this.#req.off('end', this.#onEnd)
  }

  #want(): void {
    if (!this.#continued && this.#req.headers.expect !== undefined && this.#req.httpVersion !== '1.0') {
      this.#continued = true
      this.#res.writeContinue()
    }
    if (!this.#waiting) {
      this.#waiting = true
      this.#watchStall()
    }
    if (!this.#listening) {
      this.#listening = true
      this.#req.on('data', this.#onData)
      this.#req.on('end', this.#onEnd)
    }
    this.#req.resume()
  }

  #rest(): void {
    this.#moved()
    this.#waiting = false
    if (this.#listening) this.#req.pause()
  }

  #moved(): void {
    this.#progressMs = this.#options.clock.now()
    this.#options.moved()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#bytes += chunk.length
    if (this.#bytes > this.#options.maxBytes) {
      this.#fail(tooLarge(this.#options.maxBytes))
      return
    }
    this.#moved()
    const reader = this.#reader
    if (!this.#dropped) {
      this.#kept.push(chunk)
      if (!reader) {
        // Between two attempts nothing is asked for; small bodies are collected whole.
        if (!this.#collected) this.#rest()
        return
      }
      this.#given++
    }
    if (this.#bytes > KEPT_BYTES && this.#options.whole !== true) this.#drop()
    if (reader && !reader.push(chunk)) this.#rest()
  }

  readonly #onEnd = (): void => {
    this.#complete = true
    this.#rest()
    this.#stall?.cancel()
    const collected = this.#collected
    this.#collected = undefined
    if (collected) collected()
    else if (this.#reader && (this.#dropped || this.#given === this.#kept.length)) this.#reader.push(null)
  }

  #drop(): void {
    this.#dropped = true
    this.#kept.length = 0
    this.#given = 0
  }

  #whole(): Buffer {
    if (this.#kept.length > 1) this.#kept.splice(0, this.#kept.length, Buffer.concat(this.#kept, this.#bytes))
    return this.#kept[0] as Buffer
  }

  #watchStall(): void {
    if (this.#stall) return
    this.#bytesAtCheck = this.#bytes
    this.#stall = this.#options.clock.after(STALL_MS, () => {
      this.#stall = undefined
      if (!this.#waiting) return
      if (this.#bytes - this.#bytesAtCheck >= STALL_BYTES) this.#watchStall()
      else this.#fail(stalled(this.#bytes))
    })
  }

  #fail(error: GomsError): void {
    if (this.#failed) return
    this.close()
    this.#options.failed(error)
  }
}

/** One attempt's view of the body. */
class BodyReader extends Readable {
  readonly #body: RequestBody

  constructor(body: RequestBody) {
    super({ highWaterMark: KEPT_BYTES })
    this.#body = body
  }

  override _read(): void {
    this.#body.pull(this)
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#body.release(this)
    callback(error)
  }
}

/** RFC 9110 §15.5.14 */
export function tooLarge(maxBytes: number): GomsError {
  return new GomsError('OUT_OF_RANGE', `the body is larger than ${maxBytes} bytes`, { status: 413 })
}

/** RFC 9110 §15.5.9 */
function stalled(bytes: number): GomsError {
  const message = `the body stopped arriving after ${bytes} bytes, waited ${STALL_MS} ms`
  return new GomsError('INVALID_ARGUMENT', message, { status: 408 })
}
