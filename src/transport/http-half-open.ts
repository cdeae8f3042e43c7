/**
 * A client that has ended its side while its request is served: it may wait for the answer, or it may have gone, and its
 * system says the same of both. Only writing tells: whoever has gone answers with a reset.
 */
import type { Socket } from 'node:net'
import { socketBelow } from './answer-progress.ts'
import type { HttpExchange } from './http-exchange.ts'

/** Most answers are there before, and a client that has gone is to be known within 50 ms. */
const FIRST_MS = 20
const LAST_MS = 1000

export class HalfOpenWatch {
  readonly #exchange: HttpExchange
  readonly #socket: Socket
  readonly #after: (delayMs: number, fn: () => void) => void
  readonly #beganAnswered: boolean
  readonly #bytesAtEnd: number
  #asked = false

  constructor(exchange: HttpExchange, socket: Socket, after: (delayMs: number, fn: () => void) => void) {
    this.#exchange = exchange
    this.#socket = socket
    this.#after = after
    this.#beganAnswered = exchange.headSent
    this.#bytesAtEnd = socket.bytesWritten
    after(FIRST_MS, () => this.#look(FIRST_MS / 2))
  }

  #look(nextMs: number): void {
    const exchange = this.#exchange
    if (exchange.closed) return
    if (this.#beganAnswered && this.#socket.bytesWritten === this.#bytesAtEnd) {
      // Silent, as event streams are, and with nothing to ask by: whoever ends in the midst of that has gone.
      exchange.destroy()
      return
    }
    const below = socketBelow(this.#socket)
    if (!this.#asked && !exchange.headSent) {
      // RFC 9110 §15.2: an informational answer may come whether it was asked for or not. HTTP/1.0 has none.
      exchange.info(100, '')
    } else if (below.writableLength === 0) {
      // Nothing is sent, but the system says whether a reset has come. TLS keeps that to itself, and what it had to write then
      // waits for ever: so not by way of it.
      below.write('')
    }
    this.#asked = true
    this.#after(nextMs, () => this.#look(Math.min(2 * nextMs, LAST_MS)))
  }
}
