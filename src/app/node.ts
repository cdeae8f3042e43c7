/** One node: a service or gateway of this process, from its bound ports to its leaving. */
import { randomUUID } from 'node:crypto'
import { atMost, connectionsGone, sleep } from '../core/bounded.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { type Address, toHostPort } from '../core/node.ts'
import type { Settings } from '../core/options.ts'
import type { Registered, Registry, RegistryStatus } from '../registry/registry.ts'
import type { RpcHandler } from '../transport/rpc.ts'
import { createAdmin, type NodeStatus } from './admin.ts'
import { advertisedAddress } from './advertised-address.ts'
import { announce } from './announcer.ts'
import type { Cluster } from './cluster.ts'
import type { NodeDoor } from './door.ts'
import { refuseRoutes } from './garden-routes.ts'
import { Health, type Part, type Phase } from './health.ts'
import type { HttpPort } from './http-port.ts'
import type { ProcessMetrics } from './metrics.ts'
import { STARTING } from './no-rpc.ts'
import { bindRpcPort, type RpcPort } from './rpc-port.ts'

/** Every step of the end has its bound; they add up to less than `terminationGraceMs`. */
const DEREGISTER_MS = 2000
const CLOSE_MS = 2000
/** Far enough from the ports that people give to neighbours: 8180 and 9180 are one cluster's. */
const ADMIN_ABOVE_RPC = 10_000
/** How long a node serves on when its leaving could not be written to the registry. */
const UNHEARD_DRAIN_MS = 5000

export interface NodeDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  /** Opened in parallel to the listeners. */
  readonly cluster: Promise<Cluster>
  /** Makes the HTTP port, not yet bound. */
  httpPort(): Promise<HttpPort>
  /** Makes what stands behind it, once the cluster is there. */
  door(
    cluster: Cluster,
    node: { readonly id: string; readonly name: string },
    health: Pick<Health, 'ready' | 'leaving'>,
  ): Promise<NodeDoor>
  /** What else the process is made of. @default nothing */
  parts?(): readonly Part[]
  /** Told `<rpc address>_<http address>` once it is known. */
  named?(name: string): void
  /** Undefined where they are switched off. */
  readonly metrics?: ProcessMetrics | undefined
  /** Number of the shared routes in force; undefined: those of the files are. @default they are */
  routes?(): number | undefined
  readonly service: string
  readonly role: 'gateway' | 'service'
  readonly version: string | undefined
}

export interface RunningNode {
  readonly service: string
  /** `<rpcAddress>_<httpAddress>`. */
  readonly name: string
  readonly http: Address
  readonly rpc: Address
  readonly admin: Address | undefined
  /** Leaves gracefully; `now` skips the waiting, for when everybody else stops too. Each step is bounded. */
  close(mode: 'graceful' | 'now'): Promise<void>
}

const DEFAULT_PORTS = { gateway: { http: 8080, rpc: 8180 }, service: { http: 0, rpc: 0 } } as const

/** Listen, self-check, register, ready: in this order. Whatever was opened is closed again when a step fails. */
export async function startNode(deps: NodeDeps): Promise<RunningNode> {
  const { settings, clock, log } = deps
  const nodeId = randomUUID()
  const opened: (() => Promise<unknown>)[] = []
  let behind: NodeDoor | undefined
  const health = new Health(clock)
  let joined: Cluster | undefined
  // A failure of either side is reported by the await below, not as an unhandled rejection of the other.
  deps.cluster.catch(() => {})
  const enter = (phase: Phase): void => {
    health.enter(phase)
    behind?.tellReady?.(health.ready)
  }

  try {
    const listenHost = settings.host ?? (settings.registry.kind === 'etcd' ? undefined : '127.0.0.1')
    const httpPort = await deps.httpPort()
    const ports = DEFAULT_PORTS[deps.role]
    opened.push(() => httpPort.close(0))
    const boundHttp = await httpPort.listen(settings.httpPort ?? ports.http, listenHost)
    const handler: RpcHandler = (received, responder) =>
      behind ? behind.rpc(received, responder) : responder.fault(STARTING)
    const rpcPort = await bindRpcPort(
      settings.rpcPort ?? ports.rpc,
      listenHost,
      settings.registry.dialect === 'go-garden' ? refuseRoutes(handler, log) : handler,
      clock,
      log,
    )
    opened.push(() => rpcPort.close(0))
    const overTls = deps.role === 'gateway' && settings.gateway.tls !== undefined
    log.info(`${overTls ? 'Https' : 'Http'} Listen on port: ${boundHttp.port}`)

    const host = await advertisedAddress(settings.advertise, settings.registry, boundHttp.host)
    const http = { host, port: settings.advertise.httpPort ?? boundHttp.port }
    const rpc = { host, port: settings.advertise.rpcPort ?? rpcPort.port }
    const name = `${toHostPort(rpc)}_${toHostPort(http)}`
    deps.named?.(name)
    const { metrics, service } = deps
    // Before all that may take long: whoever wonders why the node is not ready can ask.
    const admin =
      settings.adminPort === 'off'
        ? undefined
        : await createAdmin({
            host: settings.adminHost,
            port: settings.adminPort,
            wishedPort: rpcPort.port + ADMIN_ABOVE_RPC,
            metrics: metrics && (() => metrics.page(behind?.workerMetrics)),
            status: () => ({
              service,
              node: nodeId,
              ready: health.ready,
              routes: { number: deps.routes?.() ?? null },
              ...statusOf(health, joined?.registry, behind, deps.parts?.()),
            }),
          })
    if (admin) opened.push(() => admin.close())
    log.info(`Rpc Listen on port: ${rpcPort.port}${admin ? `, admin at ${toHostPort(admin.address)}` : ''}`)

    const cluster = await deps.cluster
    joined = cluster
    enter('starting')
    const door = await deps.door(cluster, { id: nodeId, name }, health)
    opened.push(() => door.close())
    await door.start()
    behind = door
    httpPort.open(door)
    enter('registering')

    if (metrics !== undefined) {
      const unwatch = metrics.watchNode({
        ...{ service, ready: () => health.ready },
        inFlight: () => door.inFlight(),
        sessions: () => door.sessions(),
      })
      opened.push(async () => unwatch())
    }
    const stopAnnouncing = announce(cluster.registry.view, log, clock, (id) => id === nodeId)
    opened.push(async () => stopAnnouncing())
    const registered = await cluster.registry.register({
      service: deps.service,
      http,
      rpc,
      value: {
        id: nodeId,
        version: deps.version,
        startedAtMs: clock.wallMs(),
        contract: door.contract?.hash,
        protocols: door.protocols,
      },
      state: { admin: admin && toHostPort(admin.address) },
      contract: door.contract,
    })
    enter('ready')
    return {
      service: deps.service,
      name,
      http,
      rpc,
      admin: admin?.address,
      close: (mode) =>
        leave(deps, mode, {
          registered,
          httpPort,
          rpcPort,
          door,
          opened,
          notReady: () => enter('leaving'),
          connected: () => cluster.registry.status().connected,
        }),
    }
  } catch (thrown) {
    await closeAll(opened).catch(() => {})
    throw thrown
  }
}

interface Leaving {
  readonly registered: Registered
  readonly httpPort: HttpPort
  readonly rpcPort: RpcPort
  readonly door: NodeDoor
  readonly opened: readonly (() => Promise<unknown>)[]
  notReady(): void
  /** Whether the registry is there to tell the others. */
  connected(): boolean
}

/**
 * Not ready, deregister, serve on while callers learn it, refuse as `draining`, finish what is in flight, close. Each
 * step runs even if the one before failed.
 */
async function leave(deps: NodeDeps, mode: 'graceful' | 'now', parts: Leaving): Promise<void> {
  const { settings, clock, log } = deps
  const began = clock.now()
  const left = (): number => Math.max(0, settings.terminationGraceMs - CLOSE_MS - (clock.now() - began))
  parts.notReady()
  const attempt = async (step: string, work: Promise<unknown>, boundMs: number): Promise<void> => {
    await atMost(clock, boundMs, work).catch((error) => log.warn(`stop: ${step}: ${String(error)}`))
  }
  await attempt('deregister', parts.registered.close(), DEREGISTER_MS)
  if (mode === 'graceful' && deps.role === 'gateway' && settings.gateway.lbDrainMs > 0) {
    // Load balancers are no members of the registry: they learn from /-/ready, and send new connections until then.
    parts.door.drain(settings.gateway.lbDrainMs)
    await sleep(clock, Math.min(settings.gateway.lbDrainMs, left()))
  }
  parts.httpPort.drain()
  parts.rpcPort.drain()
  if (mode === 'graceful') {
    // Without the registry callers learn only from the answers that they get: give them more of those.
    const learnMs = parts.connected() ? settings.drainMs : Math.max(settings.drainMs, UNHEARD_DRAIN_MS)
    parts.door.drain(Math.min(learnMs, left()))
    const { httpPort, rpcPort } = parts
    await connectionsGone(clock, () => httpPort.connections + rpcPort.connections, Math.min(learnMs, left()))
    await attempt('finish what is in flight', parts.door.idle(), left())
  }
  await attempt('close', closeAll(parts.opened), CLOSE_MS)
}

/** What was opened last is closed first; one that fails does not keep the others open. */
async function closeAll(opened: readonly (() => Promise<unknown>)[]): Promise<void> {
  let failed: unknown
  for (const close of [...opened].reverse()) await close().catch((error) => (failed ??= error))
  if (failed !== undefined) throw failed
}

function statusOf(
  health: Health,
  registry: Registry | undefined,
  door: NodeDoor | undefined,
  others: readonly Part[] | undefined,
): Omit<NodeStatus, 'service' | 'node' | 'ready' | 'routes'> {
  const known = registry?.status()
  const workers = door?.workers?.()
  return {
    parts: health.parts(known, workers, others),
    inFlight: door?.inFlight() ?? 0,
    sessions: door?.sessions() ?? 0,
    ...(workers && { workers }),
    ...(known && registry && { registry: toRegistry(known, registry.view.skipped) }),
  }
}

function toRegistry(
  { connected, endpoint, ageMs }: RegistryStatus,
  skippedKeys: number,
): NonNullable<NodeStatus['registry']> {
  return { connected, endpoint, ageMs: Math.round(ageMs), skippedKeys }
}
