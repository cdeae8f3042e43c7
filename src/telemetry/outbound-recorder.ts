/** Spans of the way out: one for each attempt, and one for a call that no node was asked for. */
import type { Attempt, Call, Outcome } from '../core/call.ts'
import type { GomsError } from '../core/errors.ts'
import type { LocalCall, OutboundObserver } from '../core/observe.ts'
import { attemptTrace } from './attempt-position.ts'
import type { Recording } from './recording.ts'
import { attemptError, attemptTags, isFailure, refusedTags } from './span-tags.ts'
import { Step } from './step-ring.ts'

export class OutboundRecorder implements OutboundObserver {
  readonly #recording: Recording
  readonly #service: string
  readonly #actionName: string
  readonly #methodName: string

  constructor(recording: Recording, service: string, action: string) {
    this.#recording = recording
    this.#service = service
    this.#actionName = `${service}/${action}`
    this.#methodName = `${service}.${action}`
  }

  attempt(call: Call, attempt: Attempt, outcome: Outcome, startedMs: number, nowMs: number): void {
    const recording = this.#recording
    const name = this.#nameOf(call)
    if (!isDrawn(call)) {
      recording.steps.attempt(name, call, attempt, outcome, startedMs, nowMs)
      return
    }
    const step = new Step().set(name, call, attempt, outcome, startedMs, nowMs)
    recording.takeStep(step, attemptTrace(call, attempt.number))
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
    const remote = { service: this.#service }
    const tags = refusedTags(error, call.policy.sharedLimiter !== undefined)
    const trace = attemptTrace(call, 1)
    recording.take(trace, this.#nameOf(call), 'CLIENT', call.caller, remote, tags, error, startedMs, nowMs)
  }

  local(
    call: LocalCall,
    outcome: Outcome | undefined,
    error: GomsError | undefined,
    startedMs: number,
    nowMs: number,
  ): void {
    const recording = this.#recording
    const name = this.#methodName
    const isDrawn = call.sampled === true
    const status = error?.status ?? outcome?.status ?? 0
    if (!isDrawn && !recording.isLate(isFailure(status), nowMs - startedMs)) {
      if (call.within !== undefined && outcome !== undefined) {
        recording.steps.local(name, call, outcome, startedMs, nowMs)
      }
      return
    }
    const how = outcome ?? TIMED_OUT
    const tags = attemptTags('rpc', how, 0, undefined, undefined)
    const failing = error ?? attemptError(how)
    const remote = { service: this.#service }
    recording.take(call.position, name, 'CLIENT', call.caller, remote, tags, failing, startedMs, nowMs)
  }

  #nameOf({ transport }: Call): string {
    return transport === 'rpc' ? this.#methodName : this.#actionName
  }
}

const TIMED_OUT: Outcome = { stage: 'timeout', status: 0 }

/** Of a trace that begins here no text is made for it. */
function isDrawn(call: Call): boolean {
  const { traceWords } = call
  return traceWords === undefined ? call.trace.sampled === true : traceWords.sampled
}
