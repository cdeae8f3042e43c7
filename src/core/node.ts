/** A node: a running process of a service, as its registration tells of it. */

export type Transport = 'http' | 'rpc'

/** How a registry key is written: RPC address first (goms) or HTTP address first (go-garden). */
export type Dialect = 'goms' | 'go-garden'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface NodeInfo {
  /** The registry key, whole: `goms_user_10.0.0.1:9180_10.0.0.1:9080`. */
  readonly key: string
  readonly service: string
  /** `<rpcAddress>_<httpAddress>` as the log lines and `/cluster` show it. */
  readonly name: string
  /** New at each start of the process; a node that advertises nothing gets one made of its name and create revision. */
  readonly id: string
  readonly rpc: Address
  readonly http: Address
  readonly dialect: Dialect
  /** What the node speaks: a goms-dialect node of value `0` is HTTP only. */
  readonly protocols: readonly Transport[]
  readonly version: string | undefined
  readonly zone: string | undefined
  readonly startedAtMs: number | undefined
  /** Hash of the contract that the node advertises; undefined: it says nothing and takes all file routes. */
  readonly contract: string | undefined
  /** Relative share for weighted balancing, 0 to 1000. @default 1 */
  readonly weight: number
  /** The node said that it is leaving: skipped while any other is left. */
  readonly draining: boolean
  /** Address of its admin listener, `host:port`. */
  readonly admin: string | undefined
}

/** `host:port`, with brackets around an IPv6 host. */
export function toHostPort(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}
