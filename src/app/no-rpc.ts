/** What answers on the RPC port of a node that serves no RPC, or not yet: a refusal in the words of Go's server and in ours. */
import type { RpcFault, RpcHandler } from '../transport/rpc.ts'

/** A node that is not registered yet; whoever calls it knew its address from before. */
export const STARTING: RpcFault = {
  code: 'UNAVAILABLE',
  message: 'the node is starting',
  status: 503,
  data: undefined,
  refusal: 'overloaded',
  retryAfterMs: undefined,
}

/** Provably runs nothing. */
export const noRpc: RpcHandler = ({ service }, responder) =>
  responder.fault({
    code: 'UNIMPLEMENTED',
    message: `rpcx: can't find service ${service}`,
    status: 501,
    data: undefined,
    refusal: 'unimplemented',
    retryAfterMs: undefined,
  })
