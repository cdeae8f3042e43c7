/** One attempt's answer: reported to the dispatcher, and relayed to the client or dropped as that decides. */
import { STATUS_CODES } from 'node:http'
import type { Readable } from 'node:stream'
import type { Attempt } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { Fields } from '../http/fields.ts'
import { outcomeOf } from '../http/outcome.ts'
import type { AnswerHead, UpstreamEvents, UpstreamHandle, UpstreamStage } from '../transport/upstream.ts'
import { ClientAnswer } from './client-answer.ts'
import { type Failure, replacedAnswer } from './failures.ts'
import type { InboundRequest } from './inbound-request.ts'
import type { Session } from './sessions.ts'

/** A dropped answer is read up to this size, so that its connection can be used again; a longer one is cut. */
const DROPPED_BYTES = 65_536

/** The call that an attempt belongs to. */
export interface RelayOwner {
  readonly request: InboundRequest
  readonly clock: Clock
  readonly envelope: boolean
  /** The answer to relay has come; it is the last. */
  began(relay: AttemptRelay, isSession: boolean): void
  /** The answer is a session, and has begun. */
  opened(session: Session): void
  fail(error: GomsError): void
}

export class AttemptRelay implements UpstreamEvents {
  readonly #owner: RelayOwner
  readonly #attempt: Attempt
  readonly #body: Readable | undefined
  #handle: UpstreamHandle | undefined
  #answer: ClientAnswer | undefined
  #isSession = false
  #headed = false
  #droppedBytes = 0
  #done = false

  /** @param body the request's, where it is a stream */
  constructor(owner: RelayOwner, attempt: Attempt, body: Readable | undefined) {
    this.#owner = owner
    this.#attempt = attempt
    this.#body = body
  }

  start(handle: UpstreamHandle): void {
    this.#handle = handle
    if (this.#done) handle.abort()
  }

  /** From the dispatcher. The client of an answer that has begun is cut off too. */
  abort(why: 'timeout' | 'cancelled'): void {
    if (this.#done) return
    this.#close()
    if (why === 'timeout') this.#owner.request.cut = 'deadline'
    this.#answer?.cut()
  }

  /** The client takes more. */
  drain(): void {
    if (!this.#done) this.#handle?.resume()
  }

  sent(): void {}

  info({ status, fields }: AnswerHead): void {
    const { exchange } = this.#owner.request
    // Earlier ones of a repeated attempt do no harm: a client takes as many as come.
    if (status !== 103 || this.#done || exchange.headSent || exchange.closed) return
    const links = linesOf(fields, 'link')
    if (links !== '') exchange.info(status, links)
  }

  head(head: AnswerHead): void {
    if (this.#done) return
    this.#headed = true
    const { request, clock, envelope } = this.#owner
    const outcome = outcomeOf(head.status, head.fields, clock)
    if (!this.#attempt.head(outcome)) return
    const replaced = replacedAnswer(head.status, request.settings.gateway.compat)
    this.#isSession = outcome.session === true && !replaced
    this.#owner.began(this, this.#isSession)
    const answer = new ClientAnswer(request, clock)
    try {
      if (replaced) {
        replace(answer, replaced, request)
        return
      }
      answer.head(head, envelope)
    } catch (cause) {
      this.#unrelayable(cause)
      return
    }
    this.#answer = answer
    if (this.#isSession) this.#owner.opened({ end: () => this.#endSession() })
  }

  data(chunk: Buffer): boolean {
    if (this.#done) return true
    if (this.#answer) return this.#answer.data(chunk)
    this.#droppedBytes += chunk.length
    if (this.#droppedBytes > DROPPED_BYTES) {
      this.#close()
      this.#attempt.end('cancelled')
    }
    return true
  }

  end(trailers: Fields): void {
    if (this.#done) return
    this.#done = true
    this.#attempt.end('complete')
    this.#answer?.end(trailers)
  }

  error(cause: Error, stage: UpstreamStage): void {
    if (this.#done) return
    this.#close()
    if (!this.#headed) {
      this.#attempt.head({ stage: stage === 'unsent' ? 'unsent' : 'unanswered', status: 0, cause })
      this.#attempt.end('cancelled')
      return
    }
    this.#attempt.end(this.#answer ? 'broken' : 'cancelled')
    this.#cut(`the node ended the connection within its answer`, cause)
  }

  /** Neither side moved for long. */
  idle(waitingForClient: boolean): void {
    if (this.#done) {
      this.#owner.request.exchange.destroy()
      return
    }
    this.#close()
    this.#attempt.end(waitingForClient || this.#isSession ? 'cancelled' : 'broken')
    if (waitingForClient) this.#answer?.cut()
    else this.#cut('the node stopped within its answer', undefined)
  }

  /** The gateway leaves: the end of the stream is the goodbye of an event stream. */
  #endSession(): void {
    if (this.#done) return
    this.#close()
    this.#attempt.end('complete')
    this.#answer?.end(Fields.NONE)
  }

  #unrelayable(cause: unknown): void {
    this.#close()
    this.#attempt.end('broken')
    this.#owner.fail(new GomsError('BAD_GATEWAY', 'the node answered with a head that cannot be passed on', { cause }))
  }

  /** While nothing was shown to the client the gateway can still say what happened. */
  #cut(message: string, cause: unknown): void {
    if (!this.#answer) return
    if (this.#answer.untouched) this.#owner.fail(new GomsError('BAD_GATEWAY', message, { cause }))
    else {
      this.#owner.request.cut = 'node'
      this.#answer.cut()
    }
  }

  #close(): void {
    this.#done = true
    this.#handle?.abort()
    this.#body?.destroy()
  }
}

/** What the originals said instead. The node's own answer is read away. */
function replace(answer: ClientAnswer, { status, headers, body }: Failure, { exchange }: InboundRequest): void {
  const bytes = Buffer.from(body)
  const bodiless = exchange.method === 'HEAD'
  const fields = Fields.of(headers)
  answer.head({ status, reason: STATUS_CODES[status] ?? '', fields, contentLength: bytes.length, bodiless }, false)
  if (!bodiless) answer.data(bytes)
  answer.end(Fields.NONE)
}

function linesOf(fields: Fields, lowerCaseName: string): string {
  let lines = ''
  for (let i = 0; i < fields.count; i++) {
    const name = fields.name(i)
    if (name.toLowerCase() === lowerCaseName) lines += `${name}: ${fields.value(i)}\r\n`
  }
  return lines
}
