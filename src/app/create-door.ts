/** Puts the right thing behind a node's ports: the way in of a service, or the gateway. */
import { type Component, isComponent } from '../core/component.ts'
import type { ObserveRequests } from '../core/observe.ts'
import { joinObservers } from '../core/observers.ts'
import type * as accessLog from '../gateway/access-log.ts'
import type { GatewayDefinition } from '../gateway/gateway.ts'
import type { MethodCodecs } from '../rpcx/codec.ts'
import type { DoorDeps, DoorParts, GatewayDoor } from './door.ts'
import { openLimits, openLimitsOf } from './limited-routes.ts'
import { noRpc } from './no-rpc.ts'
import type { Definition } from './service-file.ts'

/** Each kind is loaded only where it is needed: a service starts without the gateway, and the other way round. */
export async function createDoor(deps: DoorDeps): Promise<DoorParts> {
  const { definition, settings, cluster } = deps
  if (cluster.sharedLimits !== undefined) await openLimits(definition, settings, cluster.sharedLimits)
  await deps.components.start(componentsOf(definition), deps.log)
  if (definition.kind === 'gateway') return gatewayDoor({ ...deps, definition })
  const { createServiceDoor } = await import('./service-door.ts')
  return { door: await createServiceDoor({ ...deps, definition }), update() {} }
}

/** In the order in which their author names them. */
function componentsOf(definition: Definition): readonly Component[] {
  if (definition.kind === 'gateway') return definition.components ?? []
  return Object.values(definition.uses ?? {}).filter((used) => isComponent(used))
}

async function gatewayDoor(deps: DoorDeps<GatewayDefinition>): Promise<DoorParts> {
  const [{ createGateway }, { createAccessLog }, { createMethodCodecs }, { dispatchRpc }] = await Promise.all([
    import('../gateway/create-gateway.ts'),
    import('../gateway/access-log.ts'),
    import('../rpcx/learning-codec.ts'),
    import('../mesh/rpc-carrier.ts'),
  ])
  const { definition, settings, cluster, ready, leaving, gather, log, clock } = deps
  const { callKey, local, sharedLimits } = cluster
  if (sharedLimits !== undefined) openLimitsOf(cluster.registry.view, sharedLimits)
  const carrying = {
    dispatcher: cluster.mesh,
    upstream: await cluster.rpcUpstream(),
    callKey,
    formats: settings.trace.propagate,
    local: (nodeId: string) => local.get(nodeId),
  }
  // One pair for each method: only names that contracts expose come here.
  const codecs = new Map<string, MethodCodecs>()
  const codecsOf = (name: string): MethodCodecs => {
    const known = codecs.get(name) ?? createMethodCodecs()
    codecs.set(name, known)
    return known
  }
  const gateway = createGateway({
    definition,
    settings,
    view: cluster.registry.view,
    dispatcher: cluster.mesh,
    upstream: await cluster.upstream(),
    stats: (service) => cluster.mesh.stats(service),
    gather,
    sampler: cluster.sampler,
    observe: withAccessLog(deps, createAccessLog),
    sendMethod(call, input, result) {
      const payload = { method: call.action, input, codecs: codecsOf(`${call.service}.${call.action}`) }
      return dispatchRpc(carrying, call, payload, result)
    },
    callKey,
    clock,
    log,
    ready,
    leaving,
  })
  const door: GatewayDoor = {
    ...gateway,
    kind: 'gateway',
    rpc: noRpc,
    protocols: ['http'],
    contract: undefined,
    async start() {},
  }
  return { door, update: (changed) => gateway.update(changed) }
}

/** Where there is no access log, nobody is told for its sake. */
function withAccessLog(
  { settings, observers, access, clock }: DoorDeps,
  create: typeof accessLog.createAccessLog,
): ObserveRequests | undefined {
  const share = settings.gateway.accessLog
  if (share === 0 || access === undefined) return observers?.requests
  const requests = create({ share, write: access, clock })
  return joinObservers([{ requests }, ...(observers ? [{ requests: observers.requests }] : [])]).requests
}
