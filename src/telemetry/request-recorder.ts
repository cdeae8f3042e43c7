/** Spans of the way in of a gateway: one for each request. */
import type { Failing, GatewayRequest, RequestObserver } from '../core/observe.ts'
import type { Recording } from './recording.ts'
import { captured } from './request-capture.ts'
import { isFailure, statusError, statusText } from './span-tags.ts'

/** As nginx says of clients that went away before there was an answer. */
const GONE = 499

interface RouteName {
  readonly service: string
  readonly action: string
}

export class RequestRecorder implements RequestObserver {
  readonly #recording: Recording
  readonly #gateway: string
  /** Undefined: of all that have no route. */
  readonly #name: string | undefined
  readonly #path: string

  constructor(recording: Recording, gateway: string, route: RouteName | undefined) {
    this.#recording = recording
    this.#gateway = gateway
    this.#name = route && `${route.service}/${route.action}`
    this.#path = this.#name === undefined ? 'none' : `/api/${this.#name}`
  }

  /** It has no trace. */
  refused(): void {}

  request(request: GatewayRequest, complete: boolean, nowMs: number): void {
    const { sampled, status, startedMs } = request
    // It has no trace: a page of the gateway's own, or no request that could be read.
    if (sampled === undefined) return
    const recording = this.#recording
    const failed = request.cut !== undefined || isFailure(status === 0 ? (request.error?.status ?? 0) : status)
    if (!sampled && !recording.isLate(failed, nowMs - startedMs)) return
    const tags: Record<string, string> = {
      'http.method': request.method,
      'http.route': this.#path,
      'http.status_code': statusText(status === 0 ? GONE : status),
    }
    if (!complete) tags['goms.outcome'] = request.cut === undefined ? 'cancelled' : 'cut'
    if (recording.options.capture === 'redacted') {
      Object.assign(tags, captured(recording.redactor, request, request.body(), request.bodyBytes))
    }
    const { trace } = request
    const name = this.#name ?? request.method
    const error = failed ? (request.error ?? cutError(request.cut) ?? statusError(status)) : undefined
    recording.take(trace, name, 'SERVER', this.#gateway, undefined, tags, error, startedMs, nowMs)
    if (!sampled) recording.steps.takeOf(request.traceWords ?? request.trace, startedMs, recording.takeStep)
  }
}

function cutError(cut: GatewayRequest['cut']): Failing | undefined {
  if (cut === undefined) return undefined
  return cut === 'node'
    ? { code: 'BAD_GATEWAY', message: 'the node broke off within its answer' }
    : { code: 'DEADLINE_EXCEEDED', message: 'the time of the whole answer was over' }
}
