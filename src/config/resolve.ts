/** From what the files say to the settings a process goes by: written forms parsed, defaults filled in. */

import { limitersOf, toLimiter } from '../core/limit.ts'
import {
  defaultElasticsearch,
  defaultMetrics,
  defaultTrace,
  type TraceFormat,
  type TraceOptions,
} from '../core/observability-options.ts'
import {
  type BalanceOptions,
  type CorsOptions,
  defaultDrainMs,
  defaultGateway,
  defaultPolicy,
  type GatewayOptions,
  type Policy,
  type Rate,
  type RegistryOptions,
  type RouteOptions,
  type ServerTlsOptions,
  type Settings,
} from '../core/options.ts'
import { parseRate } from '../resilience/rate.ts'
import { splitList } from './flags.ts'
import type { ConfigFile, CorsFile, GatewayFile, RouteFile, RoutesFile, TraceFile } from './shape.ts'

/** What `compat: goms` waits before its two further attempts, as the original does. */
const GOMS_WAITS_MS: readonly number[] = [100, 200]

export function resolveSettings(file: ConfigFile, registry: RegistryOptions): Settings {
  return {
    project: file.projectName ?? 'goms',
    callKey: file.callServiceKey,
    admitGo: file.admit === 'go',
    registry,
    redisAddr: file.redisAddr,
    zipkinAddr: file.zipkinAddr,
    esAddr: file.esAddr,
    amqpAddr: file.amqpAddr,
    httpPort: file.httpPort,
    rpcPort: file.rpcPort,
    host: file.host,
    advertise: file.advertise ?? {},
    adminHost: file.adminHost ?? '127.0.0.1',
    adminPort: file.adminPort,
    routes: resolveRoutes(file.services ?? {}),
    publishRoutes: file.publishRoutes ?? false,
    policy: resolvePolicy(file),
    balance: resolveBalance(file.balance),
    gateway: resolveGateway(file.gateway ?? {}, file.compat),
    drainMs: file.drain ?? defaultDrainMs,
    terminationGraceMs: file.terminationGrace ?? 30_000,
    trace: resolveTrace(file.trace ?? {}),
    metrics: {
      enabled: file.metrics?.enabled ?? defaultMetrics.enabled,
      maxSeries: file.metrics?.maxSeries ?? defaultMetrics.maxSeries,
    },
    elasticsearch: {
      logs: file.elasticsearch?.logs ?? defaultElasticsearch.logs,
      traces: file.elasticsearch?.traces ?? defaultElasticsearch.traces,
    },
    log: file.log ?? 'human',
    debug: file.debug ?? false,
    runtimeDir: file.runtime,
    user: file.config ?? {},
  }
}

function resolveRoutes(services: RoutesFile): Settings['routes'] {
  return Object.fromEntries(
    Object.entries(services).map(([service, actions]) => [
      service,
      Object.fromEntries(Object.entries(actions).map(([action, route]) => [action, resolveRoute(route)])),
    ]),
  )
}

/** Fields that the file leaves out stay out: they come from the next source of the route. */
function resolveRoute(route: string | RouteFile): RouteOptions {
  if (typeof route === 'string') return { path: route }
  const type = route.type === 'out' ? 'http' : route.type === 'in' ? 'rpc' : (route.type as 'http' | 'rpc' | undefined)
  const methods = resolveMethods(route.method)
  return defined<RouteOptions>({
    path: route.path,
    type,
    methods,
    timeoutMs: route.timeout,
    totalTimeoutMs: route.totalTimeout,
    retries: route.retries,
    retryBusy: route.retryBusy,
    limiter: limiterOf(route.limiter),
    breaker: rateOf(route.breaker),
    callLimit: rateOf(route.callLimit),
    idempotent: route.idempotent,
    idempotencyKey: route.idempotencyKey,
    envelope: route.envelope,
    maxBodyBytes: route.maxBodyBytes,
    select: route.select,
  })
}

/** What `ANY` lets through: written out, because leaving the field out would let a contract's methods decide. */
const ANY: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

function resolveMethods(method: string | readonly string[] | undefined): readonly string[] | undefined {
  if (method === undefined) return undefined
  const methods = [method].flat().flatMap((text) => splitList(text.toUpperCase()))
  return methods.includes('ANY') ? ANY : [...new Set(methods)]
}

function resolvePolicy(file: ConfigFile): Policy {
  const waits = file.callRetry?.split('/').map(Number)
  const original = file.compat === 'goms' && waits === undefined && file.retries === undefined
  const retryWaitsMs = original ? GOMS_WAITS_MS : waits
  return {
    timeoutMs: file.timeout ?? defaultPolicy.timeoutMs,
    totalTimeoutMs: file.totalTimeout,
    retries: file.retries ?? retryWaitsMs?.length ?? defaultPolicy.retries,
    retryWaitsMs,
    retryRule: file.compat === 'goms' ? 'loose' : 'safe',
    retryBusy: file.retryBusy ?? defaultPolicy.retryBusy,
    ...limitersOf(limiterOf(file.limiter), defaultPolicy),
    breaker: rateOf(file.breaker),
    callLimit: rateOf(file.callLimit),
  }
}

function resolveBalance(balance: ConfigFile['balance']): Settings['balance'] {
  if (balance === undefined) return { default: 'round-robin', services: {} }
  if (isStrategy(balance)) return { default: balance, services: {} }
  const { default: fallback = 'round-robin', ...services } = balance
  return { default: fallback, services }
}

function isStrategy(balance: NonNullable<ConfigFile['balance']>): balance is BalanceOptions {
  return typeof balance === 'string' || 'hash' in balance
}

function resolveGateway(gateway: GatewayFile, compat: ConfigFile['compat']): GatewayOptions {
  return {
    compat: compat ?? defaultGateway.compat,
    accessLog: gateway.accessLog ?? defaultGateway.accessLog,
    requestId: gateway.requestId ?? defaultGateway.requestId,
    serverTiming: gateway.serverTiming ?? defaultGateway.serverTiming,
    workers: gateway.workers ?? defaultGateway.workers,
    parser: gateway.parser ?? defaultGateway.parser,
    envelope: gateway.envelope ?? defaultGateway.envelope,
    cluster: gateway.cluster ?? defaultGateway.cluster,
    cors: resolveCors(gateway.cors),
    trustedProxies: listOf(gateway.trustedProxies) ?? [],
    lbDrainMs: gateway.lbDrain ?? defaultGateway.lbDrainMs,
    tls: resolveTls(gateway.tls),
    http2: gateway.http2 ?? defaultGateway.http2,
    maxHeaderBytes: gateway.maxHeaderBytes ?? defaultGateway.maxHeaderBytes,
    maxHeaderCount: gateway.maxHeaderCount ?? defaultGateway.maxHeaderCount,
    maxTargetBytes: gateway.maxTargetBytes ?? defaultGateway.maxTargetBytes,
    maxBodyBytes: gateway.maxBodyBytes ?? defaultGateway.maxBodyBytes,
    headTimeoutMs: gateway.headTimeout ?? defaultGateway.headTimeoutMs,
    bodyTimeoutMs: gateway.bodyTimeout ?? defaultGateway.bodyTimeoutMs,
    answerTimeoutMs: gateway.answerTimeout ?? defaultGateway.answerTimeoutMs,
    keepAliveTimeoutMs: gateway.keepAliveTimeout ?? defaultGateway.keepAliveTimeoutMs,
    maxConnections: gateway.maxConnections ?? defaultGateway.maxConnections,
    idleTimeoutMs: gateway.idleTimeout ?? defaultGateway.idleTimeoutMs,
    connectTimeoutMs: gateway.connectTimeout ?? defaultGateway.connectTimeoutMs,
    maxConnectionsPerNode: gateway.maxConnectionsPerNode ?? defaultGateway.maxConnectionsPerNode,
    maxWaitingPerNode: gateway.maxWaitingPerNode ?? defaultGateway.maxWaitingPerNode,
  }
}

function resolveTrace(trace: TraceFile): TraceOptions {
  const { slow } = trace
  return {
    sample: trace.sample ?? defaultTrace.sample,
    routes: trace.routes ?? defaultTrace.routes,
    errors: trace.errors ?? defaultTrace.errors,
    slowMs: slow === 0 ? Number.POSITIVE_INFINITY : (slow ?? defaultTrace.slowMs),
    capture: trace.capture ?? defaultTrace.capture,
    redact: listOf(trace.redact) ?? defaultTrace.redact,
    propagate: (listOf(trace.propagate) as readonly TraceFormat[] | undefined) ?? defaultTrace.propagate,
    otlpAddr: trace.otlpAddr,
  }
}

function resolveTls(tls: GatewayFile['tls']): ServerTlsOptions | undefined {
  return tls && { ...tls, minVersion: tls.minVersion ?? 'TLSv1.2', clientCert: tls.clientCert ?? 'none' }
}

function resolveCors(cors: GatewayFile['cors']): CorsOptions | undefined {
  if (cors === undefined || cors === false) return undefined
  if (cors === true) return { origins: ['*'] }
  if (typeof cors === 'string' || Array.isArray(cors)) return { origins: listOf(cors) ?? [] }
  const block: CorsFile = cors
  return defined<CorsOptions>({
    origins: listOf(block.origins) ?? [],
    methods: listOf(block.methods)?.map((method) => method.toUpperCase()),
    headers: listOf(block.headers),
    exposedHeaders: listOf(block.exposedHeaders),
    credentials: block.credentials,
    maxAgeMs: block.maxAge,
  })
}

function listOf(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return value === undefined ? undefined : [value].flat().flatMap(splitList)
}

function limiterOf(limiter: RouteFile['limiter']): RouteOptions['limiter'] {
  if (limiter === undefined || typeof limiter === 'string') return rateOf(limiter)
  const { calls, per, shared, onError, timeout } = limiter
  return toLimiter({ calls, perMs: per, shared, onError, timeoutMs: timeout })
}

function rateOf(text: string | undefined): Rate | undefined {
  return text === undefined ? undefined : parseRate(text)
}

/** Without the fields that are undefined. */
function defined<T extends object>(fields: T): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T
}
