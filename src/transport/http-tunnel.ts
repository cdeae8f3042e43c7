/** A request that may switch protocols: on a connection of its own, which becomes a plain pair of byte streams on 101. */
import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { type Address, toHostPort } from '../core/node.ts'
import { AnswerReader, type AnswerSink } from './answer-reader.ts'
import { type Dial, dialTcp } from './dial.ts'
import { writeRequest } from './request-writer.ts'
import type { AnswerHead, TunnelEvents, UpstreamRequest } from './upstream.ts'
import { UpstreamError } from './upstream-error.ts'

export interface TunnelLimits {
  readonly clock: Clock
  readonly connectTimeoutMs: number
  readonly maxHeadBytes: number
  readonly dial?: Dial | undefined
}

/** Opens it. `closed` is called once, when nothing of it is left. */
export function openTunnel(
  address: Address,
  request: UpstreamRequest,
  events: TunnelEvents,
  limits: TunnelLimits,
  closed: () => void,
): { abort(): void } {
  const socket = (limits.dial ?? dialTcp)(address)
  const tunnel = new Tunnel(socket, toHostPort(address), request, events, limits)
  socket.once('close', closed)
  return tunnel
}

class Tunnel implements AnswerSink {
  readonly #socket: Socket
  readonly #where: string
  readonly #events: TunnelEvents
  readonly #reader: AnswerReader
  #sent = false
  /** The events have had their last, or nobody wants one. */
  #done = false
  /** Of an answer that does not switch. */
  #body: Readable | undefined

  constructor(
    socket: Socket,
    where: string,
    request: UpstreamRequest,
    events: TunnelEvents,
    { clock, connectTimeoutMs, maxHeadBytes }: TunnelLimits,
  ) {
    this.#socket = socket
    this.#where = where
    this.#events = events
    this.#reader = new AnswerReader(this, maxHeadBytes)
    const timer = clock.after(connectTimeoutMs, () => {
      this.#fail(new UpstreamError('ETIMEDOUT', `connect ${where}: no answer in ${connectTimeoutMs} ms`))
    })
    socket.once('connect', () => {
      timer.cancel()
      this.#send(request)
    })
    socket.once('close', () => {
      timer.cancel()
      this.#fail(this.#closed())
    })
    socket.on('error', (error) => this.#fail(error))
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
  }

  abort(): void {
    this.#done = true
    this.#reader.stop()
    this.#socket.destroy()
  }

  info(): void {}

  head(head: AnswerHead): void {
    this.#done = true
    this.#body = new Readable({
      read: () => {
        if (this.#reader.resume()) this.#socket.resume()
      },
      destroy: (error, done) => {
        this.abort()
        done(error)
      },
    })
    this.#events.answered(head, this.#body)
  }

  data(chunk: Buffer): boolean {
    return this.#body?.push(Buffer.from(chunk)) ?? true
  }

  /** The answer may still be read; the connection has no other use. */
  end(): void {
    this.#body?.push(null)
    this.#body = undefined
    this.#socket.destroy()
  }

  switched(head: AnswerHead, early: Buffer): void {
    this.#done = true
    this.#socket.pause()
    this.#socket.off('data', this.#onData)
    this.#socket.off('end', this.#onEnd)
    this.#events.switched(head, this.#socket, Buffer.from(early))
  }

  malformed(error: UpstreamError): void {
    this.#fail(error)
  }

  #send(request: UpstreamRequest): void {
    this.#reader.begin(request.method)
    writeRequest(this.#socket, request, (error) => this.#fail(error))
    this.#sent = true
    this.#events.sent()
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.#reader.read(chunk, chunk.length)) this.#socket.pause()
  }

  readonly #onEnd = (): void => {
    if (!this.#reader.close()) this.#fail(this.#closed())
  }

  #closed(): UpstreamError {
    return new UpstreamError('ECONNRESET', `${this.#where}: connection closed`)
  }

  #fail(error: Error): void {
    this.#socket.destroy()
    this.#reader.stop()
    this.#body?.destroy(error)
    if (this.#done) return
    this.#done = true
    this.#events.error(error, this.#sent ? 'unanswered' : 'unsent')
  }
}
