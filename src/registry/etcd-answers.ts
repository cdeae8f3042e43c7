/**
 * What etcd answers: responses of the v3 API as far as goms and `etcdctl` use them, read and written. Requests are in
 * `etcd-codec.ts`. Source: etcd 3.4, etcdserver/etcdserverpb/rpc.proto and mvcc/mvccpb/kv.proto
 */
import { type Field, type Message, message } from './protobuf.ts'

export interface ResponseHeader {
  readonly clusterId: bigint
  readonly memberId: bigint
  readonly revision: bigint
  readonly raftTerm: bigint
}

export interface KeyValueMessage {
  readonly key: string
  readonly createRevision: bigint
  readonly modRevision: bigint
  readonly version: bigint
  readonly value: string
  readonly lease: bigint
}

export interface RangeResponse {
  readonly header?: Partial<ResponseHeader>
  readonly kvs: readonly KeyValueMessage[]
  readonly more: boolean
  readonly count: bigint
}

export interface PutResponse {
  readonly header?: Partial<ResponseHeader>
  readonly prevKv?: KeyValueMessage
}

export interface DeleteRangeResponse {
  readonly header?: Partial<ResponseHeader>
  readonly deleted: bigint
  readonly prevKvs: readonly KeyValueMessage[]
}

/** Exactly one member. */
export interface ResponseOp {
  readonly range?: Partial<RangeResponse>
  readonly put?: Partial<PutResponse>
  readonly deleteRange?: Partial<DeleteRangeResponse>
}

export interface TxnResponse {
  readonly header?: Partial<ResponseHeader>
  readonly succeeded: boolean
  readonly responses: readonly ResponseOp[]
}

export interface EventMessage {
  /** 0 put, 1 delete. */
  readonly type: number
  readonly kv?: Partial<KeyValueMessage>
  readonly prevKv?: KeyValueMessage
}

export interface WatchResponse {
  readonly header?: Partial<ResponseHeader>
  /** -1n: the answer to a progress request, for all watches of the stream. */
  readonly watchId: bigint
  readonly created: boolean
  readonly canceled: boolean
  readonly compactRevision: bigint
  readonly cancelReason: string
  readonly fragment: boolean
  readonly events: readonly EventMessage[]
}

export interface LeaseGrantResponse {
  readonly header?: Partial<ResponseHeader>
  readonly id: bigint
  readonly ttl: bigint
  readonly error: string
}

export interface LeaseRevokeResponse {
  readonly header?: Partial<ResponseHeader>
}

export interface LeaseKeepAliveResponse {
  readonly header?: Partial<ResponseHeader>
  readonly id: bigint
  /** Seconds; 0n: there is no such lease any more. */
  readonly ttl: bigint
}

export interface LeaseTimeToLiveResponse {
  readonly header?: Partial<ResponseHeader>
  readonly id: bigint
  /** Seconds left; -1n: there is no such lease. */
  readonly ttl: bigint
  readonly grantedTtl: bigint
  readonly keys: readonly string[]
}

export interface AuthenticateResponse {
  readonly header?: Partial<ResponseHeader>
  readonly token: string
}

export interface StatusResponse {
  readonly header?: Partial<ResponseHeader>
  readonly version: string
  readonly dbSize: bigint
  readonly leader: bigint
  readonly raftIndex: bigint
  readonly raftTerm: bigint
  readonly raftAppliedIndex: bigint
  readonly errors: readonly string[]
  readonly dbSizeInUse: bigint
  readonly isLearner: boolean
}

export interface MemberMessage {
  readonly id: bigint
  readonly name: string
  readonly peerUrls: readonly string[]
  readonly clientUrls: readonly string[]
  readonly isLearner: boolean
}

export interface MemberListResponse {
  readonly header?: Partial<ResponseHeader>
  readonly members: readonly Partial<MemberMessage>[]
}

const text = (number: number): Field => ({ number, kind: 'text' })
const texts = (number: number): Field => ({ number, kind: 'text', many: 'repeated' })
const int64 = (number: number): Field => ({ number, kind: 'int64' })
const uint64 = (number: number): Field => ({ number, kind: 'uint64' })
const bool = (number: number): Field => ({ number, kind: 'bool' })
const one = <T extends object>(number: number, kind: Message<T>): Field => ({
  number,
  kind: kind as unknown as Message<object>,
})
const list = <T extends object>(number: number, kind: Message<T>): Field => ({ ...one(number, kind), many: 'repeated' })

const ResponseHeader: Message<ResponseHeader> = message<ResponseHeader>({
  clusterId: uint64(1),
  memberId: uint64(2),
  revision: int64(3),
  raftTerm: uint64(4),
})
const header = one(1, ResponseHeader)

const KeyValueMessage: Message<KeyValueMessage> = message<KeyValueMessage>({
  key: text(1),
  createRevision: int64(2),
  modRevision: int64(3),
  version: int64(4),
  value: text(5),
  lease: int64(6),
})

export const RangeResponse: Message<RangeResponse> = message<RangeResponse>({
  header,
  kvs: list(2, KeyValueMessage),
  more: bool(3),
  count: int64(4),
})

export const PutResponse: Message<PutResponse> = message<PutResponse>({ header, prevKv: one(2, KeyValueMessage) })

export const DeleteRangeResponse: Message<DeleteRangeResponse> = message<DeleteRangeResponse>({
  header,
  deleted: int64(2),
  prevKvs: list(3, KeyValueMessage),
})

const ResponseOp: Message<ResponseOp> = message<ResponseOp>({
  range: one(1, RangeResponse),
  put: one(2, PutResponse),
  deleteRange: one(3, DeleteRangeResponse),
})

export const TxnResponse: Message<TxnResponse> = message<TxnResponse>({
  header,
  succeeded: bool(2),
  responses: list(3, ResponseOp),
})

const EventMessage: Message<EventMessage> = message<EventMessage>({
  type: { number: 1, kind: 'int32' },
  kv: one(2, KeyValueMessage),
  prevKv: one(3, KeyValueMessage),
})

export const WatchResponse: Message<WatchResponse> = message<WatchResponse>({
  header,
  watchId: int64(2),
  created: bool(3),
  canceled: bool(4),
  compactRevision: int64(5),
  cancelReason: text(6),
  fragment: bool(7),
  events: list(11, EventMessage),
})

export const LeaseGrantResponse: Message<LeaseGrantResponse> = message<LeaseGrantResponse>({
  header,
  id: int64(2),
  ttl: int64(3),
  error: text(4),
})

export const LeaseRevokeResponse: Message<LeaseRevokeResponse> = message<LeaseRevokeResponse>({ header })

export const LeaseKeepAliveResponse: Message<LeaseKeepAliveResponse> = message<LeaseKeepAliveResponse>({
  header,
  id: int64(2),
  ttl: int64(3),
})

export const LeaseTimeToLiveResponse: Message<LeaseTimeToLiveResponse> = message<LeaseTimeToLiveResponse>({
  header,
  id: int64(2),
  ttl: int64(3),
  grantedTtl: int64(4),
  keys: texts(5),
})

export const AuthenticateResponse: Message<AuthenticateResponse> = message<AuthenticateResponse>({
  header,
  token: text(2),
})

export const StatusResponse: Message<StatusResponse> = message<StatusResponse>({
  header,
  version: text(2),
  dbSize: int64(3),
  leader: uint64(4),
  raftIndex: uint64(5),
  raftTerm: uint64(6),
  raftAppliedIndex: uint64(7),
  errors: texts(8),
  dbSizeInUse: int64(9),
  isLearner: bool(10),
})

const MemberMessage: Message<MemberMessage> = message<MemberMessage>({
  id: uint64(1),
  name: text(2),
  peerUrls: texts(3),
  clientUrls: texts(4),
  isLearner: bool(5),
})

export const MemberListResponse: Message<MemberListResponse> = message<MemberListResponse>({
  header,
  members: list(2, MemberMessage),
})
