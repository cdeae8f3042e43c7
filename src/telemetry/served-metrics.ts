/** Counts the calls that services serve: by method over RPC, by HTTP method alone over HTTP, where paths are anybody's. */
import type { Failing, ObserveServed, Served, ServedObserver } from '../core/observe.ts'
import { CodeCounters } from './code-label.ts'
import type { Histogram } from './metric-kinds.ts'
import type { OwnMetrics } from './own-metrics.ts'

const HTTP_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** Methods that the service does not have. */
const NO_METHOD = 'none'

export function servedMetrics(own: OwnMetrics): ObserveServed {
  const errors = new CodeCounters((code) => own.errors.bind('served', code))
  return (service, transport, method) =>
    transport === 'http'
      ? new HttpRequests(own, errors, service)
      : new MethodCalls(own, errors, service, transport, method ?? NO_METHOD)
}

class MethodCalls implements ServedObserver {
  readonly #codes: CodeCounters
  readonly #errors: CodeCounters
  readonly #bind: () => Histogram
  #duration: Histogram | undefined

  constructor(own: OwnMetrics, errors: CodeCounters, service: string, transport: string, method: string) {
    this.#codes = new CodeCounters((code) => own.served.bind(service, transport, method, code))
    this.#errors = errors
    this.#bind = () => own.servedDuration.bind(service, transport, method)
  }

  served(_call: Served, status: number, failing: Failing | undefined, startedMs: number, nowMs: number): void {
    this.#codes.count(status, failing?.code)
    this.#duration ??= this.#bind()
    this.#duration.observe((nowMs - startedMs) / 1000)
    this.#errors.countError(status, failing?.code)
  }
}

class HttpRequests implements ServedObserver {
  readonly #methods = new Map<string, MethodCalls>()
  readonly #make: (method: string) => MethodCalls

  constructor(own: OwnMetrics, errors: CodeCounters, service: string) {
    this.#make = (method) => new MethodCalls(own, errors, service, 'http', method)
  }

  served(call: Served, status: number, failing: Failing | undefined, startedMs: number, nowMs: number): void {
    const given = call.request?.method ?? ''
    const method = HTTP_METHODS.has(given) ? given : 'OTHER'
    const known = this.#methods.get(method) ?? this.#make(method)
    this.#methods.set(method, known)
    known.served(call, status, failing, startedMs, nowMs)
  }
}
