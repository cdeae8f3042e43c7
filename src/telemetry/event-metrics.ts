/** Counts the events that a process emits. */
import type { EventObserver, ObserveEvents } from '../core/observe.ts'
import { CodeCounters } from './code-label.ts'
import type { OwnMetrics } from './own-metrics.ts'

/** Each is bound when it is first emitted. */
export function eventMetrics(own: OwnMetrics): ObserveEvents {
  const errors = new CodeCounters((code) => own.errors.bind('call', code))
  return (service, name) => emittedEvents(own, errors, service, name)
}

function emittedEvents(own: OwnMetrics, errors: CodeCounters, service: string, name: string): EventObserver {
  const codes = new CodeCounters((code) => own.emitted.bind(service, name, code))
  return {
    emitted(_trace, failing) {
      const status = failing === undefined ? 200 : 500
      codes.count(status, failing?.code)
      errors.countError(status, failing?.code)
    },
  }
}
