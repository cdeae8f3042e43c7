/** The connection of a request to upgrade that node:http has let go of: answered like any other until it is taken. */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** Bytes of a client that are kept until the connection is taken. */
const EARLY_BYTES = 65_536
/** How long what still comes behind an answer is read away. */
const LINGER_MS = 2000

export class NodeUpgrade {
  /** Stands in until the connection is taken: node's own response is not to be had any more. */
  readonly res: ServerResponse
  readonly #socket: Socket
  readonly #early: Buffer[]
  #earlyBytes = 0

  constructor(req: IncomingMessage, socket: Socket, head: Buffer) {
    this.#socket = socket
    this.#early = [head]
    socket.on('error', () => socket.destroy())
    // Without reading, nobody would notice that the client has gone.
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.once('close', this.#onClose)
    this.res = new ServerResponse(req)
    this.res.shouldKeepAlive = false
    this.res.assignSocket(socket)
    this.res.once('finish', () => {
      socket.end()
      socket.resume()
      this.#earlyBytes = Number.NEGATIVE_INFINITY
      this.#early.length = 0
      setTimeout(() => socket.destroy(), LINGER_MS).unref()
      this.res.detachSocket(socket)
      this.res.emit('close')
    })
  }

  handOver(): { socket: Duplex; early: Buffer } {
    const socket = this.#socket
    socket.pause()
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    this.res.detachSocket(socket)
    return { socket, early: Buffer.concat(this.#early) }
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#earlyBytes < 0) return
    this.#early.push(chunk)
    this.#earlyBytes += chunk.length
    if (this.#earlyBytes > EARLY_BYTES) this.#socket.pause()
  }

  readonly #onEnd = (): void => {
    if (!this.res.writableEnded) this.#socket.destroy()
  }

  readonly #onClose = (): void => {
    this.res.destroy()
  }
}
