/** Where WebSocket frames begin and end in a byte stream, so that a goodbye can be put between two of them. RFC 6455 §5.2 */

/** A close frame with status 1001, going away (§7.4.1), as a server sends it. */
export const GOING_AWAY: Buffer = Buffer.from([0x88, 0x02, 0x03, 0xe9])
/** The same as a client sends it: masked, here with zeros (§5.3). */
export const GOING_AWAY_MASKED: Buffer = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9])

/** Follows one direction of a connection. Payloads are skipped, not read. */
export class FrameTracker {
  readonly #head: number[] = []
  #payloadLeft = 0

  /** Nothing of a frame has begun. */
  get between(): boolean {
    return this.#head.length === 0 && this.#payloadLeft === 0
  }

  /**
   * Takes the next bytes.
   * @param stop stops at the first boundary between two frames
   * @returns how many bytes were taken
   */
  take(chunk: Buffer, stop = false): number {
    let i = 0
    while (i < chunk.length) {
      if (stop && this.between) return i
      if (this.#payloadLeft > 0) {
        const step = Math.min(this.#payloadLeft, chunk.length - i)
        this.#payloadLeft -= step
        i += step
        continue
      }
      this.#head.push(chunk[i++] as number)
      if (this.#head.length < headLength(this.#head)) continue
      this.#payloadLeft = payloadLength(this.#head)
      this.#head.length = 0
    }
    return i
  }
}

/** Bytes of a frame's head, as far as its first two tell. */
function headLength(head: readonly number[]): number {
  const second = head[1]
  if (second === undefined) return 2
  const short = second & 0x7f
  return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + (second & 0x80 ? 4 : 0)
}

function payloadLength(head: readonly number[]): number {
  const short = (head[1] as number) & 0x7f
  if (short < 126) return short
  let length = 0
  for (const byte of head.slice(2, short === 126 ? 4 : 10)) length = length * 256 + byte
  return length
}
