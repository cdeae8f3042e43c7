/** A process in its cluster: the registry, and the way out to everybody in it. Shared by all services of the process. */
import { connect } from 'node:net'
import type { Balancer } from '../balance/balancer.ts'
import type { Clock } from '../core/clock.ts'
import { createDeadlineSweep, type Deadlines } from '../core/deadline-sweep.ts'
import type { Log } from '../core/log.ts'
import type { Address, Transport } from '../core/node.ts'
import type { ObserveOutbound } from '../core/observe.ts'
import type { Settings } from '../core/options.ts'
import { createMesh, type Mesh } from '../mesh/mesh.ts'
import type { Middleware } from '../mesh/middleware.ts'
import type { Registry } from '../registry/registry.ts'
import type { Share } from '../resilience/share.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import type { RpcHandler } from '../transport/rpc.ts'
import type { RpcUpstream } from '../transport/rpc-upstream.ts'
import type { Upstream } from '../transport/upstream.ts'
import { openRegistry } from './open-registry.ts'
import { createProcessLimits, type ProcessLimits } from './shared-limits.ts'

export interface Cluster {
  readonly registry: Registry
  readonly mesh: Mesh
  /** Connections to nodes; loaded when they are first asked for, as most services never call anybody. */
  upstream(): Promise<Upstream>
  /** What it holds, by node; undefined: it has not been opened. */
  pools(): ReturnType<Upstream['pools']> | undefined
  /** The same for RPC. */
  rpcUpstream(): Promise<RpcUpstream>
  /** Ways in of the nodes of this process, by their ids: calls to them need no connection. */
  readonly local: Map<string, RpcHandler>
  /** Nothing wraps calls (`use`): those to nodes of this process may go straight there. */
  readonly direct: boolean
  /** The clock of calls: their deadlines share one timer. */
  readonly callClock: Clock
  /** Traces are recorded: decides which. Undefined: none is, and decisions are passed on as they came. */
  readonly sampler: Sampler | undefined
  /** The key that calls between nodes carry; undefined: none is configured, everybody is let in. */
  readonly callKey: string | undefined
  /** Limits of the project; undefined: this cluster is all of it, and counts for itself. */
  readonly sharedLimits: ProcessLimits | undefined
  close(): Promise<void>
}

export interface ClusterDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  readonly balancers?: Readonly<Record<string, Balancer>> | undefined
  readonly use?: readonly Middleware[] | undefined
  /** @default the registry that the settings choose; `embedded` is hosted here where nobody does yet */
  readonly openRegistry?: (() => Promise<Registry>) | undefined
  /** Told of all calls that this process makes. @default nobody */
  readonly observe?: ObserveOutbound | undefined
  readonly sampler?: Sampler | undefined
  /** What this process may use of limits. @default all */
  readonly share?: Share | undefined
  /** Told of hard evidence that this process finds against nodes. */
  readonly onHardEvidence?: ((nodeId: string, transport: Transport) => void) | undefined
}

/** What another kind of cluster than one of processes brings along. */
export interface ClusterParts {
  readonly registry: Registry
  readonly callKey: string | undefined
  readonly callClock: Clock
  /** @default timers of `callClock` */
  readonly deadlines?: Deadlines
  /** Closed with the cluster. @default those of the mesh itself */
  readonly sharedLimits?: ProcessLimits
  probe(address: Address): Promise<boolean>
  openUpstream(): Promise<Upstream>
  openRpcUpstream(): Promise<RpcUpstream>
}

/** @throws GomsError GOMS_REGISTRY_UNAVAILABLE, GOMS_REGISTRY_AUTH, GOMS_PORT_IN_USE (a stranger on the embedded port) */
export async function joinCluster(deps: ClusterDeps): Promise<Cluster> {
  const { settings, clock, log } = deps
  const registry = await (deps.openRegistry?.() ?? openRegistry(settings, clock, log))
  const callKey = await startRegistry(registry, settings).catch(async (error) => {
    await registry.close()
    throw error
  })
  const sharedLimits = createProcessLimits(settings, clock, log)
  return createClusterOf(deps, { registry, callKey, sharedLimits, ...overSockets(settings, clock) })
}

/** The way out of a process: over sockets. */
export function overSockets(
  { gateway }: Settings,
  clock: Clock,
): Omit<ClusterParts, 'registry' | 'callKey' | 'sharedLimits'> {
  const { connectTimeoutMs, maxConnectionsPerNode, maxWaitingPerNode } = gateway
  const sweep = createDeadlineSweep(clock)
  return {
    callClock: sweep,
    deadlines: sweep,
    probe: (address) => accepts(address, connectTimeoutMs),
    async openUpstream() {
      const { createHttpUpstream } = await import('../transport/http-upstream.ts')
      return createHttpUpstream({
        ...{ connectTimeoutMs, clock },
        maxConnections: maxConnectionsPerNode,
        maxWaiting: maxWaitingPerNode,
      })
    },
    async openRpcUpstream() {
      const { createRpcUpstream } = await import('../transport/rpc-upstream.ts')
      return createRpcUpstream({ connectTimeoutMs, clock })
    },
  }
}

/** The cluster over its parts. */
export function createClusterOf(deps: Omit<ClusterDeps, 'log'>, parts: ClusterParts): Cluster {
  const { registry, callKey, callClock, sharedLimits } = parts
  let http: Upstream | undefined
  let rpc: RpcUpstream | undefined
  let openingHttp: Promise<Upstream> | undefined
  let openingRpc: Promise<RpcUpstream> | undefined
  const mesh = createMesh({
    view: registry.view,
    balance: deps.settings.balance,
    balancers: deps.balancers,
    use: deps.use,
    probe: (address) => parts.probe(address),
    left(node) {
      http?.forget(node.http)
      rpc?.forget(node.rpc)
    },
    share: deps.share,
    sharedLimits,
    observe: deps.observe,
    onHardEvidence: deps.onHardEvidence,
    clock: callClock,
    deadlines: parts.deadlines,
  })

  async function openHttp(): Promise<Upstream> {
    http = await parts.openUpstream()
    return http
  }

  async function openRpc(): Promise<RpcUpstream> {
    rpc = await parts.openRpcUpstream()
    rpc.onDraining((address) => mesh.leaving(address))
    return rpc
  }

  return {
    registry,
    mesh,
    local: new Map(),
    direct: (deps.use ?? []).length === 0,
    callClock,
    sampler: deps.sampler,
    upstream() {
      openingHttp ??= openHttp()
      return openingHttp
    },
    pools: () => http?.pools(),
    rpcUpstream() {
      openingRpc ??= openRpc()
      return openingRpc
    },
    callKey,
    sharedLimits,
    async close() {
      mesh.close()
      await Promise.all([http?.close(), rpc?.close(), sharedLimits?.close()])
      await registry.close()
    },
  }
}

/**
 * Starts it and gives the call key. Without a configured one a machine's own registry holds a random one; etcd is shared
 * with others, who must choose.
 */
async function startRegistry(registry: Registry, settings: Settings): Promise<string | undefined> {
  await registry.start()
  return settings.callKey ?? (settings.registry.kind === 'etcd' ? undefined : registry.sharedKey())
}

/** Whether a connection is accepted there. */
function accepts(address: Address, timeoutMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address.host, port: address.port, timeout: timeoutMs })
    const done = (accepted: boolean): void => {
      socket.destroy()
      resolve(accepted)
    }
    socket.once('connect', () => done(true))
    socket.once('timeout', () => done(false))
    socket.once('error', () => done(false))
  })
}
