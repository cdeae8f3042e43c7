/**
 * What clients send to etcd: requests of the v3 API as far as goms and `etcdctl` use them, read and written. Answers are in
 * `etcd-answers.ts`. Source: etcd 3.4, etcdserver/etcdserverpb/rpc.proto and mvcc/mvccpb/kv.proto
 */
import { type Field, type Message, message } from './protobuf.ts'

/** gRPC paths. */
export const ETCD_PATHS = {
  range: '/etcdserverpb.KV/Range',
  put: '/etcdserverpb.KV/Put',
  deleteRange: '/etcdserverpb.KV/DeleteRange',
  txn: '/etcdserverpb.KV/Txn',
  watch: '/etcdserverpb.Watch/Watch',
  leaseGrant: '/etcdserverpb.Lease/LeaseGrant',
  leaseRevoke: '/etcdserverpb.Lease/LeaseRevoke',
  leaseKeepAlive: '/etcdserverpb.Lease/LeaseKeepAlive',
  leaseTimeToLive: '/etcdserverpb.Lease/LeaseTimeToLive',
  authenticate: '/etcdserverpb.Auth/Authenticate',
  status: '/etcdserverpb.Maintenance/Status',
  memberList: '/etcdserverpb.Cluster/MemberList',
} as const

export interface RangeRequest {
  readonly key: string
  /** Exclusive end; empty: the one key. `\0` with key `\0`: every key; `\0` alone: every key from `key` on. */
  readonly rangeEnd: string
  /** 0n: no limit. */
  readonly limit: bigint
  /** 0n: now. */
  readonly revision: bigint
  /** 0 none, 1 ascending, 2 descending. */
  readonly sortOrder: number
  /** 0 key, 1 version, 2 create, 3 mod, 4 value. */
  readonly sortTarget: number
  readonly serializable: boolean
  readonly keysOnly: boolean
  readonly countOnly: boolean
}

export interface PutRequest {
  readonly key: string
  readonly value: string
  readonly lease: bigint
  readonly prevKv: boolean
  readonly ignoreValue: boolean
  readonly ignoreLease: boolean
}

export interface DeleteRangeRequest {
  readonly key: string
  readonly rangeEnd: string
  readonly prevKv: boolean
}

export interface CompareRequest {
  /** 0 equal, 1 greater, 2 less, 3 not equal. */
  readonly result: number
  /** 0 version, 1 create revision, 2 mod revision, 3 value, 4 lease. */
  readonly target: number
  readonly key: string
  readonly version?: bigint
  readonly createRevision?: bigint
  readonly modRevision?: bigint
  readonly value?: string
  readonly lease?: bigint
  readonly rangeEnd: string
}

/** Exactly one member; none stands for an operation that is not supported (a nested transaction). */
export interface RequestOp {
  readonly range?: Partial<RangeRequest>
  readonly put?: Partial<PutRequest>
  readonly deleteRange?: Partial<DeleteRangeRequest>
}

export interface TxnRequest {
  readonly compare: readonly Partial<CompareRequest>[]
  readonly success: readonly RequestOp[]
  readonly failure: readonly RequestOp[]
}

export interface WatchCreateRequest {
  readonly key: string
  readonly rangeEnd: string
  /** 0n: from now on. */
  readonly startRevision: bigint
  readonly progressNotify: boolean
  readonly prevKv: boolean
  /** 0n: the server chooses. */
  readonly watchId: bigint
  /** 0 no put, 1 no delete. */
  readonly filters: readonly number[]
}

export interface WatchCancelRequest {
  readonly watchId: bigint
}

/** Exactly one member. */
export interface WatchRequest {
  readonly create?: Partial<WatchCreateRequest>
  readonly cancel?: Partial<WatchCancelRequest>
  readonly progress?: Readonly<Record<string, never>>
}

export interface LeaseGrantRequest {
  readonly ttl: bigint
  /** 0n: the server chooses. */
  readonly id: bigint
}

/** Also LeaseRevokeRequest and LeaseKeepAliveRequest. */
export interface LeaseRequest {
  readonly id: bigint
}

export interface LeaseTimeToLiveRequest {
  readonly id: bigint
  readonly keys: boolean
}

export interface AuthenticateRequest {
  readonly name: string
  readonly password: string
}

export type EmptyRequest = Readonly<Record<string, never>>

const text = (number: number): Field => ({ number, kind: 'text' })
const int64 = (number: number): Field => ({ number, kind: 'int64' })
const int32 = (number: number): Field => ({ number, kind: 'int32' })
const bool = (number: number): Field => ({ number, kind: 'bool' })
const one = <T extends object>(number: number, kind: Message<T>): Field => ({
  number,
  kind: kind as unknown as Message<object>,
})
const list = <T extends object>(number: number, kind: Message<T>): Field => ({ ...one(number, kind), many: 'repeated' })

export const RangeRequest: Message<RangeRequest> = message<RangeRequest>({
  key: text(1),
  rangeEnd: text(2),
  limit: int64(3),
  revision: int64(4),
  sortOrder: int32(5),
  sortTarget: int32(6),
  serializable: bool(7),
  keysOnly: bool(8),
  countOnly: bool(9),
})

export const PutRequest: Message<PutRequest> = message<PutRequest>({
  key: text(1),
  value: text(2),
  lease: int64(3),
  prevKv: bool(4),
  ignoreValue: bool(5),
  ignoreLease: bool(6),
})

export const DeleteRangeRequest: Message<DeleteRangeRequest> = message<DeleteRangeRequest>({
  key: text(1),
  rangeEnd: text(2),
  prevKv: bool(3),
})

const CompareRequest: Message<CompareRequest> = message<CompareRequest>({
  result: int32(1),
  target: int32(2),
  key: text(3),
  version: { number: 4, kind: 'int64', many: 'optional' },
  createRevision: { number: 5, kind: 'int64', many: 'optional' },
  modRevision: { number: 6, kind: 'int64', many: 'optional' },
  value: { number: 7, kind: 'text', many: 'optional' },
  lease: { number: 8, kind: 'int64', many: 'optional' },
  rangeEnd: text(64),
})

const RequestOp: Message<RequestOp> = message<RequestOp>({
  range: one(1, RangeRequest),
  put: one(2, PutRequest),
  deleteRange: one(3, DeleteRangeRequest),
})

export const TxnRequest: Message<TxnRequest> = message<TxnRequest>({
  compare: list(1, CompareRequest),
  success: list(2, RequestOp),
  failure: list(3, RequestOp),
})

const WatchCreateRequest: Message<WatchCreateRequest> = message<WatchCreateRequest>({
  key: text(1),
  rangeEnd: text(2),
  startRevision: int64(3),
  progressNotify: bool(4),
  filters: { number: 5, kind: 'int32', many: 'repeated' },
  prevKv: bool(6),
  watchId: int64(7),
})

const WatchCancelRequest: Message<WatchCancelRequest> = message<WatchCancelRequest>({ watchId: int64(1) })

export const EmptyRequest: Message<EmptyRequest> = message<EmptyRequest>({})

export const WatchRequest: Message<WatchRequest> = message<WatchRequest>({
  create: one(1, WatchCreateRequest),
  cancel: one(2, WatchCancelRequest),
  progress: one(3, EmptyRequest),
})

export const LeaseGrantRequest: Message<LeaseGrantRequest> = message<LeaseGrantRequest>({ ttl: int64(1), id: int64(2) })

export const LeaseRequest: Message<LeaseRequest> = message<LeaseRequest>({ id: int64(1) })

export const LeaseTimeToLiveRequest: Message<LeaseTimeToLiveRequest> = message<LeaseTimeToLiveRequest>({
  id: int64(1),
  keys: bool(2),
})

export const AuthenticateRequest: Message<AuthenticateRequest> = message<AuthenticateRequest>({
  name: text(1),
  password: text(2),
})

/** The end of the range of all keys with that prefix: its last byte, one up. Prefixes end in ASCII (`_`, `/`). */
export function toRangeEnd(prefix: string): string {
  return prefix === '' ? '\0' : prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1)
}
