/** What a gateway's primary process and its workers say to each other. */
import type { AccessEntry, LogLevel } from '../core/log.ts'
import type { Address, Transport } from '../core/node.ts'
import type { Settings } from '../core/options.ts'
import type { ClusterStats } from '../gateway/cluster.ts'
import type { ViewMessage } from '../registry/mirror.ts'
import type { Registry } from '../registry/registry.ts'
import type { Share } from '../resilience/share.ts'
import type { MetricsSnapshot } from '../telemetry/metrics-snapshot.ts'

/** Hard evidence against a node. */
export interface Evidence {
  readonly node: string
  readonly transport: Transport
}

/** Numbers by service. */
export type StatsList = readonly (readonly [service: string, stats: ClusterStats])[]

export interface WorkerReport {
  readonly connections: number
  readonly inFlight: number
  readonly sessions: number
  readonly stats: StatsList
}

/** What a worker leaves behind. */
export interface LastReport extends WorkerReport {
  readonly metrics: MetricsSnapshot
}

export interface LoadOrder {
  /** The gateway's file. */
  readonly file: string
  readonly settings: Settings
  readonly share: Share
}

export interface OpenOrder {
  readonly kind: Registry['kind']
  readonly callKey: string | undefined
  /** Name of the node, `<rpc address>_<http address>`. */
  readonly node: string
  /** What the primary's view shows now; what changes from now on follows. */
  readonly view: readonly ViewMessage[]
  readonly ready: boolean
}

export interface ListenOrder {
  readonly port: number
  readonly host: string | undefined
  readonly reusePort: boolean
}

/** What the primary asks of a worker, with what comes back. A server or socket may go along. */
export interface Orders {
  load(input: LoadOrder): void
  open(input: OpenOrder): void
  /** With a server, that one is taken over. */
  listen(input: ListenOrder): Address
  /** Sends the server that listens as `listener`, and accepts no more. */
  handOver(input: undefined): void
  /** A connection that was accepted while the server changed hands. */
  connection(input: undefined): void
  view(input: ViewMessage): void
  settings(input: Settings): void
  ready(input: boolean): void
  evidence(input: Evidence): void
  report(input: undefined): WorkerReport
  /** All that it counts; more than a report, so only when somebody wants to see it. */
  metrics(input: undefined): MetricsSnapshot
  /** Sessions end after so many milliseconds. */
  drain(input: number): void
  /** Each answer is the last of its connection. */
  lastAnswers(input: undefined): void
  /** Comes back when nothing is in progress. */
  idle(input: undefined): void
  /** Leaves by itself while others serve: accepts no more, finishes, ends. */
  retire(input: { readonly drainMs: number; readonly graceMs: number }): void
  /** Ends, at the latest after so many milliseconds. */
  close(input: number): void
}

/** What a worker tells and asks its primary. */
export interface Reports {
  /** It hears what it is told from now on. */
  up(input: undefined): void
  log(input: { level: LogLevel; message: string; fields: Readonly<Record<string, unknown>> | undefined }): void
  /** Requests that it answered, for the access log. */
  access(input: readonly AccessEntry[]): void
  evidence(input: Evidence): void
  /** The numbers of the whole gateway, for its page. */
  gather(input: undefined): { readonly stats: StatsList; readonly partial: boolean }
  listener(input: undefined): void
  /** What it counted until its end. */
  last(input: LastReport): void
}
