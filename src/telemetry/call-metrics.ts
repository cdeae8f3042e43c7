/** Counts the calls that a process makes: by route, and their attempts by node. */
import type { Attempt, Call, Outcome, Stage } from '../core/call.ts'
import type { GomsError } from '../core/errors.ts'
import type { LocalCall, ObserveOutbound, OutboundObserver } from '../core/observe.ts'
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
  #duration: Histogram | undefined
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
  }

  attempt(_call: Call, attempt: Attempt, outcome: Outcome): void {
    const { stage } = outcome
    this.#stage(stage).value++
    if (attempt.number > 1) this.#retry().value++
    const { passedOver } = attempt
    if (passedOver !== undefined) {
      this.#own.passedOver.bind(this.#service, this.#action, 'breaker').value += passedOver.breaker
      this.#own.passedOver.bind(this.#service, this.#action, 'limiter').value += passedOver.limiter
    }
    this.#nodes.count(attempt.node, stage, outcome.status)
  }

  call(
    _call: Call,
    attempts: number,
    outcome: Outcome | undefined,
    error: GomsError | undefined,
    startedMs: number,
    nowMs: number,
  ): void {
    // A session ends when its parties like: until its head is what was waited for.
    this.#took(nowMs - startedMs)
    this.#end(outcome, error)
    if (attempts === 0 && error?.code === 'RESOURCE_EXHAUSTED') this.#refused().value++
  }

  local(
    _call: LocalCall,
    outcome: Outcome | undefined,
    error: GomsError | undefined,
    startedMs: number,
    nowMs: number,
  ): void {
    if (outcome !== undefined) this.#stage(outcome.stage).value++
    this.#took(nowMs - startedMs)
    this.#end(outcome, error)
  }

  /** Bound when there is something to tell: a route that nobody calls has no series. */
  #took(ms: number): void {
    this.#duration ??= this.#own.callDuration.bind(this.#service, this.#action)
    this.#duration.observe(ms / 1000)
  }

  #end(outcome: Outcome | undefined, error: GomsError | undefined): void {
    const code = error?.code ?? (outcome?.stage === 'cancelled' ? 'CANCELLED' : outcome?.code)
    this.#codes.count(outcome?.status ?? 0, code)
    this.#errors.countError(outcome?.status ?? 0, code)
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
