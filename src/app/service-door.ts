/** What stands behind the ports of a service: its web application and its methods, which start, leave and end as one. */
import { hashOf, toDocument } from '../contract/contract.ts'
import { createHandlerClients } from '../mesh/client.ts'
import { createInbound, type Inbound } from '../service/inbound.ts'
import type { RpcInbound } from '../service/rpc-inbound.ts'
import type { ServiceDefinition } from '../service/service.ts'
import type { DoorDeps, ServiceDoor } from './door.ts'
import { noRpc } from './no-rpc.ts'

export async function createServiceDoor(deps: DoorDeps<ServiceDefinition>): Promise<ServiceDoor> {
  const { definition, settings, cluster, nodeId, ready, leaving, log } = deps
  const { contract } = definition
  const hasMethods = Object.keys(contract?.shape.rpc ?? {}).length > 0
  // Each counts the other's calls too: `maxInFlight` is one limit.
  let http: Inbound | undefined
  const rpc = hasMethods ? await createRpcWay(deps, () => http?.inFlight() ?? 0) : undefined
  http = createInbound({
    definition,
    nodeId,
    callKey: cluster.callKey,
    compat: settings.gateway.compat,
    log,
    clock: cluster.callClock,
    ready,
    leaving,
    sampler: cluster.sampler,
    observe: deps.observers?.served,
    ...(rpc && { alsoInFlight: () => rpc.inFlight() }),
  })
  const advertised = contract && { hash: hashOf(contract), document: toDocument(contract) }
  if (rpc === undefined) return { ...http, kind: 'service', rpc: noRpc, protocols: ['http'], contract: advertised }
  return both(http, rpc, {
    contract: advertised,
    started: () => cluster.local.set(nodeId, rpc.handler),
    closed: () => cluster.local.delete(nodeId),
  })
}

/** Loaded only by services with methods. */
async function createRpcWay(deps: DoorDeps<ServiceDefinition>, alsoInFlight: () => number): Promise<RpcInbound> {
  const [{ createRpcInbound }, { createMethodCodecs }] = await Promise.all([
    import('../service/rpc-inbound.ts'),
    import('../rpcx/learning-codec.ts'),
  ])
  const { definition, settings, cluster, nodeId, outbound, components, log } = deps
  return createRpcInbound({
    definition,
    nodeId,
    callKey: cluster.callKey,
    admitGo: settings.admitGo,
    log,
    clock: cluster.callClock,
    clients: createHandlerClients(definition.uses ?? {}, outbound.callMethod, components.valueOf),
    codecs: createMethodCodecs,
    sampler: cluster.sampler,
    observe: deps.observers?.served,
    alsoInFlight,
  })
}

function both(
  http: Inbound,
  rpc: RpcInbound,
  more: { readonly contract: ServiceDoor['contract']; started(): void; closed(): void },
): ServiceDoor {
  return {
    ...http,
    kind: 'service',
    rpc: rpc.handler,
    protocols: ['http', 'rpc'],
    contract: more.contract,
    async start() {
      await http.start()
      rpc.start()
      more.started()
    },
    drain(serveForMs) {
      http.drain(serveForMs)
      rpc.drain(serveForMs)
    },
    inFlight: () => http.inFlight() + rpc.inFlight(),
    async idle() {
      await Promise.all([http.idle(), rpc.idle()])
    },
    async close() {
      more.closed()
      rpc.close()
      await http.close()
    },
  }
}
