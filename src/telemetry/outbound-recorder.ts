/** Spans of the way out: one for each attempt, and one for a call that no node was asked for. */
import type { Attempt, Call, Outcome } from '../core/call.ts'
import type { GomsError } from '../core/errors.ts'
import type { LocalCall, OutboundObserver } from '../core/observe.ts'
import { attemptTrace } from './attempt-position.ts'
import { nameOf, type Recording } from './recording.ts'
import { attemptError, attemptTags, isFailure, refusedTags } from './span-tags.ts'
import { Step } from './step-ring.ts'

export class OutboundRecorder implements OutboundObserver {
  readonly #recording: Recording
  readonly #service: string
  readonly #action: string

  constructor(recording: Recording, service: string, action: string) {
    this.#recording = recording
    this.#service = service
    this.#action = action
  }

  attempt(call: Call, attempt: Attempt, outcome: Outcome, startedMs: number, nowMs: number): void {
    const recording = this.#recording
    if (isDrawn(call)) recording.takeStep(new Step().set(call, attempt, outcome, startedMs, nowMs))
    else recording.steps.attempt(call, attempt, outcome, startedMs, nowMs)
  }

  call(
    call: Call,
    attempts: number,
    outcome: Outcome | undefined,
    error: GomsError | undefined,
    startedMs: number,
    nowMs: number,
  ): void {
    const recording = this.#recording
    const drawn = isDrawn(call)
    if (!drawn && !recording.isLate(isFailure(error?.status ?? outcome?.status ?? 0), nowMs - startedMs)) return
    if (!drawn) recording.steps.takeOf(call.traceWords ?? call.trace, startedMs, recording.takeStep)
    if (attempts > 0 || error === undefined) return
    recording.take(
      {
        trace: attemptTrace(call, 1),
        name: nameOf(call.transport, this.#service, this.#action),
        kind: 'CLIENT',
        service: call.caller,
        remote: { service: this.#service },
        tags: refusedTags(error),
        error,
      },
      startedMs,
      nowMs,
    )
  }

  local(
    call: LocalCall,
    outcome: Outcome | undefined,
    error: GomsError | undefined,
    startedMs: number,
    nowMs: number,
  ): void {
    const recording = this.#recording
    const drawn = call.sampled === true
    const status = error?.status ?? outcome?.status ?? 0
    if (!drawn && !recording.isLate(isFailure(status), nowMs - startedMs)) {
      if (call.within !== undefined && outcome !== undefined) recording.steps.local(call, outcome, startedMs, nowMs)
      return
    }
    const how = outcome ?? { stage: 'timeout', status: 0 }
    recording.take(
      {
        trace: call.position,
        name: nameOf('rpc', this.#service, this.#action),
        kind: 'CLIENT',
        service: call.caller,
        remote: { service: this.#service },
        tags: attemptTags({ transport: 'rpc', outcome: how, number: 0, node: undefined, passedOver: undefined }),
        error: error ?? attemptError(how),
      },
      startedMs,
      nowMs,
    )
  }
}

/** Of a trace that begins here no text is made for it. */
function isDrawn(call: Call): boolean {
  const { traceWords } = call
  return traceWords === undefined ? call.trace.sampled === true : traceWords.sampled
}
