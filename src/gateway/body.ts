/**
 * The body of a request on its way to a node: streamed with back-pressure, and kept in its first 64 KiB so that another
 * node can be sent it. Small ones of known length are collected first: a slow client then holds no connection to a node.
 */
import { Readable } from 'node:stream'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { FIELD } from '../http/field-kinds.ts'
import type { HttpExchange } from '../transport/http-exchange.ts'

/** Bytes that are kept. */
export const KEPT_BYTES = 65_536
const EMPTY = Buffer.alloc(0)
/** Fewer in `stallMs` is no upload but an attack (slowloris). */
const STALL_BYTES = 256
/** Looks in that time: it is exact to a quarter. */
const STALL_CHECKS = 4

/** Whose body it is. */
export interface BodyOwner {
  /** Some of it went on its way. */
  bodyMoved(): void
  /** It cannot go on: too large (413), or the client stopped sending (408). Called at most once. */
  bodyFailed(error: GomsError): void
}

export interface RequestBodyOptions {
  readonly maxBytes: number
  /** All of it is collected, whatever its size. @default false */
  readonly whole?: boolean
  /** How often a client that is waited for must have sent {@link STALL_BYTES}; then 408. */
  readonly stallMs: number
  readonly clock: Clock
}

/** `data` and `bodyEnd` are those of the exchange's events. */
export class RequestBody {
  /** Undefined: in chunks, or none. */
  readonly contentLength: number | undefined
  /** There is one, and it goes through as a stream. */
  readonly streamed: boolean
  readonly #exchange: HttpExchange
  readonly #owner: BodyOwner
  readonly #clock: Clock
  readonly #maxBytes: number
  readonly #stallMs: number
  readonly #isWhole: boolean
  readonly #kept: Buffer[] = []
  #bytes = 0
  /** Chunks of `#kept` that the present reader has had. */
  #given = 0
  #dropped = false
  #complete: boolean
  #failed = false
  #reader: BodyReader | undefined
  #collected: (() => void) | undefined
  #progressMs: number
  #waiting = false
  #stall: Timer | undefined
  #bytesAtCheck = 0
  #stillChecks = 0

  constructor(exchange: HttpExchange, owner: BodyOwner, options: RequestBodyOptions) {
    this.#exchange = exchange
    this.#owner = owner
    this.#clock = options.clock
    this.#maxBytes = options.maxBytes
    this.#stallMs = options.stallMs
    this.#isWhole = options.whole === true
    this.#progressMs = options.clock.now()
    this.contentLength = exchange.contentLength
    this.#complete = !exchange.hasBody
    const streams = !this.#complete && !this.#isWhole
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

  /**
   * Calls back when an attempt can begin: at once for none and for streams of a known length, after the last byte for small
   * ones. In chunks it begins with what came together with the head: where that turns out to be no body, nothing of the
   * request has reached a node.
   */
  collect(then: () => void): void {
    const begins = this.streamed && (this.contentLength !== undefined || this.#exchange.fields.has(FIELD.expect))
    if (this.#complete || begins) {
      then()
      return
    }
    this.#collected = then
    if (this.streamed) this.#exchange.afterRead(() => this.#begin())
    this.#want()
  }

  /** What was collected, as one; empty without a body. */
  all(): Buffer {
    return this.#kept.length === 0 ? EMPTY : this.#whole()
  }

  /** Of one that goes through as it comes nothing is held. */
  held(): Buffer | undefined {
    return this.streamed || this.#dropped ? undefined : this.#kept[0]
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
  }

  /** Bytes from the client; they are copied: the buffer is the engine's. False: no more for now. */
  data(chunk: Buffer): boolean {
    // What still comes after the end of the call is nobody's.
    if (this.#failed) return true
    this.#bytes += chunk.length
    if (this.#bytes > this.#maxBytes) {
      this.#fail(tooLarge(this.#maxBytes))
      return true
    }
    this.#moved()
    const reader = this.#reader
    const copy = Buffer.from(chunk)
    if (!this.#dropped) {
      this.#kept.push(copy)
      // Between two attempts nothing is asked for; small bodies are collected whole. None overtakes those before it.
      if (!reader || this.#given < this.#kept.length - 1) return this.#collected !== undefined || this.#rest()
      this.#given++
    }
    if (this.#bytes > KEPT_BYTES && !this.#isWhole) this.#drop()
    return reader?.push(copy) === true || this.#rest()
  }

  bodyEnd(): void {
    if (this.#failed) return
    this.#complete = true
    this.#rest()
    this.#stall?.cancel()
    if (this.#collected) this.#begin()
    else if (this.#reader && (this.#dropped || this.#given === this.#kept.length)) this.#reader.push(null)
  }

  #begin(): void {
    const collected = this.#collected
    this.#collected = undefined
    collected?.()
  }

  #want(): void {
    const waited = this.#waiting
    this.#waiting = true
    // What is here already comes at once.
    this.#exchange.resumeBody()
    if (!waited && this.#waiting) this.#watchStall()
  }

  /** Always false: what `data` answers. */
  #rest(): false {
    this.#moved()
    this.#waiting = false
    return false
  }

  #moved(): void {
    this.#progressMs = this.#clock.now()
    this.#owner.bodyMoved()
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
    this.#stillChecks = 0
    this.#checkStall()
  }

  #checkStall(): void {
    this.#stall = this.#clock.after(this.#stallMs / STALL_CHECKS, () => {
      this.#stall = undefined
      if (!this.#waiting) return
      if (this.#bytes - this.#bytesAtCheck >= STALL_BYTES) this.#watchStall()
      else if (++this.#stillChecks >= STALL_CHECKS) this.#fail(stalled(this.#bytes, this.#stallMs))
      else this.#checkStall()
    })
  }

  #fail(error: GomsError): void {
    if (this.#failed) return
    this.close()
    this.#owner.bodyFailed(error)
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
function stalled(bytes: number, stallMs: number): GomsError {
  const message = `the body stopped arriving after ${bytes} bytes, waited ${stallMs} ms`
  return new GomsError('INVALID_ARGUMENT', message, { status: 408 })
}
