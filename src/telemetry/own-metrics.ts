/** Every metric of goms itself: name, labels and what it says, in one place. docs/guide/metrics.md has the same table. */
import type { CounterFamily, GaugeFamily, HistogramFamily, OwnOptions } from './metric-family.ts'
import type { MetricsRegistry } from './metrics.ts'
import type { MergeRule, MetricType } from './metrics-snapshot.ts'

/** Names as Prometheus wants them: https://prometheus.io/docs/practices/naming/. */
interface Description {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  readonly merge?: MergeRule
}

const COUNTERS = {
  calls: {
    name: 'goms_calls_total',
    help: 'Calls that this process made, by how they ended. OK: an answer began, whatever became of its body.',
    labels: ['service', 'action', 'code'],
  },
  attempts: {
    name: 'goms_attempts_total',
    help: 'Attempts of calls, by how far each got.',
    labels: ['service', 'action', 'stage'],
  },
  retries: { name: 'goms_retries_total', help: 'Attempts after the first.', labels: ['service', 'action'] },
  nodeAttempts: {
    name: 'goms_node_attempts_total',
    help: 'Attempts by node; gone five minutes after the node.',
    labels: ['service', 'node', 'outcome'],
  },
  passedOver: {
    name: 'goms_passed_over_total',
    help: 'Nodes that an attempt was kept from by a rule of the route: an open breaker, a full limiter.',
    labels: ['service', 'action', 'rule'],
  },
  limiterRefusals: {
    name: 'goms_limiter_refusals_total',
    help: 'Calls refused before any attempt because a limit was used up.',
    labels: ['service', 'action'],
  },
  limiterUnanswered: {
    name: 'goms_limiter_unanswered_total',
    help: 'Calls of routes whose limit the project shares that were not counted, because Redis was away or late; "open" were let through, "closed" refused.',
    labels: ['service', 'action', 'on_error'],
  },
  errors: {
    name: 'goms_errors_total',
    help: 'Errors by code, HTTP_5XX where an answer of the application had none: of calls made, calls served, and requests at the gateway.',
    labels: ['side', 'code'],
  },
  gatewayRequests: {
    name: 'goms_gateway_requests_total',
    help: 'Requests that the gateway answered, by route and status; "cut" where the node, or the time of the whole answer, ended it before it was out. Without a route: service and action are "none".',
    labels: ['service', 'action', 'status'],
  },
  served: {
    name: 'goms_served_calls_total',
    help: 'Calls that services of this process served.',
    labels: ['service', 'transport', 'method', 'code'],
  },
  emitted: {
    name: 'goms_events_emitted_total',
    help: 'Events that this process emitted, by how that ended. OK: the broker has it.',
    labels: ['service', 'event', 'code'],
  },
  droppedSeries: {
    name: 'goms_metrics_dropped_series_total',
    help: 'Times that a series had no place, in lines of this page; see metrics.maxSeries.',
  },
  exported: {
    name: 'goms_export_sent_total',
    help: 'Spans and log lines that were sent, by where to.',
    labels: ['exporter'],
  },
  exportDropped: {
    name: 'goms_export_dropped_total',
    help: 'Spans and log lines that were dropped, by where they should have gone.',
    labels: ['exporter'],
  },
  logLinesDropped: {
    name: 'goms_log_lines_dropped_total',
    help: 'Log lines that were dropped because nobody took them.',
  },
  cpu: { name: 'process_cpu_seconds_total', help: 'CPU time, of user and system.', merge: 'each' },
} as const

const HISTOGRAMS = {
  callDuration: {
    name: 'goms_call_duration_seconds',
    help: 'Time from the start of a call to its answer, waits and retries included.',
    labels: ['service', 'action'],
  },
  gatewayDuration: {
    name: 'goms_gateway_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer.',
    labels: ['service', 'action'],
  },
  servedDuration: {
    name: 'goms_served_call_duration_seconds',
    help: 'Time from the arrival of a call to its answer.',
    labels: ['service', 'transport', 'method'],
  },
} as const

const GAUGES = {
  retryBudget: { name: 'goms_retry_budget', help: 'Retries that could be paid for now.', labels: ['service'] },
  endpointInFlight: {
    name: 'goms_endpoint_in_flight',
    help: 'Attempts in progress at a node.',
    labels: ['service', 'node'],
  },
  endpointSessions: {
    name: 'goms_endpoint_sessions',
    help: 'Upgraded connections and event streams at a node.',
    labels: ['service', 'node'],
  },
  breakerState: {
    name: 'goms_breaker_state',
    help: 'Breaker of a route at a node: 0 closed, 1 half-open, 2 open.',
    labels: ['service', 'action', 'node'],
    merge: 'max',
  },
  poolConnections: { name: 'goms_pool_connections', help: 'HTTP connections to a node.', labels: ['node', 'state'] },
  poolWaiting: { name: 'goms_pool_waiting', help: 'Requests that wait for a connection to a node.', labels: ['node'] },
  inFlight: { name: 'goms_in_flight', help: 'Requests and calls in progress.', labels: ['service'] },
  sessions: { name: 'goms_sessions', help: 'Upgraded connections and event streams.', labels: ['service'] },
  ready: { name: 'goms_ready', help: 'Whether the node is ready: 1 or 0.', labels: ['service'], merge: 'max' },
  registryConnected: {
    name: 'goms_registry_connected',
    help: 'Whether the registry can be reached: 1 or 0.',
    merge: 'max',
  },
  registryAge: { name: 'goms_registry_age_seconds', help: 'Time since the registry was last heard of.', merge: 'max' },
  registryNodes: {
    name: 'goms_registry_nodes',
    help: 'Nodes of a service that the registry shows.',
    labels: ['service'],
    merge: 'max',
  },
  registrySkipped: {
    name: 'goms_registry_skipped_keys',
    help: 'Keys and values met so far that cannot be a node.',
    merge: 'max',
  },
  routesNumber: {
    name: 'goms_routes_number',
    help: 'Number of the shared routes in force; 0: those of the files are.',
    merge: 'max',
  },
  exportWaiting: {
    name: 'goms_export_waiting',
    help: 'Spans and log lines that wait to be sent.',
    labels: ['exporter'],
  },
  loopDelayMedian: {
    name: 'goms_event_loop_delay_p50_seconds',
    help: 'How late timers were lately: half of them no later than this.',
    merge: 'each',
  },
  loopDelayHigh: {
    name: 'goms_event_loop_delay_p99_seconds',
    help: 'How late timers were lately: 99 of 100 no later than this.',
    merge: 'each',
  },
  loopDelayMost: {
    name: 'goms_event_loop_delay_max_seconds',
    help: 'How late timers were lately: none later than this.',
    merge: 'each',
  },
  residentMemory: { name: 'process_resident_memory_bytes', help: 'Resident memory.', merge: 'each' },
  heapUsed: { name: 'goms_heap_used_bytes', help: 'Heap of JavaScript in use.', merge: 'each' },
  external: { name: 'goms_external_memory_bytes', help: 'Buffers and the like outside of the heap.', merge: 'each' },
  openFiles: { name: 'process_open_fds', help: 'Open file descriptors, on Linux.', merge: 'each' },
  started: { name: 'process_start_time_seconds', help: 'When the process started, since 1970.', merge: 'each' },
  info: {
    name: 'goms_info',
    help: 'Always 1; the labels say what runs.',
    labels: ['version', 'node_version'],
    merge: 'max',
  },
} as const

/** The families that a process counts in. */
export type OwnMetrics = Readonly<Record<keyof typeof COUNTERS, CounterFamily<string>>> &
  Readonly<Record<keyof typeof HISTOGRAMS, HistogramFamily<string>>> &
  Readonly<Record<keyof typeof GAUGES, GaugeFamily<string>>>

export function createOwnMetrics(registry: MetricsRegistry): OwnMetrics {
  return {
    ...made(COUNTERS, (it) => registry.counter<string>(it.name, { ...it, bound: boundOf(it) })),
    ...made(HISTOGRAMS, (it) => registry.histogram<string>(it.name, { ...it, bound: boundOf(it) })),
    ...made(GAUGES, (it) => registry.gauge<string>(it.name, { ...it, bound: boundOf(it) })),
  }
}

/** What grows with routes and methods must not take the place of what tells of nodes, nor both of what tells of the process itself. */
function boundOf({ labels = [] }: Description): NonNullable<OwnOptions['bound']> {
  if (labels.includes('node')) return 'nodes'
  return labels.some((label) => label === 'action' || label === 'method' || label === 'event') ? 'shared' : 'none'
}

function made<K extends string, Made>(
  table: Readonly<Record<K, Description>>,
  make: (description: Description) => Made,
): Record<K, Made> {
  const entries = Object.entries<Description>(table).map(([key, description]) => [key, make(description)])
  return Object.fromEntries(entries)
}

/** All of them, for the documents and what checks dashboards. */
export const OWN_METRICS: readonly (Description & { readonly type: MetricType })[] = [
  ...Object.values(COUNTERS).map((it) => ({ ...it, type: 'counter' as const })),
  ...Object.values(HISTOGRAMS).map((it) => ({ ...it, type: 'histogram' as const })),
  ...Object.values(GAUGES).map((it) => ({ ...it, type: 'gauge' as const })),
]
