/** Encodes many items without holding up the process: after some time it lets others run, and goes on. */
import { performance } from 'node:perf_hooks'

/** The text around and between items: `[`, `,`, `]` for a JSON list. */
export interface Frame {
  readonly open: string
  readonly between: string
  readonly close: string
}

export interface SliceOptions {
  /** Longest time at one go, as near as one item allows. @default 1 */
  readonly sliceMs?: number
  /** @default the monotonic clock */
  readonly now?: () => number
  /** Lets others run. @default after input and output of this turn */
  readonly pause?: () => Promise<void>
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/**
 * The bytes of all items in their frame, one chunk for each slice.
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
  const chunks: Buffer[] = []
  let text = frame.open
  let endMs = now() + sliceMs
  for (let i = 0; i < items.length; i++) {
    if (i > 0) text += frame.between
    text += encode(items[i] as T)
    if (now() < endMs) continue
    chunks.push(Buffer.from(text))
    text = ''
    await pause()
    signal?.throwIfAborted()
    endMs = now() + sliceMs
  }
  chunks.push(Buffer.from(text + frame.close))
  return chunks
}
