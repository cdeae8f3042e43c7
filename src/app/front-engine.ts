/** The engine that reads a gateway's requests: that of `gateway.parser`. */
import type { Clock } from '../core/clock.ts'
import type { GatewayOptions } from '../core/options.ts'
import type { HttpDoor } from '../transport/http-door.ts'
import type { ExchangeHandler } from '../transport/http-exchange.ts'

/** Only that of the two is loaded which is asked for. */
export async function createFrontEngine(
  { parser, maxHeaderBytes }: GatewayOptions,
  handler: ExchangeHandler,
  clock: Clock,
): Promise<HttpDoor> {
  const options = { handler, limits: { headBytes: maxHeaderBytes }, clock }
  if (parser === 'safe') {
    const { createHttpNodeDoor } = await import('../transport/http-node-door.ts')
    return createHttpNodeDoor(options)
  }
  const { createHttpRawListener } = await import('../transport/http-raw-listener.ts')
  return createHttpRawListener(options)
}
