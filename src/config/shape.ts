/** What the configuration files may hold, as types. `schema.ts` checks files against it; the compiler holds both together. */

import type { TraceOptions } from '../core/observability-options.ts'
import type { BalanceOptions, Compat, ServerTlsOptions, TlsOptions } from '../core/options.ts'

/** A limiter as a block. */
export interface LimiterFile {
  calls: number
  per: number
  shared?: boolean | undefined
  onError?: 'open' | 'closed' | undefined
  timeout?: number | undefined
}

/** One route as a file gives it. Durations in milliseconds. */
export interface RouteFile {
  path?: string | undefined
  type?: string | undefined
  method?: string | string[] | undefined
  limiter?: string | LimiterFile | undefined
  breaker?: string | undefined
  callLimit?: string | undefined
  timeout?: number | undefined
  totalTimeout?: number | undefined
  retries?: number | undefined
  retryBusy?: boolean | undefined
  idempotent?: boolean | undefined
  idempotencyKey?: boolean | undefined
  envelope?: boolean | undefined
  maxBodyBytes?: number | undefined
  select?: { version?: string | undefined; zone?: string | undefined } | undefined
}

/** A plain string is the path. */
export type RoutesFile = Record<string, Record<string, string | RouteFile>>

export interface CorsFile {
  origins: string | string[]
  methods?: string | string[] | undefined
  headers?: string | string[] | undefined
  exposedHeaders?: string | string[] | undefined
  credentials?: boolean | undefined
  maxAge?: number | undefined
}

export interface ServerTlsFile {
  cert: string
  key: string
  ca?: string | undefined
  minVersion?: ServerTlsOptions['minVersion'] | undefined
  clientCert?: ServerTlsOptions['clientCert'] | undefined
}

export interface TraceFile {
  sample?: number | undefined
  routes?: Record<string, number> | undefined
  errors?: boolean | undefined
  slow?: number | undefined
  capture?: TraceOptions['capture'] | undefined
  redact?: string | string[] | undefined
  propagate?: string | string[] | undefined
  otlpAddr?: string | undefined
}

export interface MetricsFile {
  enabled?: boolean | undefined
  maxSeries?: number | undefined
}

export interface ElasticsearchFile {
  logs?: boolean | undefined
  traces?: boolean | undefined
}

export interface GatewayFile {
  accessLog?: number | undefined
  requestId?: boolean | undefined
  serverTiming?: boolean | undefined
  workers?: number | 'auto' | undefined
  parser?: 'fast' | 'safe' | undefined
  envelope?: boolean | undefined
  cluster?: 'private' | 'public' | 'off' | undefined
  cors?: boolean | string | string[] | CorsFile | undefined
  trustedProxies?: string | string[] | undefined
  lbDrain?: number | undefined
  tls?: ServerTlsFile | undefined
  http2?: boolean | undefined
  maxHeaderBytes?: number | undefined
  maxHeaderCount?: number | undefined
  maxTargetBytes?: number | undefined
  maxBodyBytes?: number | undefined
  headTimeout?: number | undefined
  bodyTimeout?: number | undefined
  answerTimeout?: number | undefined
  keepAliveTimeout?: number | undefined
  maxConnections?: number | undefined
  idleTimeout?: number | undefined
  connectTimeout?: number | undefined
  maxConnectionsPerNode?: number | undefined
  maxWaitingPerNode?: number | undefined
}

export interface AdvertiseFile {
  host?: string | undefined
  interface?: string | undefined
  cidr?: string | undefined
  httpPort?: number | undefined
  rpcPort?: number | undefined
}

/** go-garden's `service:` block. Most of it is moved to our keys before anything is checked. */
export interface GardenFile {
  serviceName?: string | undefined
}

/** All files of a configuration directory together. */
export interface ConfigFile {
  projectName?: string | undefined
  callServiceKey?: string | undefined
  admit?: 'keyed' | 'go' | undefined
  registry?: string | undefined
  etcdAddr?: string | string[] | undefined
  etcdUser?: string | undefined
  etcdPassword?: string | undefined
  etcdTls?: TlsOptions | undefined
  embeddedPort?: number | undefined
  registryDialect?: 'goms' | 'go-garden' | undefined
  registryTimeout?: number | undefined
  leaseTtl?: number | undefined
  httpPort?: number | undefined
  rpcPort?: number | undefined
  host?: string | undefined
  advertise?: AdvertiseFile | undefined
  adminHost?: string | undefined
  adminPort?: number | 'off' | undefined
  services?: RoutesFile | undefined
  publishRoutes?: boolean | undefined
  timeout?: number | undefined
  totalTimeout?: number | undefined
  retries?: number | undefined
  callRetry?: string | undefined
  retryBusy?: boolean | undefined
  limiter?: string | LimiterFile | undefined
  breaker?: string | undefined
  callLimit?: string | undefined
  balance?: BalanceOptions | { [service: string]: BalanceOptions } | undefined
  compat?: Compat | undefined
  gateway?: GatewayFile | undefined
  drain?: number | undefined
  terminationGrace?: number | undefined
  log?: 'human' | 'json' | undefined
  debug?: boolean | undefined
  runtime?: string | undefined
  trace?: TraceFile | undefined
  metrics?: MetricsFile | undefined
  elasticsearch?: ElasticsearchFile | undefined
  zipkinAddr?: string | undefined
  redisAddr?: string | undefined
  esAddr?: string | undefined
  amqpAddr?: string | undefined
  service?: GardenFile | undefined
  config?: Record<string, unknown> | undefined
}
