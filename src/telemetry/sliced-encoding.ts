/** Encodes many items without holding up the process: after some time it lets others run, and goes on. */
import { performance } from 'node:perf_hooks'

/** The text around and between items: `[`, `,`, `]` for a JSON list. */
export interface Frame {
  readonly open: string
  readonly between: string
  readonly close: string
}

export interface SliceOptions {
  /** Longest time at one go, as near as one item, or 4096 characters of them, allow. @default 1 */
  readonly sliceMs?: number
  /** @default the monotonic clock */
  readonly now?: () => number
  /** Lets others run. @default after input and output of this turn */
  readonly pause?: () => Promise<void>
}

/** Written at a time, with a look at the clock after it: long texts of many parts cost far more to put together. */
const PIECE_CHARS = 4096
const CHUNK_BYTES = 128 * 1024
/** For the first chunk, where there are few. */
const ITEM_BYTES = 1024
/** Of UTF-8 for a unit of UTF-16. */
const MAX_UNIT_BYTES = 3

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * The bytes of all items in their frame.
 * @param signal stops the work; the promise is rejected with its reason
 */
export async function encodeInSlices<T>(
  items: readonly T[],
  encode: (item: T) => string,
  frame: Frame,
  signal?: AbortSignal,
  options: SliceOptions = {},
): Promise<Buffer[]> {
  const { sliceMs = 1, now = () => performance.now(), pause = nextTurn } = options
  const chunks = new Chunks(Math.min(CHUNK_BYTES, (items.length + 1) * ITEM_BYTES))
  let text = frame.open
  let endMs = now() + sliceMs
  for (let i = 0; i < items.length; i++) {
    if (i > 0) text += frame.between
    text += encode(items[i] as T)
    if (text.length < PIECE_CHARS) continue
    chunks.write(text)
    text = ''
    if (now() < endMs) continue
    await pause()
    signal?.throwIfAborted()
    endMs = now() + sliceMs
  }
  chunks.write(text + frame.close)
  return chunks.all()
}

class Chunks {
  readonly #full: Buffer[] = []
  #chunk: Buffer
  #used = 0

  constructor(bytes: number) {
    this.#chunk = Buffer.allocUnsafe(bytes)
  }

  write(text: string): void {
    const bytes = text.length * MAX_UNIT_BYTES
    if (bytes > this.#chunk.length - this.#used) {
      if (this.#used > 0) this.#full.push(this.#chunk.subarray(0, this.#used))
      this.#chunk = Buffer.allocUnsafe(Math.max(CHUNK_BYTES, bytes))
      this.#used = 0
    }
    this.#used += this.#chunk.write(text, this.#used)
  }

  all(): Buffer[] {
    return [...this.#full, this.#chunk.subarray(0, this.#used)]
  }
}
