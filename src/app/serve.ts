/** Starts services and gateways in this process: settings, registry, listeners, and one end for all of them. */
import type { Balancer } from '../balance/balancer.ts'
import { createInForce, type InForce } from '../config/in-force.ts'
import { type Loaded, loadSettings } from '../config/load.ts'
import type { FlagValues } from '../config/overlay.ts'
import { watchSettings } from '../config/watch.ts'
import { atMost } from '../core/bounded.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import { setRunning } from '../core/running.ts'
import { setTraceBridge } from '../core/trace-bridge.ts'
import type { Middleware } from '../mesh/middleware.ts'
import { servingService } from '../service/context.ts'
import { type Cluster, joinCluster } from './cluster.ts'
import { type Components, createComponents } from './components.ts'
import { createDoor } from './create-door.ts'
import type { DoorParts } from './door.ts'
import { createEvents, type Events } from './events.ts'
import { createGatewayWorkers, fileForWorkers, type GatewayWorkers, workerCount } from './gateway-workers.ts'
import { createHttpPort } from './http-port.ts'
import type { ServiceLog } from './log.ts'
import { type RunningNode, startNode } from './node.ts'
import { createObservability, type Observability } from './observability.ts'
import { createOutbound, type Outbound } from './outbound.ts'
import { ProcessLogs } from './process-logs.ts'
import type { Definition } from './service-file.ts'
import { openRoutes, type RoutesInForce } from './shared-routes.ts'
import { openTraceBridge } from './trace-bridge.ts'
import { setUserLog } from './user-log.ts'

export interface ServeOptions {
  /** As on the command line, in any spelling: `{ httpPort: 8080, etcdAddr: '10.0.0.1:2379', configs: 'conf' }`. */
  readonly flags?: FlagValues
  /** @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Where relative paths start. @default process.cwd() */
  readonly cwd?: string
  /** Balancers by service, of your own or made with options; they go before the configuration's `balance`. */
  readonly balancers?: Readonly<Record<string, Balancer>>
  /**
   * Where the gateway is the default export: what `gateway.workers` above 1 needs, as each of them imports it.
   * `goms start` gives it by itself.
   */
  readonly gatewayFile?: string | URL
  /** Wraps every call that this process makes. */
  readonly use?: readonly Middleware[]
  /** Takes the log instead of standard error. */
  readonly log?: Log
}

/** What `serve` started. */
export interface Served {
  readonly settings: Settings
  readonly nodes: readonly RunningNode[]
  /**
   * Replaces the workers of the gateway, one after the other, without losing a request; they load the gateway's file anew.
   * Resolves when it is done, or has failed and was told in the log. Undefined without workers.
   */
  readonly restartWorkers: (() => Promise<void>) | undefined
  /** Leaves gracefully: deregisters, goes on serving while callers learn it, finishes what is in flight. */
  close(mode?: 'graceful' | 'now'): Promise<void>
}

/** What is left of the time to end, for all that is closed after the last call; at least so much. */
const LEAST_CLOSE_MS = 500
const KEPT_CLOSE_MS = 2000

/** What a save of the files, or routes that are shared, change without a restart. */
const LIVE = [
  ...['sample', 'routes', 'errors', 'slowMs', 'capture', 'redact'].map((key) => `trace.${key}`),
  'routes',
  'policy',
  'user',
  'balance',
  ...['envelope', 'cluster', 'cors', 'trustedProxies', 'maxBodyBytes', 'bodyTimeoutMs', 'idleTimeoutMs'].map(
    (key) => `gateway.${key}`,
  ),
]

/**
 * Serves services and gateways in this process until `close`: loads the configuration, joins the registry, listens and
 * registers. Resolves when every one of them is ready.
 * @throws GomsError GOMS_CONFIG_…, GOMS_PORT_IN_USE, GOMS_REGISTRY_UNAVAILABLE, and the others of docs/errors.md
 */
export async function serve(
  definitions: Definition | readonly Definition[],
  options: ServeOptions = {},
): Promise<Served> {
  const list = 'kind' in definitions ? [definitions] : definitions
  const [first] = list
  if (!first) {
    throw new GomsError('GOMS_OPTION_INVALID', 'serve: expected at least one service or gateway, got none', {
      detail: { found: 'an empty list', expected: 'serve(service) or serve([user, order])' },
    })
  }
  const loaded = await loadSettings({
    ...(options.flags && { flags: options.flags }),
    ...(options.env && { env: options.env }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  })
  return new Process(list, first, loaded, options).start()
}

class Process {
  readonly #definitions: readonly Definition[]
  readonly #loaded: Loaded
  readonly #options: ServeOptions
  readonly #clock: Clock = systemClock
  readonly #logs: ProcessLogs
  readonly #log: ServiceLog
  readonly #first: Definition
  readonly #outbounds = new Map<string, Outbound>()
  readonly #components: Components
  readonly #doors: DoorParts[] = []
  readonly #inForce: InForce
  #cluster: Cluster | undefined
  #events: Events | undefined
  #routes: RoutesInForce | undefined
  #workers: GatewayWorkers | undefined
  #observability: Observability | undefined
  #closing: Promise<void> | undefined

  constructor(definitions: readonly Definition[], first: Definition, loaded: Loaded, options: ServeOptions) {
    this.#definitions = definitions
    this.#first = first
    this.#loaded = loaded
    this.#options = options
    this.#logs = new ProcessLogs(loaded.settings, this.#clock, options.log)
    this.#log = this.#logs.of(first.name)
    this.#components = createComponents(loaded.settings, this.#clock)
    this.#inForce = createInForce(loaded, (settings) => this.#apply(settings), this.#log, {
      live: LIVE,
      ...(loaded.settings.publishRoutes && { saved: (files) => this.#routes?.publish(files) }),
    })
  }

  async start(): Promise<Served> {
    const bridge = await openTraceBridge(this.#log, () => this.#observability?.sampler !== undefined)
    setTraceBridge(bridge)
    // What arrives later is no part of a span that is active while the process starts.
    return bridge === undefined ? this.#start() : bridge.outside(() => this.#start())
  }

  async #start(): Promise<Served> {
    const { settings } = this.#loaded
    for (const warning of this.#loaded.warnings) this.#log.warn(warning)
    const gateways = this.#definitions.filter((definition) => definition.kind === 'gateway')
    if (gateways.length > 0 && workerCount(settings) > 1) {
      const { gatewayFile, use, balancers } = this.#options
      const file = fileForWorkers({ file: gatewayFile, gateways: gateways.length, use, balancers })
      this.#workers = await createGatewayWorkers({
        ...{ file, settings, clock: this.#clock, log: this.#log },
        showsNode: (name) => this.#observability?.metrics?.showsNode(name) ?? false,
      })
    }
    const observability = await createObservability({ settings, clock: this.#clock, log: this.#log })
    this.#observability = observability
    this.#logs.sinks.also = observability.also
    observability.metrics?.watchLog(() => this.#logs.dropped)
    const cluster = joinCluster({
      observe: observability.observers.outbound,
      sampler: observability.sampler,
      settings,
      clock: this.#clock,
      log: this.#log,
      balancers: Object.assign({}, ...gateways.map((gateway) => gateway.balancers), this.#options.balancers),
      use: [...(this.#options.use ?? []), ...gateways.flatMap((gateway) => gateway.use ?? [])],
      onHardEvidence: (node, transport) => this.#workers?.tell({ node, transport }),
    }).then(async (joined) => {
      await this.#takeShared(joined)
      return joined
    })
    cluster
      .then((joined) => {
        observability.keyed(joined.callKey)
        observability.metrics?.watchCluster(joined, true)
      })
      .catch(() => {})
    const started = await Promise.allSettled(this.#definitions.map((d) => this.#startNode(d, cluster)))
    const nodes = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    const failed = started.find((result) => result.status === 'rejected')
    if (failed) {
      await Promise.all(nodes.map((node) => node.close('now')))
      await this.#closeBehind()
      for (const outbound of this.#outbounds.values()) outbound.close()
      await cluster.then((joined) => joined.close()).catch(() => {})
      await observability.close()
      await this.#end()
      throw failed.reason
    }
    const joined = await cluster
    this.#routes?.follow()
    const watching = watchSettings(this.#inForce, this.#log, this.#clock)
    return {
      settings: this.#inForce.settings,
      nodes,
      restartWorkers: this.#workers && (() => this.#workers?.restart() ?? Promise.resolve()),
      close: (mode = 'graceful') => {
        this.#closing ??= this.#close(mode, nodes, joined, watching)
        return this.#closing
      },
    }
  }

  /** Shared routes are in force before the first application is made. */
  async #takeShared(cluster: Cluster): Promise<void> {
    this.#cluster = cluster
    this.#routes = await openRoutes({
      ...{ registry: cluster.registry, inForce: this.#inForce, clock: this.#clock, log: this.#log },
      by: () => `${this.#first.name} ${this.#log.node ?? ''}`,
    })
    this.#observability?.metrics?.watchRoutes(() => this.#routes?.number)
  }

  #startNode(definition: Definition, cluster: Promise<Cluster>): Promise<RunningNode> {
    const { settings } = this.#loaded
    const log = this.#logs.of(definition.name)
    const workers = definition.kind === 'gateway' ? this.#workers : undefined
    return startNode({
      settings,
      clock: this.#clock,
      log,
      cluster,
      named: (node) => {
        log.node = node
      },
      metrics: this.#observability?.metrics,
      routes: () => this.#routes?.number,
      service: definition.name,
      role: definition.kind,
      version: definition.kind === 'service' ? definition.version : undefined,
      parts: () => [...this.#components.parts(), ...(this.#events?.parts() ?? [])],
      httpPort: async () => workers?.port ?? createHttpPort(definition.kind, settings, this.#clock, log),
      door: async (joined, { id: nodeId, name }, health) => {
        const ready = (): boolean => health.ready
        this.#announceRunning(joined)
        if (workers) return workers.door(joined, name, ready)
        this.#observability?.named(definition.name, name)
        const parts = await createDoor({
          definition,
          settings: this.#inForce.settings,
          cluster: joined,
          outbound: this.#outboundOf(definition.name, joined),
          nodeId,
          ready,
          leaving: () => health.leaving,
          components: this.#components,
          events: this.#eventsOf(joined),
          observers: this.#observability?.observers,
          log,
          access: log.access,
          clock: this.#clock,
        })
        this.#doors.push(parts)
        return parts.door
      },
    })
  }

  /** Routes and policies apply to the next call; what is under way keeps what it began with. */
  #apply(settings: Settings): void {
    this.#cluster?.mesh.update(settings.balance)
    for (const { update } of this.#doors) update(settings)
    this.#workers?.update(settings)
    this.#observability?.update(settings)
    for (const outbound of this.#outbounds.values()) outbound.update(settings)
    if (this.#cluster) this.#announceRunning(this.#cluster)
  }

  /** Before the first application is made: its code may ask for settings, and call others, from then on. */
  #announceRunning(cluster: Cluster): void {
    // Whoever calls is the service that serves the call in progress; outside of calls the first one speaks.
    const outbound = (): Outbound => this.#outboundOf(servingService() ?? this.#first.name, cluster)
    setUserLog((service) => this.#logs.known(service ?? '') ?? this.#log)
    setRunning({
      settings: this.#inForce.settings,
      fetchAction: (service, action, request) => outbound().fetchAction(service, action, request),
      callMethod: (ref, input, options) => outbound().callMethod(ref, input, options),
      emit: (contract, event, payload, options) =>
        this.#eventsOf(cluster).emit(servingService() ?? this.#first.name, contract, event, payload, options),
    })
  }

  /** All services of the process share a broker. */
  #eventsOf({ registry, callClock, sampler }: Cluster): Events {
    this.#events ??= createEvents({
      ...{ settings: this.#loaded.settings, clock: callClock, log: this.#log, sampler },
      store: registry.store(),
      observe: this.#observability?.observers.events,
    })
    return this.#events
  }

  #outboundOf(service: string, cluster: Cluster): Outbound {
    let outbound = this.#outbounds.get(service)
    if (outbound === undefined) {
      outbound = createOutbound(cluster, this.#inForce.settings, service)
      this.#outbounds.set(service, outbound)
    }
    return outbound
  }

  async #close(
    mode: 'graceful' | 'now',
    nodes: readonly RunningNode[],
    cluster: Cluster,
    watching: { close(): void },
  ): Promise<void> {
    const untilMs = this.#clock.now() + this.#inForce.settings.terminationGraceMs - KEPT_CLOSE_MS
    watching.close()
    const kept = this.#routes?.close()
    await Promise.all(nodes.map((node) => node.close(mode)))
    const leftMs = Math.max(LEAST_CLOSE_MS, untilMs - this.#clock.now())
    await atMost(this.#clock, leftMs, this.#closeBehind()).catch((error) => this.#log.warn(`stop: ${String(error)}`))
    for (const outbound of this.#outbounds.values()) outbound.close()
    await cluster.close()
    await kept
    await this.#observability?.close()
    await this.#end()
  }

  /** What handlers used, once the last of them is through. */
  async #closeBehind(): Promise<void> {
    await this.#events?.close()
    await this.#components.close()
  }

  async #end(): Promise<void> {
    setRunning(undefined)
    setTraceBridge(undefined)
    setUserLog(undefined)
    await this.#logs.close()
  }
}
