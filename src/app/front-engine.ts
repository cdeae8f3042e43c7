/** The engines that take a gateway's requests: that of `gateway.parser`, behind TLS and beside HTTP/2 where they are asked for. */
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { GatewayOptions, ServerTlsOptions } from '../core/options.ts'
import type { HttpDoor, HttpDoorOptions } from '../transport/http-door.ts'
import type { ExchangeHandler } from '../transport/http-exchange.ts'

export interface FrontDeps {
  readonly handler: ExchangeHandler
  /** Told of what the door refuses by itself. */
  refused(status: number, address: string): void
  readonly clock: Clock
  readonly log: Log
}

/**
 * Only what is asked for is loaded.
 * @throws GomsError GOMS_CONFIG_UNREADABLE, GOMS_CONFIG_INVALID for the files of `gateway.tls`
 */
export async function createFrontEngine(gateway: GatewayOptions, deps: FrontDeps): Promise<HttpDoor> {
  const options: HttpDoorOptions = {
    ...{ handler: deps.handler, refused: deps.refused, clock: deps.clock },
    limits: {
      headBytes: gateway.maxHeaderBytes,
      fieldCount: gateway.maxHeaderCount,
      targetBytes: gateway.maxTargetBytes,
    },
    headTimeoutMs: gateway.headTimeoutMs,
    idleTimeoutMs: gateway.keepAliveTimeoutMs,
    answerTimeoutMs: gateway.answerTimeoutMs,
  }
  if (gateway.tls !== undefined) return createTlsEngine(gateway, gateway.tls, options, deps)
  return createHttp1Engine(gateway, { ...options, maxConnections: gateway.maxConnections })
}

async function createHttp1Engine({ parser }: GatewayOptions, options: HttpDoorOptions): Promise<HttpDoor> {
  if (parser === 'safe') {
    const { createHttpNodeDoor } = await import('../transport/http-node-door.ts')
    return createHttpNodeDoor(options)
  }
  const { createHttpRawDoor } = await import('../transport/http-raw-door.ts')
  return createHttpRawDoor(options)
}

async function createTlsEngine(
  gateway: GatewayOptions,
  tls: ServerTlsOptions,
  options: HttpDoorOptions,
  deps: FrontDeps,
): Promise<HttpDoor> {
  const [{ createHttpTlsDoor }, { readCertificate, sayCertificate, watchCertificate }] = await Promise.all([
    import('../transport/http-tls-door.ts'),
    import('./server-certificate.ts'),
  ])
  const material = await readCertificate(tls)
  const door = createHttpTlsDoor({
    ...{ material, minVersion: tls.minVersion, clientCert: tls.clientCert, clock: deps.clock },
    http1: await createHttp1Engine(gateway, options),
    http2: gateway.http2 ? (await import('../transport/http-h2-door.ts')).createHttpH2Door(options) : undefined,
    handshakeTimeoutMs: gateway.headTimeoutMs,
    maxConnections: gateway.maxConnections,
  })
  sayCertificate(material, deps.log, deps.clock)
  const watching = watchCertificate(tls, material, (renewed) => door.renew(renewed), deps)
  return {
    ...door,
    get connections() {
      return door.connections
    },
    close(timeoutMs) {
      watching.close()
      return door.close(timeoutMs)
    },
  }
}
