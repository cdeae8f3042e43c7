/** What leaves over one HTTP connection: whatever is said in one turn of the loop in one write, at its end or with the last of it. */
import type { Socket } from 'node:net'
import { latin1 } from '../http/octets.ts'
import { type AtTurnEnd, atTurnEnd, turnsAreShort } from './turn-end.ts'
import { copyToWrite, copyWritten } from './write-copies.ts'

/** Up to here a message is one string: the runtime copies it, and writes it without allocating. */
const STRING_BYTES = 16_384

/** Who learns that all that was said has been taken by the system. */
export interface Saying {
  out(): void
}

export class HttpOutbox implements AtTurnEnd {
  readonly #socket: Socket
  #text = ''
  /** What stands before `#text` where it holds bytes: strings and copies, in order. */
  #parts: (string | Buffer)[] | undefined
  #queued = false
  /** Whoever has said everything. */
  #ending: Saying | undefined

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
    if (this.#parts !== undefined || this.#text.length >= STRING_BYTES) this.flush()
    else if (!this.#queued) {
      this.#queued = true
      atTurnEnd(this)
    }
  }

  /** The same for the last that is said; tells once it is out. Not if the connection ends before. */
  end(saying: Saying): void {
    this.#ending = saying
    this.soon()
    if (!this.#queued || turnsAreShort()) this.settle()
  }

  turnEnded(): void {
    this.#queued = false
    this.settle()
  }

  /** What was said leaves now; whoever has said everything learns of it. */
  settle(): void {
    this.flush()
    const ending = this.#ending
    if (ending === undefined) return
    this.#ending = undefined
    if (this.isOut) ending.out()
    else this.#whenOut(ending)
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

  #whenOut(ending: Saying): void {
    this.#socket.write('', (error) => {
      if (error == null) ending.out()
    })
  }

  /** Forgets what has not left. */
  drop(): void {
    this.#text = ''
    this.#parts = undefined
    this.#ending = undefined
  }
}
