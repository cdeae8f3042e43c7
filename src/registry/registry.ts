/** The port of the registries: who is there, kept live; and this process among them, kept for ever. */
import type { NodeInfo } from '../core/node.ts'
import type { Kv } from './kv.ts'

/** What the value of our key says; `0` means that nothing is known. */
export interface NodeValue {
  /** New at each start. */
  readonly id: string
  readonly version?: string | undefined
  readonly zone?: string | undefined
  readonly startedAtMs?: number | undefined
  readonly contract?: string | undefined
  readonly protocols?: readonly ('http' | 'rpc')[] | undefined
}

/** What changes while a node lives; under `/goms/v1/<project>/state/<node>`, on the same lease. */
export interface NodeState {
  readonly draining?: boolean | undefined
  readonly weight?: number | undefined
  /** `host:port` of the admin listener. */
  readonly admin?: string | undefined
}

export interface Registration {
  readonly service: string
  readonly rpc: { readonly host: string; readonly port: number }
  readonly http: { readonly host: string; readonly port: number }
  readonly value: NodeValue
  readonly state: NodeState
  /** The contract that `value.contract` is the hash of; put under its hash before the key is written. */
  readonly contract?: { readonly hash: string; readonly document: unknown } | undefined
}

/** A registration that is kept until it is closed: lease lost, registry restarted, key deleted by hand. */
export interface Registered {
  /** The registry key, whole. */
  readonly key: string
  setState(state: NodeState): Promise<void>
  /** Takes the key away and gives the lease back; bounded in time, and silent when the registry is away. */
  close(): Promise<void>
}

export type ViewChange =
  | { readonly type: 'join'; readonly node: NodeInfo }
  /** `certain: false` where a node vanished with the registry's own history, not by a delete. */
  | { readonly type: 'leave'; readonly node: NodeInfo; readonly certain?: boolean }
  /** Same node, other state (draining, weight, admin). */
  | { readonly type: 'update'; readonly node: NodeInfo; readonly before: NodeInfo }

/** The live picture. It keeps the last known while the registry is away. */
export interface View {
  /** Every service ever seen, sorted by name; one whose last node left stays, empty. */
  services(): readonly string[]
  /** Sorted by key. The array is replaced, never changed: hold it as long as you like. */
  nodes(service: string): readonly NodeInfo[]
  /** The contract of that hash as its node put it, or undefined while it has not been read. */
  contract(hash: string): unknown
  /** Calls back after each change is in the view, one change a call. Returns how to stop. */
  subscribe(listener: (change: ViewChange) => void): () => void
  /** Like subscribe, for contracts that became known. */
  onContract(listener: (service: string, hash: string, document: unknown) => void): () => void
  /** Keys and values that were skipped because they cannot be a node of ours. */
  readonly skipped: number
}

export interface RegistryStatus {
  readonly connected: boolean
  readonly endpoint: string | undefined
  readonly revision: bigint
  /** Milliseconds since the registry was last heard of. */
  readonly ageMs: number
}

/** Routes and the defaults of all routes that every process of a project goes by: one of the numbers that were written. */
export interface RoutesDocument {
  /** Of the document; {@link RoutesDocument.set} is read by those only who know it. */
  readonly format: number
  /** From 1, one more with each that is written. */
  readonly number: number
  /** Random, made with the first number: numbers of another line say nothing about these. */
  readonly line: string
  /** ISO 8601, UTC. */
  readonly at: string
  readonly by: string
  readonly message?: string | undefined
  /** In the form of the configuration files; undefined: withdrawn, so that each process goes by its own files again. */
  readonly set?: Readonly<Record<string, unknown>> | undefined
}

/** What the registry holds of shared routes, and what it takes to write over it. */
export interface RoutesShelf {
  readonly current: RoutesDocument | undefined
  /** The last ten, the current one among them, newest first. */
  readonly history: readonly RoutesDocument[]
  readonly modRevision: bigint
}

export interface SharedRoutes {
  /** As last known: kept while the registry is away, and put back into one that started over. */
  readonly current: RoutesDocument | undefined
  /** Calls back after each change of `current`. Returns how to stop. */
  subscribe(listener: () => void): () => void
  read(): Promise<RoutesShelf>
  /**
   * Writes the next number, if the registry still holds what was read. Undefined: it does not, and nothing was changed.
   * @throws GomsError GOMS_CONFIG_INVALID for a set that is too large
   */
  write(read: RoutesShelf, next: Pick<RoutesDocument, 'by' | 'message' | 'set'>): Promise<RoutesDocument | undefined>
  /** Puts one back where the registry holds none, or an earlier one of its line. Resolves to what it holds then. */
  putBack(document: RoutesDocument): Promise<RoutesDocument | undefined>
}

export interface Registry {
  readonly kind: 'memory' | 'embedded' | 'etcd'
  readonly view: View
  readonly routes: SharedRoutes
  /**
   * Connects and reads the first full listing.
   * @throws GomsError GOMS_REGISTRY_UNAVAILABLE after `connectTimeoutMs`, GOMS_REGISTRY_AUTH at once
   */
  start(): Promise<void>
  /** Registers; resolves once the key is written. @throws GomsError GOMS_ADDRESS_CONFLICT */
  register(registration: Registration): Promise<Registered>
  /** A secret that all processes of an `embedded` or `memory` project share, made by the first that asks. */
  sharedKey(): Promise<string>
  status(): RegistryStatus
  /** Where else something may be kept; undefined: not here, as etcd is shared with others. */
  store(): Kv | undefined
  close(): Promise<void>
}
