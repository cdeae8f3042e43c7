/** Counts the calls that services of a process serve: by method over RPC, by HTTP method only over HTTP, where paths are anybody's. */
import type { GomsError } from '../core/errors.ts'
import type { Served } from '../core/observe.ts'
import { CodeCounters } from './code-label.ts'
import type { Histogram } from './metric-kinds.ts'
import type { OwnMetrics } from './own-metrics.ts'

const HTTP_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

class MethodCalls {
  readonly #codes: CodeCounters
  readonly #errors: CodeCounters
  readonly #duration: Histogram

  constructor(own: OwnMetrics, errors: CodeCounters, service: string, transport: string, method: string) {
    this.#codes = new CodeCounters((code) => own.served.bind(service, transport, method, code))
    this.#errors = errors
    this.#duration = own.servedDuration.bind(service, transport, method)
  }

  count(status: number, error: GomsError | undefined, tookMs: number): void {
    this.#codes.count(status, error)
    this.#duration.observe(tookMs / 1000)
    if (error !== undefined) this.#errors.of(error.code).value++
  }
}

export class ServedMetrics {
  readonly #own: OwnMetrics
  readonly #errors: CodeCounters

  constructor(own: OwnMetrics) {
    this.#own = own
    this.#errors = new CodeCounters((code) => own.errors.bind('served', code))
  }

  /** What counts for one service. */
  of(service: string): (served: Served) => void {
    const http = new Map<string, MethodCalls>()
    const rpc = new Map<string, MethodCalls>()
    const methodOf = (known: Map<string, MethodCalls>, transport: string, method: string): MethodCalls => {
      const found = known.get(method) ?? new MethodCalls(this.#own, this.#errors, service, transport, method)
      known.set(method, found)
      return found
    }
    return ({ transport, name, status, error, startedMs, endedMs }) => {
      const took = endedMs - startedMs
      if (transport === 'http') {
        const method = name.slice(0, name.indexOf(' '))
        methodOf(http, 'http', HTTP_METHODS.has(method) ? method : 'OTHER').count(status, error, took)
        return
      }
      // A name that the service does not have may be anything.
      const isNone = error?.code === 'UNIMPLEMENTED' && !rpc.has(name)
      methodOf(rpc, 'rpc', isNone ? 'none' : name).count(status, error, took)
    }
  }
}
