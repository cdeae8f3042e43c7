/** The body of an answer as a web stream: with back-pressure to the node, and never waited for without bound. */
import type { Clock, Timer } from '../core/clock.ts'

export interface AnswerStreamOptions {
  readonly clock: Clock
  /** Silence, of the node or of who reads, after which `idle` is called. */
  readonly idleTimeoutMs: number
  /** There is room for more. */
  resume(): void
  /** Nobody reads any more. */
  cancel(): void
  idle(): void
}

export class AnswerStream {
  readonly readable: ReadableStream<Uint8Array>
  readonly #options: AnswerStreamOptions
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined
  #movedMs: number
  #timer: Timer | undefined

  constructor(options: AnswerStreamOptions) {
    this.#options = options
    this.#movedMs = options.clock.now()
    this.readable = new ReadableStream({
      start: (controller) => {
        this.#controller = controller
      },
      pull: () => {
        this.#movedMs = options.clock.now()
        options.resume()
      },
      cancel: () => {
        this.#over()
        options.cancel()
      },
    })
    this.#watch(options.idleTimeoutMs)
  }

  /** Keeps a copy, as the chunk is valid during the call only. False: wait for `resume`. */
  push(chunk: Buffer): boolean {
    this.#movedMs = this.#options.clock.now()
    this.#controller?.enqueue(new Uint8Array(chunk))
    return (this.#controller?.desiredSize ?? 1) > 0
  }

  end(): void {
    this.#controller?.close()
    this.#over()
  }

  fail(error: Error): void {
    this.#controller?.error(error)
    this.#over()
  }

  #over(): void {
    this.#controller = undefined
    this.#timer?.cancel()
  }

  #watch(afterMs: number): void {
    const { clock, idleTimeoutMs, idle } = this.#options
    this.#timer = clock.after(afterMs, () => {
      const leftMs = this.#movedMs + idleTimeoutMs - clock.now()
      if (leftMs > 0) this.#watch(leftMs)
      else idle()
    })
  }
}
