/** etcd's requests carried out on a store: what the embedded server sends over gRPC and the registry in memory calls directly. */
import { GomsError } from '../core/errors.ts'
import type { DeleteRangeResponse, PutResponse, RangeResponse, ResponseOp, TxnResponse } from './etcd-answers.ts'
import type {
  CompareRequest,
  DeleteRangeRequest,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from './etcd-codec.ts'
import type { KeyValue } from './kv.ts'
import type { Store, StoreWrite } from './store.ts'

/** As etcd's `--max-txn-ops`. */
const MAX_OPERATIONS = 128

export function answerRange(store: Store, request: Partial<RangeRequest>): Omit<RangeResponse, 'header'> {
  const found = store.range(request.key ?? '', request.rangeEnd, request.revision)
  if (request.countOnly) return { kvs: [], more: false, count: BigInt(found.length) }
  const limit = Number(request.limit ?? 0n)
  const kvs = sortKvs(found, request.sortOrder ?? 0, request.sortTarget ?? 0)
  const cut = limit > 0 ? kvs.slice(0, limit) : kvs
  return {
    kvs: request.keysOnly ? cut.map((kv) => ({ ...kv, value: '' })) : cut,
    more: cut.length < kvs.length,
    count: BigInt(found.length),
  }
}

export function answerPut(write: StoreWrite, request: Partial<PutRequest>): PutResponse {
  const before = write.put(request.key ?? '', request.value ?? '', request)
  return request.prevKv && before ? { prevKv: before } : {}
}

export function answerDelete(write: StoreWrite, request: Partial<DeleteRangeRequest>): DeleteRangeResponse {
  const gone = write.delete(request.key ?? '', request.rangeEnd)
  return { deleted: BigInt(gone.length), prevKvs: request.prevKv ? gone : [] }
}

/**
 * All comparisons hold: the operations of `success`, else those of `failure`, as one write.
 * @throws GomsError INVALID_ARGUMENT for more than 128 operations or a key put twice, UNIMPLEMENTED for a nested transaction
 */
export function answerTxn(store: Store, request: Partial<TxnRequest>): Omit<TxnResponse, 'header'> {
  const { compare = [], success = [], failure = [] } = request
  if (Math.max(compare.length, success.length, failure.length) > MAX_OPERATIONS)
    throw new GomsError('INVALID_ARGUMENT', 'etcdserver: too many operations in txn request')
  refuseDuplicates(success)
  refuseDuplicates(failure)
  const succeeded = compare.every((condition) => holds(store, condition))
  const responses = store.write((write) => (succeeded ? success : failure).map((op) => answerOp(store, write, op)))
  return { succeeded, responses }
}

function answerOp(store: Store, write: StoreWrite, op: RequestOp): ResponseOp {
  if (op.put) return { put: answerPut(write, op.put) }
  if (op.deleteRange) return { deleteRange: answerDelete(write, op.deleteRange) }
  if (op.range) return { range: answerRange(store, op.range) }
  throw new GomsError('UNIMPLEMENTED', 'goms-embedded: nested transactions are not supported')
}

/** One revision holds one value of a key, as in etcd. */
function refuseDuplicates(ops: readonly RequestOp[]): void {
  const keys = new Set<string>()
  for (const { put } of ops) {
    if (!put) continue
    const key = put.key ?? ''
    if (keys.has(key)) throw new GomsError('INVALID_ARGUMENT', 'etcdserver: duplicate key given in txn request')
    keys.add(key)
  }
}

const ABSENT = { value: '', createRevision: 0n, modRevision: 0n, version: 0n, lease: 0n }

function holds(store: Store, condition: Partial<CompareRequest>): boolean {
  const key = condition.key ?? ''
  const found = store.range(key, condition.rangeEnd)
  if (found.length > 0) return found.every((kv) => compareOne(kv, condition))
  // An absent key has revision and version 0, but no value that could equal one.
  return condition.target === 3 ? false : compareOne({ key, ...ABSENT }, condition)
}

function compareOne(kv: KeyValue, condition: Partial<CompareRequest>): boolean {
  const [actual, wanted] = sides(kv, condition)
  if (condition.result === 1) return actual > wanted
  if (condition.result === 2) return actual < wanted
  return (actual === wanted) === (condition.result !== 3)
}

function sides(kv: KeyValue, condition: Partial<CompareRequest>): readonly [bigint | string, bigint | string] {
  switch (condition.target) {
    case 1:
      return [kv.createRevision, condition.createRevision ?? 0n]
    case 2:
      return [kv.modRevision, condition.modRevision ?? 0n]
    case 3:
      return [kv.value, condition.value ?? '']
    case 4:
      return [kv.lease, condition.lease ?? 0n]
    default:
      return [kv.version, condition.version ?? 0n]
  }
}

const SORT_FIELDS = ['key', 'version', 'createRevision', 'modRevision', 'value'] as const

function sortKvs(kvs: readonly KeyValue[], order: number, target: number): readonly KeyValue[] {
  const field = SORT_FIELDS[target] ?? 'key'
  // etcd takes a target without an order as ascending.
  if (field === 'key' && order !== 2) return kvs
  const sign = order === 2 ? -1 : 1
  return [...kvs].sort((a, b) => (a[field] < b[field] ? -sign : a[field] > b[field] ? sign : 0))
}
