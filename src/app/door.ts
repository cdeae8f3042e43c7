/** What stands behind a node's ports: the gateway, or the way in of a service. One shape for both, but for HTTP requests. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import type { AccessEntry, Log } from '../core/log.ts'
import type { Transport } from '../core/node.ts'
import type { Observers } from '../core/observe.ts'
import type { Settings } from '../core/options.ts'
import type { GatheredStats } from '../gateway/cluster.ts'
import type { ProcessSnapshot } from '../telemetry/metrics-snapshot.ts'
import type { ExchangeHandler } from '../transport/http-exchange.ts'
import type { RpcHandler } from '../transport/rpc.ts'
import type { Cluster } from './cluster.ts'
import type { Components } from './components.ts'
import type { Events } from './events.ts'
import type { WorkerStatus } from './health.ts'
import type { Outbound } from './outbound.ts'
import type { Definition } from './service-file.ts'

export type Door = ServiceDoor | GatewayDoor

/** That of a node: its gateway may work in processes of their own. */
export type NodeDoor = Door | WorkersDoor

/** What is served by workers: they have the requests, and this is what is known of them. */
export interface WorkersDoor extends DoorLife {
  readonly kind: 'workers'
}

/** Takes requests as node:http gives them: web frameworks want them so. */
export interface ServiceDoor extends DoorLife {
  readonly kind: 'service'
  request(req: IncomingMessage, res: ServerResponse): void
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
}

/** Takes requests from an engine of its own. */
export interface GatewayDoor extends DoorLife {
  readonly kind: 'gateway'
  readonly handle: ExchangeHandler
  /** The engine has refused what is no request. */
  refused(status: number, address: string): void
}

export interface DoorLife {
  /** What the RPC port hands its requests to. */
  readonly rpc: RpcHandler
  /** What the node speaks, and advertises. */
  readonly protocols: readonly Transport[]
  start(): Promise<void>
  /** Answers tell that the node leaves. After `serveForMs` a service refuses what arrives, and sessions are ended. */
  drain(serveForMs: number): void
  inFlight(): number
  sessions(): number
  /** Resolves when nothing is in progress. */
  idle(): Promise<void>
  close(): Promise<void>
  /** Told whenever the node becomes ready, or stops to be, for those who cannot ask. */
  tellReady?(ready: boolean): void
  /** Those that do the work, where it is not this process. */
  workers?(): readonly WorkerStatus[]
  /** What they count. Never rejects. */
  workerMetrics?(): Promise<readonly ProcessSnapshot[]>
  /** What the node advertises. */
  readonly contract: { readonly hash: string; readonly document: unknown } | undefined
}

/** What doors are made of. */
export interface DoorDeps<D extends Definition = Definition> {
  readonly definition: D
  readonly settings: Settings
  readonly cluster: Cluster
  readonly nodeId: string
  /** Calls of this service to others. */
  readonly outbound: Outbound
  readonly ready: () => boolean
  /** Why it is not: it leaves, or it is starting. */
  readonly leaving?: (() => boolean) | undefined
  /** The numbers of all workers of a gateway; undefined: this process is all of it. */
  readonly gather?: (() => Promise<GatheredStats>) | undefined
  readonly components: Components
  readonly events: Events
  /** Told of what the door serves. @default nobody */
  readonly observers?: Observers | undefined
  readonly log: Log
  /** Takes what a gateway tells of its requests. @default nobody is told */
  readonly access?: ((entry: AccessEntry) => void) | undefined
  readonly clock: Clock
}

export interface DoorParts {
  readonly door: Door
  /** Takes changed settings. */
  update(settings: Settings): void
}
