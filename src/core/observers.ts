/** Several who want to know of calls, as one. */
import type {
  EventObserver,
  ObserveEvents,
  ObserveOutbound,
  ObserveRequests,
  Observers,
  ObserveServed,
  OutboundObserver,
  RequestObserver,
  ServedObserver,
} from './observe.ts'

/** Told in the order given. Where only one wants to know it is the one itself: nothing stands between. */
export function joinObservers(all: readonly Observers[]): Observers {
  return {
    outbound: joined<ObserveOutbound>(
      all.map((one) => one.outbound),
      (asked) => (service, action) => outboundOf(told(asked, (ask) => ask(service, action))),
    ),
    served: joined<ObserveServed>(
      all.map((one) => one.served),
      (asked) => (service, transport, method) => servedOf(told(asked, (ask) => ask(service, transport, method))),
    ),
    events: joined<ObserveEvents>(
      all.map((one) => one.events),
      (asked) => (service, name) => eventsOf(told(asked, (ask) => ask(service, name))),
    ),
    requests: joined<ObserveRequests>(
      all.map((one) => one.requests),
      (asked) => (route, gateway) => requestsOf(told(asked, (ask) => ask(route, gateway))),
    ),
  }
}

function joined<Ask>(all: readonly (Ask | undefined)[], join: (asked: readonly Ask[]) => Ask): Ask | undefined {
  const asked = all.filter((one) => one !== undefined)
  return asked.length < 2 ? asked[0] : join(asked)
}

function told<Ask, One>(asked: readonly Ask[], ask: (one: Ask) => One | undefined): readonly One[] {
  return asked.map(ask).filter((one) => one !== undefined)
}

function outboundOf(all: readonly OutboundObserver[]): OutboundObserver | undefined {
  if (all.length < 2) return all[0]
  return {
    attempt(call, attempt, outcome, startedMs, nowMs) {
      for (const one of all) one.attempt(call, attempt, outcome, startedMs, nowMs)
    },
    call(call, attempts, outcome, error, startedMs, nowMs) {
      for (const one of all) one.call(call, attempts, outcome, error, startedMs, nowMs)
    },
    local(call, outcome, error, startedMs, nowMs) {
      for (const one of all) one.local(call, outcome, error, startedMs, nowMs)
    },
  }
}

function servedOf(all: readonly ServedObserver[]): ServedObserver | undefined {
  if (all.length < 2) return all[0]
  return {
    served(call, status, failing, startedMs, nowMs) {
      for (const one of all) one.served(call, status, failing, startedMs, nowMs)
    },
  }
}

function requestsOf(all: readonly RequestObserver[]): RequestObserver | undefined {
  if (all.length < 2) return all[0]
  return {
    request(request, complete, nowMs) {
      for (const one of all) one.request(request, complete, nowMs)
    },
    refused(status, address) {
      for (const one of all) one.refused(status, address)
    },
  }
}

function eventsOf(all: readonly EventObserver[]): EventObserver | undefined {
  if (all.length < 2) return all[0]
  return {
    emitted(trace, failing, startedMs, nowMs) {
      for (const one of all) one.emitted(trace, failing, startedMs, nowMs)
    },
  }
}
