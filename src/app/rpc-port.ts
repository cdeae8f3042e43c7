/** The RPC port of a node: bound before the node registers, leaving and closing with it. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { listenOn } from '../transport/listen.ts'
import type { RpcHandler } from '../transport/rpc.ts'
import { createRpcListener } from '../transport/rpc-listener.ts'

export interface RpcPort {
  readonly port: number
  readonly connections: number
  /** Tells callers that the node leaves; what arrives is still handed over. */
  drain(): void
  close(timeoutMs: number): Promise<void>
}

/** @throws GomsError GOMS_PORT_IN_USE, GOMS_PORT_DENIED */
export async function bindRpcPort(
  port: number,
  host: string | undefined,
  handler: RpcHandler,
  clock: Clock,
  log: Log,
): Promise<RpcPort> {
  const listener = createRpcListener({
    handler,
    clock,
    failed: (error, { service, method }) => log.error(`rpc: ${service}.${method}: ${String(error)}`),
  })
  const bound = await listenOn(listener.server, port, host)
  return {
    port: bound.port,
    get connections() {
      return listener.connections
    },
    drain: () => listener.drain(),
    close: (timeoutMs) => listener.close(timeoutMs),
  }
}
