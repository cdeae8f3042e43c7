/** A thin client of etcd v3, as far as goms needs it: the `Kv` port over one HTTP/2 session, with failover and renewed tokens. */
import { type Clock, systemClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { TlsOptions } from '../core/options.ts'
import {
  DeleteRangeResponse,
  LeaseGrantResponse,
  LeaseRevokeResponse,
  MemberListResponse,
  PutResponse,
  RangeResponse,
  StatusResponse,
  TxnResponse,
} from './etcd-answers.ts'
import {
  type CompareRequest,
  DeleteRangeRequest,
  EmptyRequest,
  ETCD_PATHS,
  LeaseGrantRequest,
  LeaseRequest,
  PutRequest,
  RangeRequest,
  type RequestOp,
  TxnRequest,
  toRangeEnd,
} from './etcd-codec.ts'
import type { Method } from './etcd-connection.ts'
import { createSessions, type Session } from './etcd-session.ts'
import type { Compare, Kv, Operation } from './kv.ts'

export interface EtcdClientOptions {
  /** `host:port`, in order of preference; a function is asked anew at each round of connecting. */
  readonly endpoints: readonly string[] | (() => readonly string[])
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly tls?: TlsOptions | undefined
  readonly clock?: Clock
  readonly random?: () => number
  /** One call, the wait for a connection included. @default 2500 */
  readonly callTimeoutMs?: number
  /** Opening one connection. @default 1500 */
  readonly connectTimeoutMs?: number
}

export interface EtcdClient extends Kv {
  status(): Promise<StatusResponse>
  memberList(): Promise<MemberListResponse>
  /** Leaves the endpoint for the next one, as if the connection had broken. */
  reconnect(reason: string): void
  /** How often an endpoint was tried in vain since the last success. */
  readonly failedTries: number
}

const METHODS = {
  range: { path: ETCD_PATHS.range, request: RangeRequest, response: RangeResponse },
  put: { path: ETCD_PATHS.put, request: PutRequest, response: PutResponse },
  delete: { path: ETCD_PATHS.deleteRange, request: DeleteRangeRequest, response: DeleteRangeResponse },
  txn: { path: ETCD_PATHS.txn, request: TxnRequest, response: TxnResponse },
  grant: { path: ETCD_PATHS.leaseGrant, request: LeaseGrantRequest, response: LeaseGrantResponse },
  revoke: { path: ETCD_PATHS.leaseRevoke, request: LeaseRequest, response: LeaseRevokeResponse },
  status: { path: ETCD_PATHS.status, request: EmptyRequest, response: StatusResponse },
  memberList: { path: ETCD_PATHS.memberList, request: EmptyRequest, response: MemberListResponse },
}

/** TTLs that are remembered, to know when a keep-alive is overdue. */
const MAX_LEASES = 1000

/** A client; it connects at the first call, and from then on stays connected until `close`. */
export function createEtcdClient(options: EtcdClientOptions): EtcdClient {
  const clock = options.clock ?? systemClock
  const callTimeoutMs = options.callTimeoutMs ?? 2500
  const sessions = createSessions({
    endpoints: options.endpoints,
    user: options.user,
    password: options.password,
    tls: options.tls,
    clock,
    random: options.random ?? Math.random,
    connectTimeoutMs: options.connectTimeoutMs ?? 1500,
  })
  const ttls = new Map<bigint, number>()
  let closed = false

  async function call<Q extends object, R extends object>(method: Method<Q, R>, request: Partial<Q>): Promise<R> {
    const deadlineMs = clock.now() + callTimeoutMs
    const session = await sessions.ready(callTimeoutMs)
    const attempt = (token: string | undefined) =>
      session.connection.unary(method, request, { timeoutMs: Math.max(1, deadlineMs - clock.now()), token })
    const token = sessions.token
    try {
      return await attempt(token)
    } catch (thrown) {
      const error = GomsError.from(thrown)
      if (options.user === undefined || !isTokenError(error)) throw judge(session, error)
    }
    // Once: whoever is refused with a fresh token has no right to it.
    await sessions.renewToken(session, token)
    try {
      return await attempt(sessions.token)
    } catch (thrown) {
      throw judge(session, GomsError.from(thrown))
    }
  }

  /** A member that does not answer, or cannot, is left for the next one. */
  function judge(session: Session, error: GomsError): GomsError {
    if (error.code === 'DEADLINE_EXCEEDED' || error.code === 'UNAVAILABLE') session.connection.destroy(error)
    if (error.code === 'PERMISSION_DENIED') return new GomsError('UNAUTHENTICATED', error.message, { cause: error })
    return error
  }

  return {
    async range(key, { prefix = false } = {}) {
      const { header, kvs } = await call(METHODS.range, { key, rangeEnd: prefix ? toRangeEnd(key) : '' })
      return { revision: header?.revision ?? 0n, kvs }
    },
    async put(key, value, { lease = 0n } = {}) {
      const { header } = await call(METHODS.put, { key, value, lease })
      return { revision: header?.revision ?? 0n }
    },
    async delete(key) {
      const { header, deleted } = await call(METHODS.delete, { key })
      return { revision: header?.revision ?? 0n, deleted: Number(deleted) }
    },
    async txn(compare, success, failure = []) {
      const { header, succeeded, responses } = await call(METHODS.txn, {
        compare: compare.map(toCompare),
        success: success.map(toRequestOp),
        failure: failure.map(toRequestOp),
      })
      return { revision: header?.revision ?? 0n, succeeded, ranges: responses.map((one) => one.range?.kvs ?? []) }
    },
    async grant(ttlSeconds) {
      const { id, ttl, error } = await call(METHODS.grant, { ttl: BigInt(ttlSeconds) })
      if (error) throw new GomsError('UNKNOWN', `etcd: LeaseGrant: ${error}`)
      if (ttls.size >= MAX_LEASES) ttls.clear()
      ttls.set(id, Number(ttl))
      return { lease: id, ttlSeconds: Number(ttl) }
    },
    async keepAlive(lease) {
      const session = await sessions.ready(callTimeoutMs)
      // An answer that takes longer costs the lease; the next member may still save it.
      const timeoutMs = Math.max(1000, ((ttls.get(lease) ?? 0) * 1000) / 3)
      const ttl = await session.keepAlives.keepAlive(lease, timeoutMs)
      if (ttl === 0) ttls.delete(lease)
      return ttl
    },
    async revoke(lease) {
      ttls.delete(lease)
      try {
        await call(METHODS.revoke, { id: lease })
      } catch (error) {
        if (GomsError.from(error).code !== 'NOT_FOUND') throw error
      }
    },
    watch(prefix, fromRevision, handler) {
      let over = false
      let inner: { progress(): void; close(): void } | undefined
      const ended = (cause: unknown) => {
        if (over) return
        over = true
        handler.closed(cause)
      }
      sessions.ready(callTimeoutMs).then((session) => {
        if (over) return
        inner = session.watches.watch(prefix, fromRevision, {
          events: (events, revision) => handler.events(events, revision),
          compacted(revision) {
            over = true
            handler.compacted(revision)
          },
          closed(cause) {
            // A stream keeps the token that it was opened with: only a fresh session gets a fresh one.
            if (cause instanceof GomsError && cause.code === 'UNAUTHENTICATED') session.connection.destroy(cause)
            ended(cause)
          },
        })
      }, ended)
      return {
        progress: () => inner?.progress(),
        close() {
          over = true
          inner?.close()
        },
      }
    },
    onReconnect: (listener) => sessions.onReconnect(listener),
    get endpoint() {
      return sessions.current?.connection.endpoint
    },
    get failedTries() {
      return sessions.failedTries
    },
    status: () => call(METHODS.status, {}),
    memberList: () => call(METHODS.memberList, {}),
    reconnect(reason) {
      const session = sessions.current
      session?.connection.destroy(new GomsError('UNAVAILABLE', `etcd ${session.connection.endpoint}: ${reason}`))
    },
    async close() {
      if (closed) return
      closed = true
      sessions.close()
    },
  }
}

function isTokenError(error: GomsError): boolean {
  return error.code === 'UNAUTHENTICATED' || error.code === 'PERMISSION_DENIED'
}

function toCompare(compare: Compare): Partial<CompareRequest> {
  if ('modRevision' in compare) return { key: compare.key, target: 2, modRevision: compare.modRevision }
  if ('createRevision' in compare) return { key: compare.key, target: 1, createRevision: compare.createRevision }
  return { key: compare.key, target: 3, value: compare.value }
}

function toRequestOp(operation: Operation): RequestOp {
  if ('put' in operation) return { put: operation.put }
  if ('delete' in operation) return { deleteRange: operation.delete }
  const { key, prefix } = operation.range
  return { range: { key, rangeEnd: prefix ? toRangeEnd(key) : '' } }
}
