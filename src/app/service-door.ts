/** What stands behind the ports of a service: its web application, methods and events, which start, leave and end as one. */
import { hashOf, toDocument } from '../contract/contract.ts'
import type { CallContext } from '../core/context.ts'
import { createHandlerClients } from '../mesh/client.ts'
import type { EventInbound } from '../service/event-inbound.ts'
import type { ContextDeps } from '../service/handler-context.ts'
import { createInbound, type Inbound } from '../service/inbound.ts'
import type { RpcInbound } from '../service/rpc-inbound.ts'
import type { ServiceDefinition } from '../service/service.ts'
import type { DoorDeps, ServiceDoor } from './door.ts'
import { noRpc } from './no-rpc.ts'

/** What handlers of methods and of events find in their contexts alike. */
interface HandlerDeps {
  readonly clients: (call: CallContext) => Readonly<Record<string, unknown>>
  readonly emit: ContextDeps['emit']
}

/** The ways in of a service. */
interface Ways {
  readonly http: Inbound
  readonly rpc: RpcInbound | undefined
  readonly events: EventInbound | undefined
}

export async function createServiceDoor(deps: DoorDeps<ServiceDefinition>): Promise<ServiceDoor> {
  const { definition, settings, cluster, nodeId, ready, leaving, log } = deps
  const { contract } = definition
  const handlers = handlerDeps(deps)
  const hasMethods = Object.keys(contract?.shape.rpc ?? {}).length > 0
  // Each counts the other's calls too: `maxInFlight` is one limit.
  let http: Inbound | undefined
  const rpc = hasMethods ? await createRpcWay(deps, handlers, () => http?.inFlight() ?? 0) : undefined
  const events = hasSubscriptions(definition) ? await createEventWay(deps, handlers) : undefined
  // A missing package or a store that is away is found now, and not by the first event.
  if (Object.keys(contract?.shape.events ?? {}).length > 0) await deps.events.broker()
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
  return doorOf({ http, rpc, events }, deps, advertised)
}

function hasSubscriptions({ on = {} }: ServiceDefinition): boolean {
  return Object.values(on).some((handlers) => Object.keys(handlers ?? {}).length > 0)
}

function handlerDeps({ definition, outbound, components, events }: DoorDeps<ServiceDefinition>): HandlerDeps {
  const { name, contract } = definition
  return {
    clients: createHandlerClients(definition.uses ?? {}, outbound.callMethod, components.valueOf),
    async emit(event, payload, call, options) {
      // Services without a contract have no events either; their type does not let them emit.
      if (contract !== undefined) await events.emit(name, contract, event, payload, options, call)
    },
  }
}

/** Loaded only by services with methods. */
async function createRpcWay(
  deps: DoorDeps<ServiceDefinition>,
  handlers: HandlerDeps,
  alsoInFlight: () => number,
): Promise<RpcInbound> {
  const [{ createRpcInbound }, { createMethodCodecs }] = await Promise.all([
    import('../service/rpc-inbound.ts'),
    import('../rpcx/learning-codec.ts'),
  ])
  const { definition, settings, cluster, nodeId, log } = deps
  return createRpcInbound({
    ...{ definition, nodeId, log, ...handlers, alsoInFlight },
    callKey: cluster.callKey,
    admitGo: settings.admitGo,
    clock: cluster.callClock,
    codecs: createMethodCodecs,
    sampler: cluster.sampler,
    observe: deps.observers?.served,
  })
}

/** Loaded only by services that subscribe to events. */
async function createEventWay(deps: DoorDeps<ServiceDefinition>, handlers: HandlerDeps): Promise<EventInbound> {
  const { createEventInbound } = await import('../service/event-inbound.ts')
  const { definition, cluster, events, log } = deps
  return createEventInbound({
    ...{ definition, log, ...handlers },
    broker: await events.broker(),
    clock: cluster.callClock,
    sampler: cluster.sampler,
    observe: deps.observers?.served,
  })
}

function doorOf(
  { http, rpc, events }: Ways,
  { cluster, nodeId }: DoorDeps,
  contract: ServiceDoor['contract'],
): ServiceDoor {
  return {
    ...http,
    kind: 'service',
    rpc: rpc?.handler ?? noRpc,
    protocols: rpc === undefined ? ['http'] : ['http', 'rpc'],
    contract,
    async start() {
      await http.start()
      rpc?.start()
      if (rpc !== undefined) cluster.local.set(nodeId, rpc.handler)
      // Last: what has waited comes at once.
      await events?.start()
    },
    drain(serveForMs) {
      // Nobody waits for events, and others take them.
      events?.drain()
      http.drain(serveForMs)
      rpc?.drain(serveForMs)
    },
    inFlight: () => http.inFlight() + (rpc?.inFlight() ?? 0) + (events?.inFlight() ?? 0),
    async idle() {
      await Promise.all([http.idle(), rpc?.idle(), events?.idle()])
    },
    async close() {
      cluster.local.delete(nodeId)
      rpc?.close()
      await events?.close()
      await http.close()
    },
  }
}
