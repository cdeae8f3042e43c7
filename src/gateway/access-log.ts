/** The gateway's access log: a line for a share of the requests, and for each that was answered 5xx. */
import type { Clock } from '../core/clock.ts'
import type { AccessEntry } from '../core/log.ts'
import type { GatewayRequest, ObserveRequests, RequestObserver } from '../core/observe.ts'

/** Longer paths are cut. */
const MAX_PATH_CHARS = 2048

export interface AccessLogDeps {
  /** `gateway.accessLog`, above 0. */
  readonly share: number
  write(entry: AccessEntry): void
  readonly clock: Clock
  /** 0 to 1. @default Math.random */
  readonly random?: () => number
}

const NO_REQUEST: Omit<AccessEntry, 'atMs' | 'status' | 'client'> = {
  ...{ method: '-', path: '-', bytes: 0, durationMs: 0, cut: undefined, service: undefined, action: undefined },
  ...{ node: undefined, attempts: 0, requestId: undefined, traceId: undefined },
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export function createAccessLog({ share, write, clock, random = Math.random }: AccessLogDeps): ObserveRequests {
  const entry: Mutable<AccessEntry> = { ...NO_REQUEST, atMs: 0, status: 0, client: '' }

  function wants(request: GatewayRequest): boolean {
    return share >= 1 || request.status >= 500 || request.cut !== undefined || random() < share
  }

  const observer: RequestObserver = {
    request(request, complete, nowMs) {
      if (!wants(request)) return
      const { route, path } = request
      entry.atMs = clock.wallMs()
      entry.method = request.method
      entry.path = path.length > MAX_PATH_CHARS ? `${path.slice(0, MAX_PATH_CHARS)}…` : path
      entry.status = request.status
      entry.bytes = (complete ? request.answerBytes : undefined) ?? request.sentBytes
      entry.cut = request.cut ?? (complete ? undefined : 'client')
      entry.durationMs = nowMs - request.startedMs
      entry.service = route?.service
      entry.action = route?.action
      entry.node = request.node
      entry.attempts = request.attempts
      entry.client = request.client
      entry.requestId = request.requestId
      entry.traceId = request.traceId
      write(entry)
    },
    refused(status, address) {
      if (share < 1 && status < 500 && random() >= share) return
      write({ ...NO_REQUEST, atMs: clock.wallMs(), status, client: address })
    },
  }
  return () => observer
}
