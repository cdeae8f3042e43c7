/** What leaves over one HTTP connection: whatever is said in one turn goes in one write. */
import type { Socket } from 'node:net'
import { latin1 } from '../http/octets.ts'
import { copyToWrite, copyWritten } from './write-copies.ts'

/** Up to here a message is one string: the runtime copies it, and writes it without allocating. */
const STRING_BYTES = 16_384

const TURN = Promise.resolve()

export class HttpOutbox {
  readonly #socket: Socket
  #text = ''
  /** What stands before `#text` where it holds bytes: strings and copies, in order. */
  #parts: (string | Buffer)[] | undefined
  #queued = false
  /** Made once, and only where something waits for the end of a turn. */
  #flushQueued: (() => void) | undefined

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** The client is behind: `drain` of the socket follows. */
  get needsDrain(): boolean {
    return this.#socket.writableLength >= this.#socket.writableHighWaterMark
  }

  /** Latin-1. */
  text(text: string): void {
    this.#text += text
  }

  /** Bytes are valid during the call only: they are copied one way or the other. */
  body(chunk: Buffer | string): void {
    if (this.#text.length + chunk.length <= STRING_BYTES) {
      this.#text += typeof chunk === 'string' ? chunk : latin1(chunk, 0, chunk.length)
      return
    }
    this.#parts ??= []
    if (this.#text !== '') this.#parts.push(this.#text)
    this.#text = ''
    this.#parts.push(typeof chunk === 'string' ? chunk : copyToWrite(chunk))
  }

  /** What was said leaves: much of it now, little of it with what else is said in this turn. */
  soon(): void {
    if (this.#parts !== undefined || this.#text.length >= STRING_BYTES) {
      this.flush()
      return
    }
    if (this.#queued) return
    this.#queued = true
    this.#flushQueued ??= () => {
      this.#queued = false
      this.flush()
    }
    // A third of what `queueMicrotask` costs.
    void TURN.then(this.#flushQueued)
  }

  flush(): void {
    const parts = this.#parts
    const text = this.#text
    this.#text = ''
    this.#parts = undefined
    if (this.#socket.destroyed) return
    if (parts === undefined) {
      if (text !== '') this.#socket.write(text, 'latin1')
      return
    }
    if (text !== '') parts.push(text)
    this.#socket.cork()
    for (const part of parts) {
      if (typeof part === 'string') this.#socket.write(part, 'latin1')
      else {
        this.#socket.write(part, (error) => {
          if (error == null) copyWritten(part)
        })
      }
    }
    this.#socket.uncork()
  }

  /** Everything that was flushed has been taken by the system. */
  get isOut(): boolean {
    return this.#socket.writableLength === 0
  }

  /** Calls back once what was flushed has been taken by the system. Not if the connection ends before. */
  whenOut(then: () => void): void {
    this.#socket.write('', (error) => {
      if (error == null) then()
    })
  }

  /** Forgets what has not left. */
  drop(): void {
    this.#text = ''
    this.#parts = undefined
  }
}
