/** Reads the answer to one request at a time out of the bytes of a connection: strictly, and without keeping what it hands on. */
import { ANSWER_LIMITS, AnswerHeadReader, type ReadAnswerHead } from '../http/answer-head.ts'
import { ChunkReader } from '../http/chunk-reader.ts'
import { Fields } from '../http/fields.ts'
import type { HeadLimits } from '../http/head-result.ts'
import type { AnswerHead } from './upstream.ts'
import { UpstreamError } from './upstream-error.ts'

/** What an answer turns out to be. Whoever is called may `stop` the reader. */
export interface AnswerSink {
  info(head: AnswerHead): void
  head(head: AnswerHead): void
  /** False holds what follows until `resume`. The chunk is valid during the call only. */
  data(chunk: Buffer): boolean
  /**
   * The answer is whole; the reader can `begin` the next one.
   * @param persistent the node keeps the connection, and nothing came behind the answer
   */
  end(trailers: Fields, persistent: boolean): void
  /** 101: `early` are the bytes behind the head, valid during the call only. Without it 101 is a fault of the node's. */
  switched?(head: AnswerHead, early: Buffer): void
  /** The node does not speak HTTP as it should: nothing of the connection can be believed any more. */
  malformed(error: UpstreamError): void
}

/** Informational answers before the final one; more are no answer but a flood. */
const MAX_INFOS = 32

const STOPPED = 0
const HEAD = 1
const NO_BODY = 2
const COUNTED = 3
const CHUNKED = 4
const UNTIL_CLOSE = 5
const STATES = { none: NO_BODY, length: COUNTED, chunked: CHUNKED, close: UNTIL_CLOSE } as const

export class AnswerReader {
  /** The receiver is full: nothing more is to be read until `resume`. */
  held = false
  readonly #sink: AnswerSink
  readonly #limits: HeadLimits
  readonly #heads: AnswerHeadReader
  #state = STOPPED
  #method = ''
  #infos = 0
  #persistent = false
  /** Of a counted body. */
  #left = 0
  #chunks: ChunkReader | undefined
  /** A head that came in pieces so far, or what came behind a piece that filled the receiver. */
  #kept: Buffer | undefined

  constructor(sink: AnswerSink, maxHeadBytes: number) {
    this.#sink = sink
    this.#limits = { ...ANSWER_LIMITS, headBytes: maxHeadBytes }
    this.#heads = new AnswerHeadReader(this.#limits)
  }

  /** The next bytes answer a request of this method. */
  begin(method: string): void {
    this.#state = HEAD
    this.#method = method
    this.#infos = 0
  }

  /** Nothing is reported any more. */
  stop(): void {
    this.#state = STOPPED
    this.held = false
    this.#kept = undefined
  }

  /** Takes what was read; the bytes are valid during the call only. False: it is held. */
  read(bytes: Buffer, length: number): boolean {
    const kept = this.#kept
    if (kept === undefined) {
      this.#take(bytes, length)
    } else {
      this.#kept = undefined
      const all = Buffer.concat([kept, bytes.subarray(0, length)])
      if (this.held) this.#kept = all
      else this.#take(all, all.length)
    }
    return !this.held
  }

  /** Goes on with what was held. True: more can be read. */
  resume(): boolean {
    if (!this.held) return false
    this.held = false
    const kept = this.#kept
    this.#kept = undefined
    if (kept !== undefined) this.#take(kept, kept.length)
    return !this.held
  }

  /** The node has ended the connection. True where that ended the answer too. */
  close(): boolean {
    if (this.#state !== UNTIL_CLOSE) return false
    this.#end(Fields.NONE, false)
    return true
  }

  #take(bytes: Buffer, end: number): void {
    if (this.#state === HEAD) this.#takeHeads(bytes, end)
    else this.#takeBody(bytes, 0, end)
  }

  #takeHeads(bytes: Buffer, end: number): void {
    let at = 0
    while (at < end) {
      const head = this.#heads.read(bytes, at, end, this.#method)
      if (head.state === 'incomplete') {
        this.#kept = Buffer.from(bytes.subarray(at, end))
        return
      }
      if (head.state === 'refused') {
        this.#refuse(head.reason)
        return
      }
      at = head.end
      if (head.status >= 200 || head.status === 101) {
        this.#takeFinal(head, bytes, end)
        return
      }
      if (++this.#infos > MAX_INFOS) {
        this.#refuse('too many informational answers')
        return
      }
      // That the node waits for the body says nothing new: it is on its way.
      if (head.status !== 100) this.#sink.info(head)
      if (this.#state !== HEAD) return
    }
  }

  #takeFinal(head: ReadAnswerHead, bytes: Buffer, end: number): void {
    const sink = this.#sink
    if (head.status === 101) {
      if (sink.switched === undefined) {
        this.#refuse('switches to a protocol that nobody asked for')
      } else {
        this.#state = STOPPED
        sink.switched(head, bytes.subarray(head.end, end))
      }
      return
    }
    this.#state = STATES[head.framing]
    this.#persistent = head.keepAlive
    this.#left = head.contentLength ?? 0
    sink.head(head)
    if (this.#state !== STOPPED) this.#takeBody(bytes, head.end, end)
  }

  #takeBody(bytes: Buffer, start: number, end: number): void {
    if (this.#state === CHUNKED) {
      this.#chunks ??= new ChunkReader({ ...this.#limits, extensions: true })
      this.#takeChunks(this.#chunks, bytes, start, end)
      return
    }
    const counted = this.#state !== UNTIL_CLOSE
    let to = end
    if (this.#state === NO_BODY) to = start
    else if (counted) to = Math.min(end, start + this.#left)
    let more = true
    if (to > start) {
      this.#left -= to - start
      more = this.#sink.data(bytes.subarray(start, to))
      if (this.#state === STOPPED) return
    }
    if (this.#state === NO_BODY || (counted && this.#left === 0)) this.#end(Fields.NONE, to === end)
    else if (!more) this.held = true
  }

  #takeChunks(chunks: ChunkReader, bytes: Buffer, start: number, end: number): void {
    let at = start
    for (;;) {
      const step = chunks.read(bytes, at, end)
      at = chunks.position
      if (step === 'data') {
        const more = this.#sink.data(bytes.subarray(chunks.from, chunks.to))
        if (this.#state === STOPPED) return
        if (more) continue
        this.held = true
        if (at < end) this.#kept = Buffer.from(bytes.subarray(at, end))
      } else if (step === 'done') this.#end(chunks.trailers, at === end)
      else if (step !== 'more') this.#refuse(step.reason)
      return
    }
  }

  /** @param clean nothing came behind it */
  #end(trailers: Fields, clean: boolean): void {
    this.#state = STOPPED
    this.#sink.end(trailers, this.#persistent && clean)
  }

  #refuse(reason: string): void {
    this.stop()
    this.#sink.malformed(new UpstreamError('EPROTO', `malformed answer: ${reason}`))
  }
}
