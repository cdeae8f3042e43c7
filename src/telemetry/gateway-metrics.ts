/** Counts the requests of a gateway by route: whatever paths clients make up, those without a route are one series. */
import type { GatewayRequest, ObserveRequests, RequestObserver } from '../core/observe.ts'
import { CodeCounters } from './code-label.ts'
import type { Counter, Histogram } from './metric-kinds.ts'
import type { OwnMetrics } from './own-metrics.ts'

/** In the place of service and action where there is no route. */
const NO_ROUTE = 'none'
/** What requests are counted as whose client went away before its answer was out. */
const GONE = 499
/** The answer was not sent whole and its client is not to blame, whatever status it began with. */
const CUT = 'cut'
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
  #duration: Histogram | undefined
  #cut: Counter | undefined
  /** By status, each looked up once. */
  readonly #statuses: (Counter | undefined)[] = new Array(MOST_STATUS + 1)

  constructor(own: OwnMetrics, errors: CodeCounters, service: string, action: string) {
    this.#own = own
    this.#errors = errors
    this.#service = service
    this.#action = action
  }

  request({ status, error, cut, startedMs }: GatewayRequest, complete: boolean, nowMs: number): void {
    if (cut !== undefined) this.#cutOff(cut)
    else {
      const shown = complete ? status : GONE
      const counter = this.#statuses[shown] ?? this.#bind(shown)
      counter.value++
    }
    this.#duration ??= this.#own.gatewayDuration.bind(this.#service, this.#action)
    this.#duration.observe((nowMs - startedMs) / 1000)
    if (cut === undefined) this.#errors.countError(status, error?.code)
  }

  refused(status: number): void {
    const counter = this.#statuses[status] ?? this.#bind(status)
    counter.value++
  }

  #cutOff(by: 'node' | 'deadline'): void {
    this.#cut ??= this.#own.gatewayRequests.bind(this.#service, this.#action, CUT)
    this.#cut.value++
    this.#errors.of(by === 'node' ? 'BAD_GATEWAY' : 'DEADLINE_EXCEEDED').value++
  }

  #bind(status: number): Counter {
    const label = status === 0 ? GONE : status > MOST_STATUS ? 'other' : status
    const made = this.#own.gatewayRequests.bind(this.#service, this.#action, String(label))
    if (status <= MOST_STATUS) this.#statuses[status] = made
    return made
  }
}
