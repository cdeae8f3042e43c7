/** A route of the gateway, and what contracts say that it is made of. */
import type { ContractDocument } from '../contract/contract.ts'
import type { NodeInfo } from '../core/node.ts'
import type { RequestObserver } from '../core/observe.ts'
import type { Policy } from '../core/options.ts'

/** One route, resolved. */
export interface Route {
  readonly service: string
  readonly action: string
  readonly type: 'http' | 'rpc'
  /** Upper case; undefined: any. */
  readonly methods: readonly string[] | undefined
  /** Path at that node: nodes of two versions may have it at two places. */
  pathAt(node: NodeInfo): string
  readonly policy: Policy
  /** Undefined: by the request's method; methods of RPC are so only if all live contracts say it. */
  readonly idempotent: boolean | undefined
  readonly idempotencyKey: boolean
  readonly envelope: boolean
  /** Body bytes of a request; infinite: as many as can be had. */
  readonly maxBodyBytes: number
  /** Nodes that may take it; undefined: every node of the service. */
  readonly offers: ((node: NodeInfo) => boolean) | undefined
  /** Who is told of its requests; set by the table. */
  observer: RequestObserver | undefined
}

/** What contracts say: the one that the gateway was given, and those of live nodes by their hashes. */
export interface Contracts {
  readonly coded: ContractDocument | undefined
  readonly live: ReadonlyMap<string, ContractDocument>
}
