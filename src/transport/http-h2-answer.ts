/** What leaves over one stream of HTTP/2: a piece at a time, so that it can be seen whether the client takes it. */
import type { OutgoingHttpHeaders, ServerHttp2Stream } from 'node:http2'

/** Of one write: a stream's own account tells nothing until all of it has left. */
const PIECE_BYTES = 65_536
/** Above it whoever writes is to wait. */
const HIGH_WATER_BYTES = 65_536

const TURN = Promise.resolve()

export class H2Answer {
  /** Pieces that the client has taken, or that needed not wait. */
  taken = 0
  readonly #stream: ServerHttp2Stream
  readonly #drained: () => void
  #pieces: Buffer[] = []
  #bytes = 0
  #writing = false
  #queued = false
  #ended = false
  #waitsForDrain = false

  /** @param drained called when there is room again, after `write` has returned false */
  constructor(stream: ServerHttp2Stream, drained: () => void) {
    this.#stream = stream
    this.#drained = drained
  }

  /** Something waits for the client. */
  get waiting(): boolean {
    return this.#writing || this.#pieces.length > 0
  }

  get needsDrain(): boolean {
    return this.#bytes >= HIGH_WATER_BYTES
  }

  /** Valid during the call only: it is copied. Leaves with what else is said in this turn. */
  write(chunk: Buffer): boolean {
    const copy = Buffer.from(chunk)
    this.#bytes += copy.length
    for (let at = 0; at < copy.length; at += PIECE_BYTES) this.#pieces.push(copy.subarray(at, at + PIECE_BYTES))
    if (!this.#queued) {
      this.#queued = true
      void TURN.then(() => {
        this.#queued = false
        if (!this.#ended) this.#next()
      })
    }
    this.#waitsForDrain = this.needsDrain
    return !this.#waitsForDrain
  }

  end(): void {
    this.#ended = true
    this.#next()
  }

  /** Forgets what has not left. */
  drop(): void {
    this.#ended = true
    this.#pieces = []
    this.#waitsForDrain = false
  }

  #next(): void {
    if (this.#writing || this.#stream.destroyed) return
    const piece = this.#pieces.shift()
    if (piece === undefined) {
      if (this.#ended) this.#stream.end()
      return
    }
    this.#writing = true
    // The last one takes the end of the stream along.
    if (this.#ended && this.#pieces.length === 0) this.#stream.end(piece)
    else this.#stream.write(piece, (error) => error == null && this.#written(piece))
  }

  #written(piece: Buffer): void {
    this.#writing = false
    this.taken++
    this.#bytes -= piece.length
    this.#next()
    if (!this.#waitsForDrain || this.needsDrain) return
    this.#waitsForDrain = false
    this.#drained()
  }
}

/** Fields of one connection, which HTTP/2 has not (RFC 9113 §8.2.2). */
const OF_CONNECTION: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade', 'te', 'http2-settings', 'host'],
])

/** Lines as of `Fields.text`, as node takes them: names in lower case, several values of one name as a list. */
export function toH2Fields(lines: string): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = Object.create(null)
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const name = line.slice(0, colon).toLowerCase()
    if (OF_CONNECTION.has(name)) continue
    const value = line.slice(colon + 1).trim()
    const before = headers[name]
    if (before === undefined) headers[name] = value
    else headers[name] = [before, value].flat() as string[]
  }
  return headers
}
