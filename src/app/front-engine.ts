/** The engine that reads a gateway's requests: that of `gateway.parser`. */
import type { Clock } from '../core/clock.ts'
import type { GatewayOptions } from '../core/options.ts'
import type { HttpDoor, HttpDoorOptions } from '../transport/http-door.ts'
import type { ExchangeHandler } from '../transport/http-exchange.ts'

/** Only that of the two is loaded which is asked for. */
export async function createFrontEngine(
  gateway: GatewayOptions,
  handler: ExchangeHandler,
  clock: Clock,
): Promise<HttpDoor> {
  const options: HttpDoorOptions = {
    ...{ handler, clock },
    limits: {
      headBytes: gateway.maxHeaderBytes,
      fieldCount: gateway.maxHeaderCount,
      targetBytes: gateway.maxTargetBytes,
    },
    headTimeoutMs: gateway.headTimeoutMs,
    idleTimeoutMs: gateway.keepAliveTimeoutMs,
    answerTimeoutMs: gateway.answerTimeoutMs,
    maxConnections: gateway.maxConnections,
  }
  if (gateway.parser === 'safe') {
    const { createHttpNodeDoor } = await import('../transport/http-node-door.ts')
    return createHttpNodeDoor(options)
  }
  const { createHttpRawListener } = await import('../transport/http-raw-listener.ts')
  return createHttpRawListener(options)
}
