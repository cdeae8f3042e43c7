/** One attempt's answer: reported to the dispatcher, and relayed to the client or dropped as that decides. */
import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Readable } from 'node:stream'
import type { Attempt } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Compat } from '../core/options.ts'
import { isEventStream, outcomeOf } from '../http/outcome.ts'
import type { UpstreamEvents, UpstreamHandle, UpstreamStage } from '../transport/upstream.ts'
import type { ClientAnswer } from './client-answer.ts'
import { replacedAnswer } from './failures.ts'
import type { Session, Sessions } from './sessions.ts'

/** A dropped answer is read up to this size, so that its connection can be used again; a longer one is cut. */
const DROPPED_BYTES = 65_536

export interface AttemptRelayDeps {
  readonly attempt: Attempt
  readonly clock: Clock
  /** The request's body, where it is a stream. */
  readonly body: Readable | undefined
  readonly res: ServerResponse
  readonly compat: Compat
  readonly sessions: Sessions
  answer(drained: () => void, idle: (waitingForClient: boolean) => void): ClientAnswer
  /** The answer to relay has come. */
  began(session: boolean): void
  fail(error: GomsError): void
}

export class AttemptRelay implements UpstreamEvents {
  readonly #deps: AttemptRelayDeps
  #handle: UpstreamHandle | undefined
  #answer: ClientAnswer | undefined
  #session: Session | undefined
  #headed = false
  #droppedBytes = 0
  #done = false

  constructor(deps: AttemptRelayDeps) {
    this.#deps = deps
  }

  start(handle: UpstreamHandle): void {
    this.#handle = handle
    if (this.#done) handle.abort()
  }

  /** From the dispatcher. The client of an answer that has begun is cut off too. */
  abort(_why: 'timeout' | 'cancelled'): void {
    if (this.#done) return
    this.#close()
    this.#answer?.cut()
  }

  sent(): void {}

  info(status: number, headers: string[]): void {
    const { res } = this.#deps
    // Earlier ones of a repeated attempt do no harm: a client takes as many as come.
    if (status !== 103 || this.#done || res.headersSent || res.destroyed) return
    const link = headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === 'link')
    try {
      if (link.length > 0 && res.req.httpVersion === '1.1') res.writeEarlyHints({ link })
    } catch {
      // A hint that node finds malformed is left out.
    }
  }

  head(status: number, headers: string[], statusText: string): void {
    if (this.#done) return
    this.#headed = true
    const { attempt, clock, compat, res } = this.#deps
    if (!attempt.head(outcomeOf(status, headers, clock.wallMs()))) return
    const replaced = replacedAnswer(status, compat)
    const session = !replaced && isEventStream(headers)
    this.#deps.began(session)
    const answer = this.#deps.answer(
      () => this.#handle?.resume(),
      (waitingForClient) => this.#idle(waitingForClient),
    )
    try {
      if (replaced) {
        answer.head(replaced.status, STATUS_CODES[replaced.status] ?? '', replaced.headers)
        answer.data(Buffer.from(replaced.body))
        answer.end([])
        return
      }
      answer.head(status, statusText, headers)
    } catch (cause) {
      this.#unrelayable(cause)
      return
    }
    this.#answer = answer
    if (!session) return
    this.#session = { end: () => this.#endSession() }
    const { sessions } = this.#deps
    sessions.add(this.#session)
    const mine = this.#session
    res.once('close', () => sessions.remove(mine))
  }

  data(chunk: Buffer): boolean {
    if (this.#done) return true
    if (this.#answer) return this.#answer.data(chunk)
    this.#droppedBytes += chunk.length
    if (this.#droppedBytes > DROPPED_BYTES) {
      this.#close()
      this.#deps.attempt.end('cancelled')
    }
    return true
  }

  end(trailers: string[]): void {
    if (this.#done) return
    this.#done = true
    this.#deps.attempt.end('complete')
    this.#answer?.end(trailers)
  }

  error(cause: Error, stage: UpstreamStage): void {
    if (this.#done) return
    const { attempt } = this.#deps
    this.#close()
    if (!this.#headed) {
      attempt.head({ stage: stage === 'unsent' ? 'unsent' : 'unanswered', status: 0, cause })
      attempt.end('cancelled')
      return
    }
    attempt.end(this.#answer ? 'broken' : 'cancelled')
    this.#cut(`the node ended the connection within its answer`, cause)
  }

  /** The gateway leaves: the end of the stream is the goodbye of an event stream. */
  #endSession(): void {
    this.#close()
    this.#deps.attempt.end('complete')
    this.#answer?.end([])
  }

  /** Neither side moved for long. */
  #idle(waitingForClient: boolean): void {
    if (this.#done) {
      this.#deps.res.destroy()
      return
    }
    this.#close()
    this.#deps.attempt.end(waitingForClient || this.#session ? 'cancelled' : 'broken')
    this.#cut('the node stopped within its answer', undefined)
  }

  #unrelayable(cause: unknown): void {
    this.#close()
    this.#deps.attempt.end('broken')
    this.#deps.fail(new GomsError('BAD_GATEWAY', 'the node answered with a head that cannot be passed on', { cause }))
  }

  /** While nothing was shown to the client the gateway can still say what happened. */
  #cut(message: string, cause: unknown): void {
    if (!this.#answer) return
    if (this.#answer.untouched) this.#deps.fail(new GomsError('BAD_GATEWAY', message, { cause }))
    else this.#answer.cut()
  }

  #close(): void {
    this.#done = true
    this.#handle?.abort()
    this.#deps.body?.destroy()
  }
}
