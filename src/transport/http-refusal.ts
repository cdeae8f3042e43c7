/** The answer to what is no request: the door's own, in the words of all refusals, on a connection that ends with it. */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** How long what still comes is read away: an unread rest would turn the answer into a reset. */
const LINGER_MS = 1000

/** What it says: JSON. */
export function refusalBody(status: number, message: string): string {
  const code = status === 501 ? 'UNIMPLEMENTED' : status === 503 ? 'OVERLOADED' : 'INVALID_ARGUMENT'
  return JSON.stringify({ status: false, code, msg: message })
}

/** The whole answer. `message` holds nothing of what came. */
export function refusalText(status: number, message: string): string {
  const body = refusalBody(status, message)
  return (
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n${status === 503 ? 'Retry-After: 1\r\n' : ''}` +
    `Content-Type: application/json; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  )
}

/** Answers on a bare socket and closes it. One that was answered so already is left as it is. */
export function refuse(socket: Duplex, status: number, message: string): void {
  if (socket.writableEnded) return
  socket.on('error', () => {})
  // Half-open clients do not keep the socket.
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  timer.unref()
  socket.once('close', () => clearTimeout(timer))
  socket.once('end', () => socket.destroy())
  socket.end(refusalText(status, message))
  socket.resume()
}

/** Connections that are being told; beyond, they are closed without a word. */
const MOST_TOLD = 128

/** What is done with connections beyond the bound: they are told while that is cheap. */
export class Overflow {
  #told = 0
  readonly #refused: (status: number, address: string) => void

  /** @param refused told of each */
  constructor(refused: (status: number, address: string) => void) {
    this.#refused = refused
  }

  turnAway(socket: Socket): void {
    this.#refused(503, socket.remoteAddress ?? '')
    if (this.#told >= MOST_TOLD) {
      socket.destroy()
      return
    }
    this.#told++
    socket.once('close', () => this.#told--)
    refuse(socket, 503, 'too many connections')
  }
}
