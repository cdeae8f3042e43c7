/** The requests of one connection that node:http reads ahead: each has its turn, and so has what is none. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { NodeExchange } from './http-node-exchange.ts'

/** Requests behind one in progress; the connection is not read on from there. */
const MAX_WAITING = 16

export class NodeTurns {
  current: NodeExchange | undefined
  /** Nothing more of the connection is served. */
  refused = false
  readonly #socket: Socket
  readonly #waiting: (() => void)[] = []
  #pausing = false
  /** The request that was read last. */
  #last: IncomingMessage | undefined

  constructor(socket: Socket) {
    this.#socket = socket
  }

  /** At once where nothing is before it. */
  request(req: IncomingMessage, serve: () => void): void {
    this.#last = req
    this.inTurn(serve)
    if (this.#waiting.length < MAX_WAITING || this.#pausing) return
    this.#pausing = true
    // node goes on reading at the end of each request: it is paused once it has dealt with all that it has.
    process.nextTick(() => this.#socket.pause())
  }

  inTurn(then: () => void): void {
    if (this.current === undefined && this.#waiting.length === 0) then()
    else this.#waiting.push(then)
  }

  /**
   * Something is no request: those before it are answered first. Where it was to be the body of one, that one gets no other
   * answer, and nobody else hears of it.
   */
  malformed(answer: () => void): void {
    if (this.refused) return
    this.refused = true
    if (this.#last?.complete === false && this.#waiting.pop() === undefined) {
      answer()
      this.current?.abandon()
    } else this.inTurn(answer)
  }

  /** Nobody waits any more. */
  drop(): void {
    this.refused = true
    this.#waiting.length = 0
  }

  /** The one in progress is over. */
  next(): void {
    if (this.current !== undefined) return
    this.#waiting.shift()?.()
    if (!this.#pausing || this.#waiting.length > 0) return
    this.#pausing = false
    this.#socket.resume()
  }
}
