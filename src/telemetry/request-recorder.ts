/** Spans of the way in of a gateway: one for each request. */
import type { GatewayRequest, RequestObserver } from '../core/observe.ts'
import type { Recording } from './recording.ts'
import { captured } from './request-capture.ts'
import { isFailure, statusError } from './span-tags.ts'

interface RouteName {
  readonly service: string
  readonly action: string
}

export class RequestRecorder implements RequestObserver {
  readonly #recording: Recording
  readonly #gateway: string
  readonly #route: RouteName | undefined

  constructor(recording: Recording, gateway: string, route: RouteName | undefined) {
    this.#recording = recording
    this.#gateway = gateway
    this.#route = route
  }

  request(request: GatewayRequest, complete: boolean, nowMs: number): void {
    const { sampled, status, startedMs } = request
    // It has no trace: a page of the gateway's own, or no request that could be read.
    if (sampled === undefined) return
    const recording = this.#recording
    const failed = isFailure(status === 0 ? (request.error?.status ?? 0) : status)
    if (!sampled && !recording.isLate(failed, nowMs - startedMs)) return
    const route = this.#route
    const tags: Record<string, string> = { 'http.method': request.method }
    if (route !== undefined) tags['http.route'] = `/api/${route.service}/${route.action}`
    if (status !== 0) tags['http.status_code'] = String(status)
    if (!complete) tags['goms.outcome'] = status === 0 ? 'cancelled' : 'cut'
    if (recording.options.capture === 'redacted') {
      Object.assign(tags, captured(recording.redactor, request, request.body(), request.bodyBytes))
    }
    recording.take(
      {
        trace: request.trace,
        name: route === undefined ? request.method : `${route.service}/${route.action}`,
        kind: 'SERVER',
        service: this.#gateway,
        remote: undefined,
        tags,
        error: failed ? (request.error ?? statusError(status)) : undefined,
      },
      startedMs,
      nowMs,
    )
    if (!sampled) recording.steps.takeOf(request.traceWords ?? request.trace, startedMs, recording.takeStep)
  }
}
