/**
 * The embedded registry's server: etcd's v3 API over gRPC on loopback, for goms itself, `etcdctl` and Go nodes. It calls itself
 * `goms-embedded`; what it does not offer is UNIMPLEMENTED. For one machine only: no disk, no members, no authentication.
 */
import { GomsError } from '../core/errors.ts'
import { createGrpcServer, type GrpcServer, type StreamMethod } from './embedded-grpc.ts'
import { EMBEDDED_NAME } from './embedded-name.ts'
import { createWatchMethod } from './embedded-watch.ts'
import {
  DeleteRangeResponse,
  LeaseGrantResponse,
  LeaseKeepAliveResponse,
  LeaseRevokeResponse,
  LeaseTimeToLiveResponse,
  MemberListResponse,
  PutResponse,
  RangeResponse,
  type ResponseHeader,
  StatusResponse,
  TxnResponse,
} from './etcd-answers.ts'
import {
  DeleteRangeRequest,
  ETCD_PATHS,
  LeaseGrantRequest,
  LeaseRequest,
  LeaseTimeToLiveRequest,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from './etcd-codec.ts'
import { createStore, type Store, type StoreOptions } from './store.ts'
import { answerDelete, answerPut, answerRange, answerTxn } from './store-api.ts'

export interface EmbeddedServerOptions extends StoreOptions {
  /** What is there from the start, by key: what must outlive the host before. */
  readonly seed?: Readonly<Record<string, string>> | undefined
}

export interface EmbeddedServer extends GrpcServer {
  /** Identity of this incarnation. */
  readonly memberId: bigint
  /** Where its revisions begin: of two hosts the one that began later is the one that the others went on to. */
  readonly startRevision: bigint
}

export function createEmbeddedServer(options: EmbeddedServerOptions): EmbeddedServer {
  const random = options.random ?? Math.random
  const store = createStore(options)
  for (const [key, value] of Object.entries(options.seed ?? {})) store.write((write) => write.put(key, value))
  const memberId = BigInt(Math.floor(random() * 2 ** 48)) + 1n
  const ports = new Set<number>()
  const header = (): ResponseHeader => ({
    clusterId: memberId,
    memberId,
    revision: store.revision,
    raftTerm: store.startRevision,
  })
  const grpc = createGrpcServer({
    unary: {
      ...keyMethods(store, header),
      ...leaseMethods(store, header),
      [ETCD_PATHS.status]: () =>
        StatusResponse.encode({
          header: header(),
          version: `3.4.0-${EMBEDDED_NAME}`,
          dbSize: BigInt(store.sizeBytes),
          dbSizeInUse: BigInt(store.sizeBytes),
          leader: memberId,
          raftIndex: store.revision,
          raftAppliedIndex: store.revision,
          raftTerm: store.startRevision,
        }),
      [ETCD_PATHS.memberList]: () => {
        const clientUrls = [...ports].map((port) => `http://127.0.0.1:${port}`)
        const members = [{ id: memberId, name: EMBEDDED_NAME, clientUrls, peerUrls: clientUrls }]
        return MemberListResponse.encode({ header: header(), members })
      },
      [ETCD_PATHS.authenticate]: () => {
        throw new GomsError('FAILED_PRECONDITION', 'etcdserver: authentication is not enabled')
      },
    },
    streams: {
      [ETCD_PATHS.watch]: createWatchMethod(store, header),
      [ETCD_PATHS.leaseKeepAlive]: createKeepAliveMethod(store, header),
    },
  })
  return {
    memberId,
    startRevision: store.startRevision,
    async listen(port) {
      const bound = await grpc.listen(port)
      ports.add(bound)
      return bound
    },
    async close() {
      await grpc.close()
      store.close()
    },
  }
}

type Methods = Record<string, (request: Buffer) => Buffer>
type HeaderOf = () => ResponseHeader

/** The header is made after the work: it tells the revision that the answer has brought about. */
function keyMethods(store: Store, header: HeaderOf): Methods {
  return {
    [ETCD_PATHS.range]: (bytes) => {
      const answer = answerRange(store, RangeRequest.decode(bytes))
      return RangeResponse.encode({ ...answer, header: header() })
    },
    [ETCD_PATHS.put]: (bytes) => {
      const request = PutRequest.decode(bytes)
      const answer = store.write((write) => answerPut(write, request))
      return PutResponse.encode({ ...answer, header: header() })
    },
    [ETCD_PATHS.deleteRange]: (bytes) => {
      const request = DeleteRangeRequest.decode(bytes)
      const answer = store.write((write) => answerDelete(write, request))
      return DeleteRangeResponse.encode({ ...answer, header: header() })
    },
    [ETCD_PATHS.txn]: (bytes) => {
      const answer = answerTxn(store, TxnRequest.decode(bytes))
      return TxnResponse.encode({ ...answer, header: header() })
    },
  }
}

function leaseMethods(store: Store, header: HeaderOf): Methods {
  return {
    [ETCD_PATHS.leaseGrant]: (bytes) => {
      const request = LeaseGrantRequest.decode(bytes)
      const lease = store.leases.grant(Number(request.ttl), request.id)
      return LeaseGrantResponse.encode({ header: header(), id: lease.id, ttl: BigInt(lease.ttlSeconds) })
    },
    [ETCD_PATHS.leaseRevoke]: (bytes) => {
      store.revoke(LeaseRequest.decode(bytes).id)
      return LeaseRevokeResponse.encode({ header: header() })
    },
    [ETCD_PATHS.leaseTimeToLive]: (bytes) => {
      const { id, keys } = LeaseTimeToLiveRequest.decode(bytes)
      const lease = store.leases.get(id)
      if (!lease) return LeaseTimeToLiveResponse.encode({ header: header(), id, ttl: -1n })
      return LeaseTimeToLiveResponse.encode({
        header: header(),
        id,
        ttl: BigInt(store.leases.leftSeconds(id)),
        grantedTtl: BigInt(lease.ttlSeconds),
        keys: keys ? [...lease.keys].sort() : [],
      })
    },
  }
}

function createKeepAliveMethod(store: Store, header: HeaderOf): StreamMethod {
  return (stream) => ({
    message(bytes) {
      const { id } = LeaseRequest.decode(bytes)
      const ttl = BigInt(store.leases.keepAlive(id))
      stream.send(LeaseKeepAliveResponse.encode({ header: header(), id, ttl }))
    },
    closed() {},
  })
}
