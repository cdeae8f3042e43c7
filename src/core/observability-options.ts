/** What a process tells of its calls, as settings: traces, metrics, what goes to Elasticsearch. */

/** The header formats that carry a trace on. */
export const TRACE_FORMATS: readonly ['w3c', 'b3', 'b3-single', 'uber'] = ['w3c', 'b3', 'b3-single', 'uber']
export type TraceFormat = (typeof TRACE_FORMATS)[number]

export interface TraceOptions {
  /** Share of the traces beginning here that are recorded, 0 to 1. @default 1 */
  readonly sample: number
  /** The same for some: by `service/action` or `service`, the more exact one first. */
  readonly routes: Readonly<Record<string, number>>
  /** Calls that fail are recorded whatever was drawn. @default true */
  readonly errors: boolean
  /** Calls that take longer are recorded whatever was drawn; Infinity: none. @default 1000 */
  readonly slowMs: number
  /** `redacted`: recorded calls keep method, path, query, headers and up to 4 KiB of body, secrets taken out. @default 'off' */
  readonly capture: 'off' | 'redacted'
  /** Names of further fields and headers that are secrets, in any case. */
  readonly redact: readonly string[]
  /** Written into requests to nodes. @default w3c and b3 */
  readonly propagate: readonly TraceFormat[]
  /** Where spans go by OTLP/HTTP: `http://host:4318/v1/traces`. */
  readonly otlpAddr: string | undefined
}

export interface MetricsOptions {
  /** @default true */
  readonly enabled: boolean
  /** Series beyond are dropped and counted. @default 10000 */
  readonly maxSeries: number
}

/** What is sent to `esAddr` by itself; an index for each day. */
export interface ElasticsearchOptions {
  /** To `logs-<date>`. @default true */
  readonly logs: boolean
  /** To `trace_logs-<date>`. @default true */
  readonly traces: boolean
}

export const defaultTrace: TraceOptions = {
  sample: 1,
  routes: {},
  errors: true,
  slowMs: 1000,
  capture: 'off',
  redact: [],
  propagate: ['w3c', 'b3'],
  otlpAddr: undefined,
}

export const defaultMetrics: MetricsOptions = { enabled: true, maxSeries: 10_000 }

export const defaultElasticsearch: ElasticsearchOptions = { logs: true, traces: true }
