/** A process in its cluster: the registry, and the way out to everybody in it. Shared by all services of the process. */
import { connect } from 'node:net'
import type { Balancer } from '../balance/balancer.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Address } from '../core/node.ts'
import type { Settings } from '../core/options.ts'
import { createMesh, type Mesh } from '../mesh/mesh.ts'
import type { Middleware } from '../mesh/middleware.ts'
import type { Registry } from '../registry/registry.ts'
import type { Upstream } from '../transport/upstream.ts'
import { openRegistry } from './open-registry.ts'

export interface Cluster {
  readonly registry: Registry
  readonly mesh: Mesh
  /** Connections to nodes; loaded when they are first asked for, as most services never call anybody. */
  upstream(): Promise<Upstream>
  /** The key that calls between nodes carry; undefined: none is configured, everybody is let in. */
  readonly callKey: string | undefined
  close(): Promise<void>
}

export interface ClusterDeps {
  readonly settings: Settings
  readonly clock: Clock
  readonly log: Log
  readonly balancers?: Readonly<Record<string, Balancer>> | undefined
  readonly use?: readonly Middleware[] | undefined
}

/** @throws GomsError GOMS_REGISTRY_UNAVAILABLE, GOMS_REGISTRY_AUTH, GOMS_PORT_IN_USE (a stranger on the embedded port) */
export async function joinCluster(deps: ClusterDeps): Promise<Cluster> {
  const { settings, clock, log } = deps
  const registry = await openRegistry(settings, clock, log)
  const callKey = await startRegistry(registry, settings).catch(async (error) => {
    await registry.close()
    throw error
  })
  let opened: Upstream | undefined
  let opening: Promise<Upstream> | undefined
  async function openUpstream(): Promise<Upstream> {
    const { createHttpUpstream } = await import('../transport/http-upstream.ts')
    opened = createHttpUpstream({
      connectTimeoutMs: settings.gateway.connectTimeoutMs,
      maxConnections: settings.gateway.maxConnectionsPerNode,
    })
    return opened
  }
  const mesh = createMesh({
    view: registry.view,
    balance: settings.balance,
    balancers: deps.balancers,
    use: deps.use,
    probe: (address) => accepts(address, settings.gateway.connectTimeoutMs),
    left: (node) => opened?.forget(node.http),
    clock,
  })
  return {
    registry,
    mesh,
    upstream() {
      opening ??= openUpstream()
      return opening
    },
    callKey,
    async close() {
      mesh.close()
      await opened?.close()
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
