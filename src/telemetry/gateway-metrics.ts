/** Counts the requests of a gateway by route: whatever paths clients make up, those without one are one series. */
import type { GomsError } from '../core/errors.ts'
import { CodeCounters } from './code-label.ts'
import type { Counter, Histogram } from './metric-kinds.ts'
import type { OwnMetrics } from './own-metrics.ts'

const MOST_STATUS = 599

/** One route's. */
export class RouteRequests {
  readonly #own: OwnMetrics
  readonly #service: string
  readonly #action: string
  readonly #duration: Histogram
  /** By status, each looked up once. */
  readonly #statuses: (Counter | undefined)[] = new Array(MOST_STATUS + 1)
  #strange: Counter | undefined

  constructor(own: OwnMetrics, service: string, action: string) {
    this.#own = own
    this.#service = service
    this.#action = action
    this.#duration = own.gatewayDuration.bind(service, action)
  }

  /** @param status 0: the client went away before there was an answer, counted as 499 */
  count(status: number, tookMs: number): void {
    const counter = this.#statuses[status] ?? this.#bind(status)
    counter.value++
    this.#duration.observe(tookMs / 1000)
  }

  #bind(status: number): Counter {
    if (status === 0) {
      const gone = this.#statuses[499] ?? this.#bind(499)
      this.#statuses[0] = gone
      return gone
    }
    if (status < 100 || status > MOST_STATUS) {
      this.#strange ??= this.#own.gatewayRequests.bind(this.#service, this.#action, 'other')
      return this.#strange
    }
    const made = this.#own.gatewayRequests.bind(this.#service, this.#action, String(status))
    this.#statuses[status] = made
    return made
  }
}

export class GatewayMetrics {
  readonly #own: OwnMetrics
  readonly #errors: CodeCounters
  readonly #routes = new Map<string, RouteRequests>()
  /** Requests that no route was found for. */
  readonly none: RouteRequests

  constructor(own: OwnMetrics) {
    this.#own = own
    this.#errors = new CodeCounters((code) => own.errors.bind('gateway', code))
    this.none = new RouteRequests(own, 'none', 'none')
  }

  route(service: string, action: string): RouteRequests {
    const name = `${service}/${action}`
    const known = this.#routes.get(name) ?? new RouteRequests(this.#own, service, action)
    this.#routes.set(name, known)
    return known
  }

  failed(error: GomsError): void {
    this.#errors.of(error.code).value++
  }
}
