/** Puts the right thing behind a node's ports: the way in of a service, or the gateway. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import type { GatewayDefinition } from '../gateway/gateway.ts'
import type { Cluster } from './cluster.ts'
import type { Door } from './door.ts'
import { noRpc } from './no-rpc.ts'
import type { Outbound } from './outbound.ts'
import type { Definition } from './service-file.ts'

export interface DoorDeps<D extends Definition = Definition> {
  readonly definition: D
  readonly settings: Settings
  readonly cluster: Cluster
  readonly nodeId: string
  /** Calls of this service to others. */
  readonly outbound: Outbound
  readonly ready: () => boolean
  readonly log: Log
  readonly clock: Clock
}

export interface DoorParts {
  readonly door: Door
  /** Takes changed settings. */
  update(settings: Settings): void
}

/** Each kind is loaded only where it is needed: a service starts without the gateway, and the other way round. */
export async function createDoor(deps: DoorDeps): Promise<DoorParts> {
  const { definition } = deps
  if (definition.kind === 'gateway') return gatewayDoor({ ...deps, definition })
  const { createServiceDoor } = await import('./service-door.ts')
  return { door: await createServiceDoor({ ...deps, definition }), update() {} }
}

async function gatewayDoor(deps: DoorDeps<GatewayDefinition>): Promise<DoorParts> {
  const { createGateway } = await import('../gateway/create-gateway.ts')
  const { definition, settings, cluster, ready, log, clock } = deps
  const gateway = createGateway({
    definition,
    settings,
    view: cluster.registry.view,
    dispatcher: cluster.mesh,
    upstream: await cluster.upstream(),
    stats: (service) => cluster.mesh.stats(service),
    callKey: cluster.callKey,
    clock,
    log,
    ready,
  })
  const door: Door = {
    ...gateway,
    rpc: noRpc,
    protocols: ['http'],
    contract: undefined,
    async start() {},
  }
  return { door, update: (changed) => gateway.update(changed) }
}
