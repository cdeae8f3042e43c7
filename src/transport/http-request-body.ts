/** Where the body of a request stands in the bytes that come, however it is framed. */
import { ChunkReader, type ChunkStep } from '../http/chunk-reader.ts'
import type { HeadLimits } from '../http/head-result.ts'
import type { RequestHead } from '../http/request-head.ts'

export class HttpRequestBody {
  /** It has been read to its end, or there is none. */
  complete: boolean
  /** The range of `data`, and where to go on: in the bytes that were given. */
  from = 0
  to = 0
  position = 0
  #left: number
  readonly #chunks: ChunkReader | undefined

  constructor(head: RequestHead, limits: HeadLimits) {
    this.#left = head.contentLength ?? 0
    this.#chunks = head.chunked
      ? new ChunkReader({ extensions: false, headBytes: limits.headBytes, fieldCount: limits.fieldCount })
      : undefined
    this.complete = !head.chunked && this.#left === 0
  }

  /** Bytes that are known to come still; undefined in chunks. */
  get left(): number | undefined {
    return this.#chunks === undefined ? this.#left : undefined
  }

  /** One step, as of {@link ChunkReader.read}. With `data` the last of a known length, `complete` is set already. */
  read(bytes: Buffer, at: number, end: number): ChunkStep {
    const chunks = this.#chunks
    if (chunks === undefined) {
      this.from = at
      this.to = Math.min(end, at + this.#left)
      this.position = this.to
      this.#left -= this.to - at
      this.complete = this.#left === 0
      return 'data'
    }
    const step = chunks.read(bytes, at, end)
    this.from = chunks.from
    this.to = chunks.to
    this.position = chunks.position
    if (step === 'done') this.complete = true
    return step
  }
}
