/** Whether a client takes what waits for it. */
import type { Socket } from 'node:net'

export class AnswerProgress {
  #takenBytes = 0

  /** Some of it was taken since the last time that this was asked, or nothing waits. */
  moves(socket: Socket): boolean {
    const waiting = socket.writableLength
    if (waiting === 0) return true
    const taken = socket.bytesWritten - waiting
    const moves = taken !== this.#takenBytes
    this.#takenBytes = taken
    return moves
  }
}
