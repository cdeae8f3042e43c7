/** Spans of the way in of a service: one for each call that it serves. */
import type { Failing, Served, ServedObserver } from '../core/observe.ts'
import type { Recording } from './recording.ts'
import { captured } from './request-capture.ts'
import { isFailure, statusError } from './span-tags.ts'

export class ServedRecorder implements ServedObserver {
  readonly #recording: Recording
  readonly #service: string

  constructor(recording: Recording, service: string) {
    this.#recording = recording
    this.#service = service
  }

  served(call: Served, status: number, failing: Failing | undefined, startedMs: number, nowMs: number): void {
    const recording = this.#recording
    const failed = isFailure(status)
    const drawn = call.sampled === true
    if (!drawn && !recording.isLate(failed, nowMs - startedMs)) return
    const { trace, transport } = call
    const isRpc = transport === 'rpc'
    const isEvent = transport === 'event'
    const tags: Record<string, string> = isEvent
      ? { 'goms.event': call.name, 'goms.delivery': String(call.delivery) }
      : { 'goms.attempt': String(call.attempt) }
    if (isRpc || isEvent) tags['rpc.code'] = failing?.code ?? 'OK'
    else tags['http.status_code'] = String(status)
    if (recording.options.capture === 'redacted' && call.request !== undefined) {
      Object.assign(tags, captured(recording.redactor, call.request))
    }
    const name = isEvent ? call.name : isRpc ? `${this.#service}.${call.name}` : recording.safeName(call.name)
    const remote = call.caller === undefined ? undefined : { service: call.caller }
    const error = failed ? (failing ?? statusError(status)) : undefined
    recording.take(trace, name, isEvent ? 'CONSUMER' : 'SERVER', this.#service, remote, tags, error, startedMs, nowMs)
    if (!drawn) recording.steps.takeBelow(trace, startedMs, recording.takeStep)
  }
}
