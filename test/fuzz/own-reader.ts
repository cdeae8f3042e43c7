/** What our own parsers make of a stream of bytes, as a listener or a pool would ask them. */
import { ANSWER_LIMITS, AnswerHeadReader } from '../../src/http/answer-head.ts'
import { ChunkReader } from '../../src/http/chunk-reader.ts'
import type { Fields } from '../../src/http/fields.ts'
import type { Refused } from '../../src/http/head-result.ts'
import { REQUEST_LIMITS, RequestHeadReader } from '../../src/http/request-head.ts'

/** One message, as far as it came. */
export interface Message {
  /** Method, target and version, or version, status and reason. */
  readonly start: string
  /** Names and values in turn. */
  readonly fields: readonly string[]
  body: string
  trailers: readonly string[]
  complete: boolean
}

export interface Reading {
  readonly messages: Message[]
  /** Why no more can be read. */
  refused: string | undefined
  /** The connection is over by what the messages say. */
  closed: boolean
  /** What is behind a request to upgrade. */
  upgraded: string | undefined
}

type Framing = 'length' | 'chunked' | 'close'

/** Both sides of the wire, but for their heads. */
abstract class OwnReader {
  readonly reading: Reading = { messages: [], refused: undefined, closed: false, upgraded: undefined }
  readonly #chunks: ChunkReader
  #framing: Framing | undefined
  #left = 0
  #last = false
  #position = 0

  constructor(extensions: boolean) {
    this.#chunks = new ChunkReader({ extensions, headBytes: 16_384, fieldCount: 128 })
  }

  /** Reads a stream that comes in pieces. */
  read(bytes: Buffer, cuts: readonly number[]): Reading {
    for (const cut of cuts) this.#piece(bytes, cut)
    const last = this.reading.messages.at(-1)
    if (last && this.#framing === 'close' && this.reading.refused === undefined) last.complete = true
    return this.reading
  }

  /** The offset behind a head; undefined: no head yet, or refused. */
  protected abstract head(bytes: Buffer, start: number, end: number): number | undefined

  protected begin(start: string, fields: Fields, framing: Framing, left: number, last: boolean): void {
    this.reading.messages.push({ start, fields: fields.list(), body: '', trailers: [], complete: false })
    this.#framing = framing
    this.#left = left
    this.#last = last
  }

  protected refuse({ reason }: Refused): void {
    this.reading.refused = reason
  }

  #piece(bytes: Buffer, end: number): void {
    const { reading } = this
    while (!reading.refused && !reading.closed && reading.upgraded === undefined) {
      if (this.#framing === undefined) {
        const behind = this.head(bytes, this.#position, end)
        if (behind === undefined) return
        this.#position = behind
      }
      if (!this.#body(bytes, end)) return
    }
    if (reading.upgraded !== undefined) reading.upgraded = bytes.toString('latin1', this.#position, end)
  }

  /** True: the body is whole, and there may be more behind it. */
  #body(bytes: Buffer, end: number): boolean {
    const message = this.reading.messages.at(-1) as Message
    if (this.#framing === 'chunked') return this.#chunked(message, bytes, end)
    const to = this.#framing === 'close' ? end : Math.min(end, this.#position + this.#left)
    message.body += bytes.toString('latin1', this.#position, to)
    this.#left -= to - this.#position
    this.#position = to
    return this.#framing === 'length' && this.#left === 0 ? this.#done(message) : false
  }

  #chunked(message: Message, bytes: Buffer, end: number): boolean {
    for (;;) {
      const step = this.#chunks.read(bytes, this.#position, end)
      if (typeof step === 'object') {
        this.refuse(step)
        return false
      }
      this.#position = this.#chunks.position
      if (step === 'more') return false
      if (step === 'done') {
        message.trailers = this.#chunks.trailers.list()
        return this.#done(message)
      }
      message.body += bytes.toString('latin1', this.#chunks.from, this.#chunks.to)
    }
  }

  #done(message: Message): boolean {
    message.complete = true
    this.#framing = undefined
    if (this.#last) this.reading.closed = true
    return true
  }
}

export class OwnRequests extends OwnReader {
  readonly #heads = new RequestHeadReader(REQUEST_LIMITS)

  constructor() {
    super(false)
  }

  protected head(bytes: Buffer, start: number, end: number): number | undefined {
    const head = this.#heads.read(bytes, start, end)
    if (head.state === 'refused') this.refuse(head)
    if (head.state !== 'head') return undefined
    const { method, target, version, fields, contentLength = 0, chunked, keepAlive, upgrade } = head
    this.begin(`${method} ${target} ${version}`, fields, chunked ? 'chunked' : 'length', contentLength, !keepAlive)
    if (upgrade !== undefined) this.reading.upgraded = ''
    return head.end
  }
}

export class OwnAnswers extends OwnReader {
  readonly #heads = new AnswerHeadReader(ANSWER_LIMITS)
  readonly #method: string

  constructor(method: string) {
    super(true)
    this.#method = method
  }

  protected head(bytes: Buffer, start: number, end: number): number | undefined {
    const head = this.#heads.read(bytes, start, end, this.#method)
    if (head.state === 'refused') this.refuse(head)
    if (head.state !== 'head') return undefined
    const { status, reason, version, fields, framing, contentLength = 0 } = head
    const left = framing === 'length' ? contentLength : 0
    const interim = status < 200 && status !== 101
    this.begin(`${version} ${status} ${reason}`, fields, framing === 'none' ? 'length' : framing, left, !interim)
    if (status === 101) this.reading.upgraded = ''
    return head.end
  }
}
