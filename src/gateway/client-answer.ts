/** An answer on its way to the client: fields, envelope, and never a short body that looks complete. */
import type { Clock } from '../core/clock.ts'
import { FIELD } from '../http/field-kinds.ts'
import type { Fields } from '../http/fields.ts'
import { toClientLines } from '../http/header-rules.ts'
import { latin1 } from '../http/octets.ts'
import type { AnswerFraming, HttpExchange } from '../transport/http-exchange.ts'
import type { AnswerHead } from '../transport/upstream.ts'
import { dateLine } from './date-line.ts'
import { Envelope, envelopedFields, insertAt, insertionIn, isEnveloped, SCANNED_BYTES } from './envelope.ts'
import type { InboundRequest } from './inbound-request.ts'

/** Bodies up to this are dealt with as text: what engines write as one. */
const TEXT_BYTES = 16_384

export class ClientAnswer {
  readonly #request: InboundRequest
  readonly #exchange: HttpExchange
  readonly #clock: Pick<Clock, 'wallMs'>
  #envelope: Envelope | undefined
  /** The head, until the envelope knows what it puts in. */
  #held: AnswerHead | undefined
  #ended = false

  /** @param clock for answers of nodes that have none */
  constructor(request: InboundRequest, clock: Pick<Clock, 'wallMs'>) {
    this.#request = request
    this.#exchange = request.exchange
    this.#clock = clock
  }

  /** Nothing has gone to the client. */
  get untouched(): boolean {
    return !this.#exchange.headSent
  }

  /** @throws TypeError for a head that the engine will not write */
  head(head: AnswerHead, envelope: boolean): void {
    const exchange = this.#exchange
    // A connection whose request has not arrived whole cannot serve another one.
    if (!exchange.bodyComplete) exchange.closeAfter()
    this.#request.watch()
    if (!envelope || !isEnveloped(head.status, head.fields)) this.#writeHead(head, head.fields, head.contentLength)
    else if (exchange.method === 'HEAD') {
      this.#writeHead(head, envelopedFields(head.fields, undefined), undefined)
    } else {
      this.#held = head
      // Without a length the end is not foreseen: what was read together with the head is at hand, the next turn of the
      // loop brings new bytes at the earliest.
      if (head.contentLength === undefined) setImmediate(atHand, this)
    }
  }

  /** False: wait until the client takes more. The chunk is valid during the call only. */
  data(chunk: Buffer): boolean {
    if (this.#ended) return true
    this.#request.moved = true
    const held = this.#held
    if (held === undefined) return this.#exchange.write(chunk)
    if (this.#envelope === undefined && chunk.length === held.contentLength && chunk.length <= SCANNED_BYTES) {
      return this.#splice(held, chunk)
    }
    this.#envelope ??= new Envelope(held.contentLength)
    const ready = this.#envelope.push(chunk)
    return ready ? this.#writeAll(ready) : true
  }

  end(trailers: Fields): void {
    if (this.#ended) return
    if (this.#held) this.#writeAll((this.#envelope ?? new Envelope(undefined)).end())
    this.#ended = true
    if (trailers.count > 0) this.#exchange.end(toClientLines(trailers, FIELD.framing))
    else this.#exchange.end()
  }

  /** Ends an answer that is not complete, so that the client can tell. */
  cut(): void {
    this.#ended = true
    this.#exchange.destroy()
  }

  /** @internal Nothing more came with what is held. */
  atHand(): void {
    const ready = this.#held && !this.#ended ? this.#envelope?.atHand() : undefined
    if (ready) this.#writeAll(ready)
  }

  /** A body that is here whole, as nearly all are: decided without keeping any of it. */
  #splice(held: AnswerHead, body: Buffer): boolean {
    this.#held = undefined
    // Of a small one the engine makes a text anyway: it is searched and put together faster.
    const text = body.length <= TEXT_BYTES ? latin1(body, 0, body.length) : undefined
    const at = insertionIn(body, text)
    if (at < 0) {
      this.#writeHead(held, held.fields, body.length)
      return this.#exchange.write(text ?? body)
    }
    const insert = insertAt(body, at)
    this.#writeHead(held, envelopedFields(held.fields, insert.length), body.length + insert.length)
    if (text !== undefined) return this.#exchange.write(text.slice(0, at) + insert + text.slice(at))
    this.#exchange.write(body.subarray(0, at))
    this.#exchange.write(insert)
    return this.#exchange.write(body.subarray(at))
  }

  #writeAll(chunks: readonly Buffer[]): boolean {
    const held = this.#held
    if (held) {
      this.#held = undefined
      const added = this.#envelope?.addedBytes ?? 0
      const length = held.contentLength === undefined ? undefined : held.contentLength + added
      this.#writeHead(held, added > 0 ? envelopedFields(held.fields, added) : held.fields, length)
    }
    let more = true
    for (const chunk of chunks) more = this.#exchange.write(chunk)
    return more
  }

  #writeHead(head: AnswerHead, fields: Fields, contentLength: number | undefined): void {
    const { answerFields } = this.#request
    const framing: AnswerFraming = head.bodiless ? 'none' : (contentLength ?? 'stream')
    let drop = answerFields === '' ? 0 : FIELD.cors
    // RFC 9110 §8.6: a length in answers to HEAD and in 304 speaks of another answer; there is none in a 204.
    if (framing !== 'none' || head.status === 204) drop |= FIELD.framing
    if (framing !== 'stream' || this.#exchange.version === '1.0') drop |= FIELD.trailer
    let lines = toClientLines(fields, drop) + answerFields
    if (!fields.has(FIELD.date)) lines += dateLine(this.#clock.wallMs())
    this.#exchange.head(head.status, head.reason, lines, framing)
    this.#request.begun(head.status, typeof framing === 'number' ? framing : undefined)
  }
}

function atHand(answer: ClientAnswer): void {
  answer.atHand()
}
