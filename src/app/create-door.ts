/** Puts the right thing behind a node's HTTP port: the way in of a service, or the gateway. */
import { hashOf, toDocument } from '../contract/contract.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { Settings } from '../core/options.ts'
import type { GatewayDefinition } from '../gateway/gateway.ts'
import type { ServiceDefinition } from '../service/service.ts'
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
  return definition.kind === 'service' ? serviceDoor({ ...deps, definition }) : gatewayDoor({ ...deps, definition })
}

async function serviceDoor(deps: DoorDeps<ServiceDefinition>): Promise<DoorParts> {
  const { createInbound } = await import('../service/inbound.ts')
  const { definition, settings, cluster, nodeId, ready, log, clock } = deps
  const inbound = createInbound({
    definition,
    nodeId,
    callKey: cluster.callKey,
    compat: settings.gateway.compat,
    log,
    clock,
    ready,
  })
  const { contract } = definition
  const advertised = contract && { hash: hashOf(contract), document: toDocument(contract) }
  return { door: { ...inbound, rpc: noRpc, protocols: ['http'], contract: advertised }, update() {} }
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
