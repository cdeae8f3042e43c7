/** The settings of a process, resolved: every duration in milliseconds, every written form (`"5/100"`) parsed once. */
import type { ElasticsearchOptions, MetricsOptions, TraceOptions } from './observability-options.ts'

/** At most `calls` in any `perMs`. Written `"5/100"`: 100 in 5 seconds. */
export interface Rate {
  readonly calls: number
  readonly perMs: number
}

/** At most `calls` in any `perMs` in a whole project, whoever calls; counted in Redis. */
export interface SharedRate extends Rate {
  readonly shared: true
  /** What becomes of a call while nobody can be asked: let through, or refused. @default 'open' */
  readonly onError: 'open' | 'closed'
  /** How long a call waits for an answer. @default 50 */
  readonly timeoutMs: number
}

/** How a call is treated on the way. */
export interface Policy {
  /** Until the head of the answer (RPC: the answer), waits and retries included. @default 10000 */
  readonly timeoutMs: number
  /** Until the end of the answer. @default undefined (no total) */
  readonly totalTimeoutMs: number | undefined
  /** Further attempts after the first, 0 to 10. @default 1 */
  readonly retries: number
  /** Waits before the second, third … attempt; undefined: none, then full jitter from 25 to 250. */
  readonly retryWaitsMs: readonly number[] | undefined
  /** `loose`: as the original did (`compat: goms`), whatever was sent and whether or not it is idempotent. */
  readonly retryRule: 'safe' | 'loose'
  /** Whether 503 and 429 without proof may be tried again. @default false */
  readonly retryBusy: boolean
  /** Per calling process, node and route, one token an attempt. */
  readonly limiter: Rate | undefined
  /** Of a route's limiter that the project shares: per route, one token a call. Then there is no `limiter`. */
  readonly sharedLimiter: SharedRate | undefined
  /** Opens after that many errors in that window; per calling process, node and route. */
  readonly breaker: Rate | undefined
  /** Per calling process and route, before the pick. */
  readonly callLimit: Rate | undefined
}

/** One route as one source gives it; a field that the source leaves out is undefined and taken from the next one. */
export interface RouteOptions {
  /** Path at the service, starting with `/`. */
  readonly path?: string | undefined
  readonly type?: 'http' | 'rpc' | undefined
  /** HTTP methods that are let through, upper case; undefined: any. */
  readonly methods?: readonly string[] | undefined
  readonly timeoutMs?: number | undefined
  readonly totalTimeoutMs?: number | undefined
  readonly retries?: number | undefined
  readonly retryBusy?: boolean | undefined
  readonly limiter?: Rate | SharedRate | undefined
  readonly breaker?: Rate | undefined
  readonly callLimit?: Rate | undefined
  /** PUT and DELETE, or any method, may be repeated. */
  readonly idempotent?: boolean | undefined
  /** A request with an `Idempotency-Key` may be repeated. */
  readonly idempotencyKey?: boolean | undefined
  /** Add `"status":true` to JSON answers. */
  readonly envelope?: boolean | undefined
  /** Body bytes of a request, instead of the gateway's. */
  readonly maxBodyBytes?: number | undefined
  /** Only nodes of this version or zone. */
  readonly select?: { readonly version?: string | undefined; readonly zone?: string | undefined } | undefined
}

/** Routes by service and action. */
export type Routes = Readonly<Record<string, Readonly<Record<string, RouteOptions>>>>

/** The balancers that a name chooses. */
export const BALANCERS: readonly ['round-robin', 'weighted', 'random', 'least-in-flight', 'p2c'] = [
  'round-robin',
  'weighted',
  'random',
  'least-in-flight',
  'p2c',
]

/** How the next node is chosen; `hash` goes by the value of a header, cookie or query parameter. */
export type BalanceOptions =
  | (typeof BALANCERS)[number]
  | { readonly hash: { readonly header?: string; readonly cookie?: string; readonly query?: string } }

export interface TlsOptions {
  /** Paths of PEM files. */
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly serverName?: string | undefined
}

/** TLS at a gateway's door. All paths are of PEM files, which are read again when they change. */
export interface ServerTlsOptions {
  /** The certificate, with those between it and the authority behind it. */
  readonly cert: string
  readonly key: string
  /** Authorities that certificates of clients must come from. */
  readonly ca?: string | undefined
  /** @default 'TLSv1.2' */
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3'
  /**
   * `request`: a client may show a certificate, and one that is not valid is refused; `require`: it must show a valid one.
   * @default 'none'
   */
  readonly clientCert: 'none' | 'request' | 'require'
}

export interface RegistryOptions {
  readonly kind: 'memory' | 'embedded' | 'etcd'
  /** `host:port` of etcd, in order of preference. */
  readonly endpoints: readonly string[]
  readonly user: string | undefined
  readonly password: string | undefined
  readonly tls: TlsOptions | undefined
  /** First port of the embedded registry on loopback. @default 24379 */
  readonly embeddedPort: number
  /** How our keys are written. @default 'goms' */
  readonly dialect: 'goms' | 'go-garden'
  /** Lease of a registration. @default 10000 */
  readonly leaseTtlMs: number
  /** How long a starting process tries to reach the registry before it gives up. @default 10000 */
  readonly connectTimeoutMs: number
}

/** What addresses a node tells the others. */
export interface AdvertiseOptions {
  readonly host?: string | undefined
  /** Name of a network interface, `eth0`. */
  readonly interface?: string | undefined
  /** The first address within, `10.0.0.0/8`. */
  readonly cidr?: string | undefined
  readonly httpPort?: number | undefined
  readonly rpcPort?: number | undefined
}

export interface CorsOptions {
  /** Origins that may read answers; `*` lets all, without credentials. */
  readonly origins: readonly string[]
  readonly methods?: readonly string[] | undefined
  readonly headers?: readonly string[] | undefined
  readonly exposedHeaders?: readonly string[] | undefined
  /** Cookies and authorization from other origins; refused with `*`. @default false */
  readonly credentials?: boolean | undefined
  readonly maxAgeMs?: number | undefined
}

/** Whose codes and texts the gateway's own failures carry. */
export type Compat = 'native' | 'goms' | 'go-garden'

export interface GatewayOptions {
  readonly compat: Compat
  /** Share of the requests that get a line in the log, 0 to 1; above 0 those answered 5xx always do. @default 0 */
  readonly accessLog: number
  /** Requests get an `X-Request-Id`, a client's own or their trace id, and answers tell it. @default true */
  readonly requestId: boolean
  /** Answers tell in `Server-Timing` how long node and gateway took. @default false */
  readonly serverTiming: boolean
  /** Processes that serve the HTTP port; `auto`: as many as `os.availableParallelism()` says. @default 1 */
  readonly workers: number | 'auto'
  /** What reads requests: our own strict parser on raw sockets, or node:http at several times the cost. @default 'fast' */
  readonly parser: 'fast' | 'safe'
  /** @default true */
  readonly envelope: boolean
  /** Who may read `/cluster`. @default 'private' */
  readonly cluster: 'private' | 'public' | 'off'
  readonly cors: CorsOptions | undefined
  /** Addresses or CIDRs whose X-Forwarded-* are believed. */
  readonly trustedProxies: readonly string[]
  /** How long new connections are still served after `/-/ready` says no. @default 6000 */
  readonly lbDrainMs: number
  /** Undefined: plain HTTP. */
  readonly tls: ServerTlsOptions | undefined
  /** Clients may speak HTTP/2; only over TLS. @default true */
  readonly http2: boolean
  /** Header bytes of a request, its first line included; more are answered 431. @default 16384 */
  readonly maxHeaderBytes: number
  /** Header fields of a request; more are answered 431. @default 128 */
  readonly maxHeaderCount: number
  /** Bytes of a request's target; more are answered 414. @default 8192 */
  readonly maxTargetBytes: number
  /** Body bytes of a request; more are answered 413. @default Infinity */
  readonly maxBodyBytes: number
  /** For a request's head to arrive, from its first byte; then 408. For a TLS handshake as well. @default 10000 */
  readonly headTimeoutMs: number
  /** In which a body that is waited for must go on by 256 bytes at least; then 408. @default 10000 */
  readonly bodyTimeoutMs: number
  /** How long a client may take nothing of an answer that waits for it. @default 10000 */
  readonly answerTimeoutMs: number
  /** How long a client's connection without a request is kept. @default 75000 */
  readonly keepAliveTimeoutMs: number
  /** Connections of clients at once; one more is answered 503 and closed, over TLS closed only. @default 32768 */
  readonly maxConnections: number
  /** Silence of a node within its answer, and on a session, before it is cut. @default 60000 */
  readonly idleTimeoutMs: number
  /** @default 500 */
  readonly connectTimeoutMs: number
  /** Connections to one node. @default 256 */
  readonly maxConnectionsPerNode: number
  /** Requests that wait for a connection to one node; one more is answered 503. @default 1024 */
  readonly maxWaitingPerNode: number
}

/** Everything a process goes by, after flags, environment, files and defaults. */
export interface Settings {
  /** Name that all services which see each other share; no `_`. @default 'goms' */
  readonly project: string
  readonly callKey: string | undefined
  /** RPC calls without any key are served, believing nothing of them. @default false */
  readonly admitGo: boolean
  readonly registry: RegistryOptions
  /** Addresses of optional components as the files give them. */
  readonly redisAddr: string | undefined
  readonly zipkinAddr: string | undefined
  readonly esAddr: string | undefined
  readonly amqpAddr: string | undefined
  /** Undefined: the role's default (gateway 8080 and 8180, services 0 and 0). */
  readonly httpPort: number | undefined
  readonly rpcPort: number | undefined
  /** Address to listen on. Undefined: all with etcd, loopback else. */
  readonly host: string | undefined
  readonly advertise: AdvertiseOptions
  readonly adminHost: string
  /** Undefined: rpcPort + 10000, or a free one. */
  readonly adminPort: number | 'off' | undefined
  readonly routes: Routes
  /** A save of the files that changes routes shares them with all processes of the project. @default false */
  readonly publishRoutes: boolean
  /** Defaults of all routes. */
  readonly policy: Policy
  readonly balance: { readonly default: BalanceOptions; readonly services: Readonly<Record<string, BalanceOptions>> }
  readonly gateway: GatewayOptions
  /** How long a node serves on after it has deregistered. @default 2000 */
  readonly drainMs: number
  /** The sum of all waits at the end stays below. @default 30000 */
  readonly terminationGraceMs: number
  readonly trace: TraceOptions
  readonly metrics: MetricsOptions
  readonly elasticsearch: ElasticsearchOptions
  readonly log: 'human' | 'json'
  /** Debug lines too. */
  readonly debug: boolean
  /** Directory for log files and what survives a restart; undefined: none is written. */
  readonly runtimeDir: string | undefined
  /** Keys of the user's own (`config:` in go-garden's files), as they stand. */
  readonly user: Readonly<Record<string, unknown>>
}

export const defaultPolicy: Policy = {
  timeoutMs: 10_000,
  totalTimeoutMs: undefined,
  retries: 1,
  retryWaitsMs: undefined,
  retryRule: 'safe',
  retryBusy: false,
  limiter: undefined,
  sharedLimiter: undefined,
  breaker: undefined,
  callLimit: undefined,
}

/** More workers of one gateway are a typing mistake. */
export const MOST_WORKERS = 256

export const defaultDrainMs = 2000

export const defaultGateway: GatewayOptions = {
  compat: 'native',
  accessLog: 0,
  requestId: true,
  serverTiming: false,
  workers: 1,
  parser: 'fast',
  envelope: true,
  cluster: 'private',
  cors: undefined,
  trustedProxies: [],
  lbDrainMs: 6000,
  tls: undefined,
  http2: true,
  maxHeaderBytes: 16_384,
  maxHeaderCount: 128,
  maxTargetBytes: 8192,
  maxBodyBytes: Number.POSITIVE_INFINITY,
  headTimeoutMs: 10_000,
  bodyTimeoutMs: 10_000,
  answerTimeoutMs: 10_000,
  keepAliveTimeoutMs: 75_000,
  maxConnections: 32_768,
  idleTimeoutMs: 60_000,
  connectTimeoutMs: 500,
  maxConnectionsPerNode: 256,
  maxWaitingPerNode: 1024,
}
