/** The RPC port of a node: bound before the node registers, and refusing politely. */
import { listenOn } from '../transport/listen.ts'
import { createRpcRefusal } from '../transport/rpc-refusal.ts'

export interface RpcPort {
  readonly port: number
  close(): Promise<void>
}

/** @throws GomsError GOMS_PORT_IN_USE, GOMS_PORT_DENIED */
export async function bindRpcPort(port: number, host: string | undefined): Promise<RpcPort> {
  const refusal = createRpcRefusal()
  const bound = await listenOn(refusal.server, port, host)
  return { port: bound.port, close: () => refusal.close() }
}
