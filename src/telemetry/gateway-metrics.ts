/** Counts the requests of a gateway by route: whatever paths clients make up, those without a route are one series. */
import type { GatewayRequest, ObserveRequests, RequestObserver } from '../core/observe.ts'
import { CodeCounters } from './code-label.ts'
import type { Counter, Histogram } from './metric-kinds.ts'
import type { OwnMetrics } from './own-metrics.ts'

/** In the place of service and action where there is no route. */
const NO_ROUTE = 'none'
/** What requests are counted as whose client went away before an answer began. */
const GONE = 499
const MOST_STATUS = 599

export function gatewayMetrics(own: OwnMetrics): ObserveRequests {
  const errors = new CodeCounters((code) => own.errors.bind('gateway', code))
  return (route) => new RouteRequests(own, errors, route?.service ?? NO_ROUTE, route?.action ?? NO_ROUTE)
}

class RouteRequests implements RequestObserver {
  readonly #own: OwnMetrics
  readonly #errors: CodeCounters
  readonly #service: string
  readonly #action: string
  readonly #duration: Histogram
  /** By status, each looked up once. */
  readonly #statuses: (Counter | undefined)[] = new Array(MOST_STATUS + 1)

  constructor(own: OwnMetrics, errors: CodeCounters, service: string, action: string) {
    this.#own = own
    this.#errors = errors
    this.#service = service
    this.#action = action
    this.#duration = own.gatewayDuration.bind(service, action)
  }

  request({ status, error, startedMs }: GatewayRequest, _complete: boolean, nowMs: number): void {
    const counter = this.#statuses[status] ?? this.#bind(status)
    counter.value++
    this.#duration.observe((nowMs - startedMs) / 1000)
    if (error !== undefined) this.#errors.of(error.code).value++
  }

  #bind(status: number): Counter {
    const label = status === 0 ? GONE : status > MOST_STATUS ? 'other' : status
    const made = this.#own.gatewayRequests.bind(this.#service, this.#action, String(label))
    if (status <= MOST_STATUS) this.#statuses[status] = made
    return made
  }
}
