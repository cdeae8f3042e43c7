/**
 * The store under every registry: the part of etcd v3 that goms uses, as an etcd client, an embedded server's store and a
 * store in memory all offer it. Source: https://etcd.io/docs/v3.4/learning/api/
 */

export interface KeyValue {
  readonly key: string
  readonly value: string
  readonly createRevision: bigint
  readonly modRevision: bigint
  readonly version: bigint
  /** 0n without one. */
  readonly lease: bigint
}

export interface RangeResult {
  /** The store's revision when it answered. */
  readonly revision: bigint
  readonly kvs: readonly KeyValue[]
}

/** A condition of a transaction; all must hold. */
export type Compare =
  | { readonly key: string; readonly modRevision: bigint }
  | { readonly key: string; readonly createRevision: bigint }
  | { readonly key: string; readonly value: string }

export type Operation =
  | { readonly put: { readonly key: string; readonly value: string; readonly lease?: bigint } }
  | { readonly delete: { readonly key: string } }
  | { readonly range: { readonly key: string; readonly prefix?: boolean } }

export interface TxnResult {
  readonly revision: bigint
  readonly succeeded: boolean
  /** One per operation of the branch that ran; the keys of its `range`, else empty. */
  readonly ranges: readonly (readonly KeyValue[])[]
}

export interface WatchEvent {
  readonly type: 'put' | 'delete'
  readonly kv: KeyValue
}

export interface WatchHandler {
  /** Events of one revision or more, in order; empty for a progress notice. */
  events(events: readonly WatchEvent[], revision: bigint): void
  /** History up to there is gone: list again. The watch is over. */
  compacted(compactRevision: bigint): void
  /** The watch is over for another reason, the connection's included. */
  closed(cause: unknown): void
}

export interface Watch {
  /** Asks for a progress notice, so that a silent watch is found out. */
  progress(): void
  close(): void
}

/** Every call has a deadline of its own and rejects with a GomsError `UNAVAILABLE`, `DEADLINE_EXCEEDED` or `UNAUTHENTICATED`. */
export interface Kv {
  range(key: string, options?: { readonly prefix?: boolean }): Promise<RangeResult>
  put(key: string, value: string, options?: { readonly lease?: bigint }): Promise<{ readonly revision: bigint }>
  delete(key: string): Promise<{ readonly revision: bigint; readonly deleted: number }>
  txn(compare: readonly Compare[], success: readonly Operation[], failure?: readonly Operation[]): Promise<TxnResult>
  grant(ttlSeconds: number): Promise<{ readonly lease: bigint; readonly ttlSeconds: number }>
  /** Remaining TTL in seconds; 0 when the lease is gone. */
  keepAlive(lease: bigint): Promise<number>
  revoke(lease: bigint): Promise<void>
  /** Watches a prefix from a revision on (inclusive). */
  watch(prefix: string, fromRevision: bigint, handler: WatchHandler): Watch
  /** Calls back whenever a fresh connection took the place of a broken one. Returns how to stop. */
  onReconnect(listener: () => void): () => void
  readonly endpoint: string | undefined
  close(): Promise<void>
}
