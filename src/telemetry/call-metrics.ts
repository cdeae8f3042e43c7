/** Counts the calls that a process makes: by route, and their attempts by node. */
import type { Attempt, Call, Outcome, Stage } from '../core/call.ts'
import type { GomsError } from '../core/errors.ts'
import type { ObserveOutbound, OutboundObserver } from '../core/observe.ts'
import { CodeCounters } from './code-label.ts'
import type { Counter, Histogram } from './metric-kinds.ts'
import type { NodeMetrics } from './node-metrics.ts'
import type { OwnMetrics } from './own-metrics.ts'

/** Each route is bound when it is first asked for, and keeps what it counted. */
export function callMetrics(own: OwnMetrics, nodes: NodeMetrics): ObserveOutbound {
  const routes = new Map<string, RouteCalls>()
  const errors = new CodeCounters((code) => own.errors.bind('call', code))
  return (service, action) => {
    const name = `${service}/${action}`
    const known = routes.get(name) ?? new RouteCalls(own, nodes, errors, service, action)
    routes.set(name, known)
    return known
  }
}

class RouteCalls implements OutboundObserver {
  readonly #own: OwnMetrics
  readonly #nodes: NodeMetrics
  readonly #errors: CodeCounters
  readonly #service: string
  readonly #action: string
  readonly #codes: CodeCounters
  readonly #duration: Histogram
  readonly #answered: Counter
  readonly #stages: Partial<Record<Stage, Counter>> = {}
  #retries: Counter | undefined
  #refusals: Counter | undefined

  constructor(own: OwnMetrics, nodes: NodeMetrics, errors: CodeCounters, service: string, action: string) {
    this.#own = own
    this.#nodes = nodes
    this.#errors = errors
    this.#service = service
    this.#action = action
    this.#codes = new CodeCounters((code) => own.calls.bind(service, action, code))
    this.#duration = own.callDuration.bind(service, action)
    this.#answered = own.attempts.bind(service, action, 'answered')
  }

  attempt(_call: Call, attempt: Attempt, outcome: Outcome): void {
    const { stage } = outcome
    if (stage === 'answered') this.#answered.value++
    else this.#stage(stage).value++
    if (attempt.number > 1) this.#retry().value++
    this.#nodes.count(attempt.node, stage, outcome.status)
  }

  call(
    _call: Call,
    attempts: number,
    status: number,
    error: GomsError | undefined,
    startedMs: number,
    nowMs: number,
  ): void {
    this.#codes.count(status, error)
    this.#duration.observe((nowMs - startedMs) / 1000)
    if (error === undefined) return
    this.#errors.of(error.code).value++
    if (attempts === 0 && error.code === 'RESOURCE_EXHAUSTED') this.#refused().value++
  }

  #stage(stage: Stage): Counter {
    const known = this.#stages[stage] ?? this.#own.attempts.bind(this.#service, this.#action, stage)
    this.#stages[stage] = known
    return known
  }

  #retry(): Counter {
    this.#retries ??= this.#own.retries.bind(this.#service, this.#action)
    return this.#retries
  }

  #refused(): Counter {
    this.#refusals ??= this.#own.limiterRefusals.bind(this.#service, this.#action)
    return this.#refusals
  }
}
