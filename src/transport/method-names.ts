/** Service and method of requests as they come: most name what the one before them did, which is seen without reading text. */
import { sharedViewOf } from '../rpcx/bytes.ts'
import type { Frame } from '../rpcx/frame.ts'
import type { TextCache } from '../rpcx/text.ts'

/** Longer ones are read each time. */
const MOST_BYTES = 64

export class MethodNames {
  service = ''
  method = ''
  readonly #texts: TextCache
  /** Bytes of both in the last frame, with their lengths; 0: none that is remembered. */
  #byteCount = 0
  readonly #words = new Int32Array(MOST_BYTES / 4)

  constructor(texts: TextCache) {
    this.#texts = texts
  }

  /** Sets both to those of the frame. */
  read(frame: Frame): void {
    const { bytes, pathStart, methodEnd } = frame
    // The two lengths stand before them: the same bytes are the same names.
    const start = pathStart - 4
    const byteCount = methodEnd - start
    if (byteCount === this.#byteCount && this.#isSame(sharedViewOf(bytes), start, methodEnd)) return
    this.service = this.#texts.read(bytes, pathStart, frame.pathEnd)
    this.method = this.#texts.read(bytes, frame.methodStart, methodEnd)
    this.#remember(sharedViewOf(bytes), start, methodEnd)
  }

  #isSame(view: DataView, start: number, end: number): boolean {
    const words = this.#words
    let at = start
    for (let i = 0; at < end - 4; i++, at += 4) if (view.getInt32(at) !== words[i]) return false
    return view.getInt32(end - 4) === words[(at - start) >> 2]
  }

  /** Word by word; the last one reaches back into the one before it, as both lengths alone are two. */
  #remember(view: DataView, start: number, end: number): void {
    this.#byteCount = end - start > MOST_BYTES ? 0 : end - start
    if (this.#byteCount === 0) return
    let i = 0
    for (let at = start; at < end - 4; at += 4) this.#words[i++] = view.getInt32(at)
    this.#words[i] = view.getInt32(end - 4)
  }
}
