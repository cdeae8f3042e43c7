/** The body of a request as a stream: framed anew, no faster than the node takes it, and never passed off as whole when it is not. */
import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { CHUNK_END, chunkHead, lastChunk } from '../http/chunk-writer.ts'
import { UpstreamError } from './upstream-error.ts'

/** Up to this a message leaves as one string, which the runtime copies and writes at once; above it the copy costs more. */
export const ONE_WRITE_BYTES = 16_384

export class RequestBody {
  /** All of it was handed to the connection. */
  complete = false
  readonly #socket: Socket
  readonly #source: Readable
  /** Bytes that are still to come; undefined: in chunks. */
  #left: number | undefined
  readonly #failed: (error: Error) => void
  #stopped = false

  /**
   * Writes the head at once, and the body behind it.
   * @param failed the source broke off, or gave another length than was said: half a request is on the connection. Called a
   * moment later at the earliest.
   */
  constructor(
    socket: Socket,
    head: string,
    source: Readable,
    contentLength: number | undefined,
    failed: (error: Error) => void,
  ) {
    this.#socket = socket
    this.#source = source
    this.#left = contentLength
    this.#failed = failed
    socket.cork()
    socket.write(head, 'latin1')
    source.on('data', this.#onData)
    source.on('end', this.#onEnd)
    source.on('error', this.#onError)
    source.on('close', this.#onClose)
    source.resume()
    // What the source holds already flows before this, and leaves with the head.
    process.nextTick(() => {
      socket.uncork()
      // One that has ended says so to nobody any more.
      if (source.destroyed || source.readableEnded) this.#onClose()
    })
  }

  /** The connection takes more. */
  resume(): void {
    if (!this.#stopped) this.#source.resume()
  }

  /** Nothing more of it is wanted. */
  stop(): void {
    this.#stopped = true
    this.#source.off('data', this.#onData)
    this.#source.off('end', this.#onEnd)
    this.#source.off('error', this.#onError)
    this.#source.off('close', this.#onClose)
    this.#source.destroy()
  }

  readonly #onData = (given: Uint8Array | string): void => {
    const chunk = Buffer.isBuffer(given) ? given : Buffer.from(given)
    if (this.#left === undefined) {
      if (!this.#writeChunk(chunk)) this.#source.pause()
      return
    }
    if (chunk.length > this.#left) {
      this.#fail(new UpstreamError('ERR_BODY_LENGTH', 'the body is longer than its length says'))
      return
    }
    this.#left -= chunk.length
    if (!this.#socket.write(chunk)) this.#source.pause()
  }

  #writeChunk(chunk: Buffer): boolean {
    const { length } = chunk
    // An empty one would be the last.
    if (length === 0) return true
    const head = chunkHead(length)
    if (length <= ONE_WRITE_BYTES) return this.#socket.write(head + chunk.toString('latin1') + CHUNK_END, 'latin1')
    this.#socket.cork()
    this.#socket.write(head, 'latin1')
    this.#socket.write(chunk)
    const more = this.#socket.write(CHUNK_END, 'latin1')
    this.#socket.uncork()
    return more
  }

  readonly #onEnd = (): void => {
    if (this.#left === undefined) this.#socket.write(lastChunk(), 'latin1')
    else if (this.#left > 0) {
      this.#fail(new UpstreamError('ERR_BODY_LENGTH', `the body ended ${this.#left} bytes before its length`))
      return
    }
    this.complete = true
  }

  readonly #onError = (error: Error): void => this.#fail(error)

  readonly #onClose = (): void => {
    if (!this.complete) this.#fail(new UpstreamError('ERR_STREAM_PREMATURE_CLOSE', 'the body broke off'))
  }

  #fail(error: Error): void {
    if (this.#stopped) return
    this.stop()
    this.#failed(error)
  }
}
