/** A service as its author writes it: plain data. Importing a service file opens no port; `serve` and `goms start` do. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { type Contract, isContract } from '../contract/contract.ts'
import { GomsError } from '../core/errors.ts'
import { checkName } from '../core/name.ts'
import type { WebAppSource } from './web-app.ts'

export interface ServiceOptions {
  /**
   * An Express, Fastify, Koa, Hono or NestJS application, an `http.Server`, `(req, res) => …`, or a function without
   * parameters that returns one of them (or a promise of one) and is called when the service starts.
   * Applications are never told to listen.
   */
  readonly http?: WebAppSource
  /** Takes WebSocket and other upgrades itself; goes before handlers of the application's own. */
  readonly upgrade?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void
  /**
   * Called once at start with an `http.Server` that gets every request and upgrade of the service and never listens:
   * for libraries that want to be attached to a server (`new WebSocketServer({ server })`, socket.io).
   */
  readonly attach?: (server: Server) => void | Promise<void>
  /** Calls in progress above which new ones are refused as `overloaded`, 1 to 1000000. @default no limit */
  readonly maxInFlight?: number
  /**
   * Whether `callContext()` finds the call without being given the request. `false` saves the cost of
   * AsyncLocalStorage; `callContext(req)` works all the same. @default true
   */
  readonly ambient?: boolean
  /** Shown in the registry and used by routes with `select.version`. */
  readonly version?: string
}

/** What `service()` returns. */
export interface ServiceDefinition extends ServiceOptions {
  readonly kind: 'service'
  readonly name: string
  readonly contract?: Contract
}

/**
 * Defines a service by its name, or by its contract.
 * @throws GomsError GOMS_NAME_INVALID, GOMS_OPTION_INVALID
 */
export function service(name: string | Contract, options: ServiceOptions = {}): ServiceDefinition {
  const { maxInFlight } = options
  if (maxInFlight !== undefined && !(Number.isInteger(maxInFlight) && maxInFlight >= 1 && maxInFlight <= 1e6)) {
    const found = `\`${String(maxInFlight)}\` (${typeof maxInFlight})`
    throw new GomsError(
      'GOMS_OPTION_INVALID',
      `service: expected \`maxInFlight\` to be an integer from 1 to 1000000, got ${found}`,
      {
        detail: { found, expected: 'an integer from 1 to 1000000', fix: 'leave it out for no limit' },
      },
    )
  }
  if (isContract(name)) return { ...options, kind: 'service', name: name.name, contract: name }
  return { ...options, kind: 'service', name: checkName('service', name) }
}
