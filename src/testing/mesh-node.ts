/** One node of a mesh under test: what stands behind its ports in production, reached over the memory network instead. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Cluster } from '../app/cluster.ts'
import type { Components } from '../app/components.ts'
import { createDoor } from '../app/create-door.ts'
import type { Door, ServiceDoor } from '../app/door.ts'
import type { Events } from '../app/events.ts'
import { createFrontEngine } from '../app/front-engine.ts'
import type { Outbound } from '../app/outbound.ts'
import type { Definition } from '../app/service-file.ts'
import { toDocument } from '../contract/contract.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { type Address, toHostPort } from '../core/node.ts'
import type { Observers } from '../core/observe.ts'
import type { Settings } from '../core/options.ts'
import type { Registered } from '../registry/registry.ts'
import { createHttpListener } from '../transport/http-listener.ts'
import type { RpcHandler } from '../transport/rpc.ts'
import { createRpcListener } from '../transport/rpc-listener.ts'
import type { Faults } from './faults.ts'
import type { MemoryNetwork } from './memory-network.ts'

export interface MeshNodeDeps {
  readonly definition: Definition
  readonly settings: Settings
  readonly cluster: Cluster
  readonly outbound: Outbound
  readonly components: Components
  readonly events: Events
  readonly network: MemoryNetwork
  readonly faults: Faults
  readonly observers?: Observers | undefined
  readonly clock: Clock
  readonly log: Log
}

export interface MeshNode {
  readonly service: string
  readonly id: string
  /** `<rpcAddress>_<httpAddress>` */
  readonly name: string
  readonly http: Address
  /** Ends as a killed process does: every connection is reset, and its registration stays until its lease is over. */
  kill(): void
  close(): Promise<void>
}

export async function startMeshNode(deps: MeshNodeDeps): Promise<MeshNode> {
  const { definition, settings, cluster, network, clock, log } = deps
  const service = definition.name
  const id = randomUUID()
  const { door } = await createDoor({ ...deps, nodeId: id, ready: () => true })
  await door.start()

  const listener = await listenerFor(deps, door)
  const rpcListener = createRpcListener({
    handler: withFaults(deps, door.rpc),
    clock,
    failed: (error, received) => log.error(`rpc: ${received.service}.${received.method}: ${String(error)}`),
  })
  const http = network.bind((socket) => listener.accept(socket))
  const rpc = network.bind((socket) => rpcListener.accept(socket))

  // The door of a cluster is no member of what calls go to.
  const registered: Registered | undefined =
    definition.kind === 'gateway'
      ? undefined
      : await cluster.registry.register({
          service,
          http,
          rpc,
          value: {
            id,
            version: definition.version,
            startedAtMs: clock.wallMs(),
            contract: door.contract?.hash,
            protocols: door.protocols,
          },
          state: {},
          contract: door.contract,
        })

  let killed = false
  return {
    service,
    id,
    name: `${toHostPort(rpc)}_${toHostPort(http)}`,
    http,
    kill() {
      if (killed) return
      killed = true
      network.cut(http)
      network.cut(rpc)
      clock.after(settings.registry.leaseTtlMs, () => registered?.close())
    },
    async close() {
      await registered?.close()
      await door.close()
      network.cut(http)
      network.cut(rpc)
      await Promise.all([listener.close(0), rpcListener.close(0)])
    },
  }
}

interface MeshListener {
  accept(socket: Socket): void
  close(timeoutMs: number): Promise<void>
}

/** What reads the requests of a node, as in production. */
async function listenerFor(deps: MeshNodeDeps, door: Door): Promise<MeshListener> {
  const { definition, settings, clock, log } = deps
  if (door.kind === 'gateway') {
    // Connections of a mesh have no network to be kept from.
    const { handle: handler, refused } = door
    return createFrontEngine({ ...settings.gateway, tls: undefined }, { handler, refused, clock, log })
  }
  const actionAt = actionsOf(definition, settings)
  const listener = createHttpListener({
    request: (req, res) => serveHttp(deps, door, actionAt, req, res),
    upgrade: (req, socket, head) => door.upgrade(req, socket, head),
  })
  return {
    accept: (socket) => void listener.server.emit('connection', socket),
    close: (timeoutMs) => listener.close(timeoutMs),
  }
}

function withFaults({ faults }: MeshNodeDeps, handler: RpcHandler): RpcHandler {
  return (received, responder) => {
    const strike = faults.strike(received.service, received.method)
    if (strike === undefined) {
      handler(received, responder)
      return
    }
    let forget: (() => void) | undefined
    received.onAbort(() => forget?.())
    forget = strike.wait(() => {
      const { error } = strike
      if (error === undefined) handler(received, responder)
      else responder.fault({ ...error, message: error.message, data: error.data, refusal: undefined })
    })
  }
}

function serveHttp(
  { faults, definition }: MeshNodeDeps,
  door: ServiceDoor,
  actionAt: ReadonlyMap<string, string>,
  req: IncomingMessage,
  res: ServerResponse,
): void {
  const action = actionAt.get(req.url?.split('?', 1)[0] ?? '')
  const strike = action === undefined ? undefined : faults.strike(definition.name, action)
  if (strike === undefined) {
    door.request(req, res)
    return
  }
  const forget = strike.wait(() => {
    const { error } = strike
    if (error === undefined) {
      door.request(req, res)
      return
    }
    const { status, code, message, data } = error
    res.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
    res.end(JSON.stringify({ status: false, code, msg: message, data }))
  })
  res.once('close', forget)
}

/** The actions of a service by their paths, as its contract and the configuration give them. */
export function actionsOf(definition: Definition, settings: Settings): ReadonlyMap<string, string> {
  const actions = new Map<string, string>()
  const contract = definition.kind === 'service' ? definition.contract : undefined
  for (const [action, { path }] of Object.entries(contract ? toDocument(contract).http : {})) actions.set(path, action)
  for (const [action, { path }] of Object.entries(settings.routes[definition.name] ?? {})) {
    if (path !== undefined) actions.set(path, action)
  }
  return actions
}
