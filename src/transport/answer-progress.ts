/** Whether a client takes what waits for it. */
import type { Socket } from 'node:net'

/** What connections of TLS stand on: the system takes bytes there. */
const socketsBelow = new WeakMap<Socket, Socket>()

export function standsOn(socket: Socket, below: Socket): void {
  socketsBelow.set(socket, below)
}

/** The one that the system knows: itself, where it stands on no other. */
export function socketBelow(socket: Socket): Socket {
  return socketsBelow.get(socket) ?? socket
}

export class AnswerProgress {
  #takenBytes = 0
  #queuedBytes = 0

  /** Some of it was taken since the last time that this was asked, or nothing waits. */
  moves(socket: Socket): boolean {
    const waiting = socket.writableLength
    if (waiting === 0) return true
    const taken = socket.bytesWritten - waiting
    const queued = queuedBytes(socket)
    const moves = taken !== this.#takenBytes || queued !== this.#queuedBytes
    this.#takenBytes = taken
    this.#queuedBytes = queued
    return moves
  }
}

/**
 * What the system has not taken of the write in progress: all of that waits until its last byte, so a large one would seem to
 * stand still. Not public, but node's own `socket.setTimeout` goes by it; without it only whole writes count.
 */
export function queuedBytes(socket: Socket): number {
  const { _handle: handle } = socketBelow(socket) as {
    _handle?: { readonly writeQueueSize?: number } | null
  }
  return handle?.writeQueueSize ?? 0
}
