/** The port of what listens for HTTP requests and hands each to a handler, whichever engine reads them. */
import type { Server, Socket } from 'node:net'
import type { Clock } from '../core/clock.ts'
import type { Address } from '../core/node.ts'
import type { HeadLimits } from '../http/head-result.ts'
import type { ExchangeHandler } from './http-exchange.ts'
import type { ListenOptions } from './listen.ts'

export interface HttpDoorOptions {
  readonly handler: ExchangeHandler
  /** Of a request's head. @default 16384 bytes, 128 fields, 8192 bytes of target */
  readonly limits?: Partial<HeadLimits> | undefined
  /** For a request's head to arrive, from its first byte; then 408. @default 10000 */
  readonly headTimeoutMs?: number | undefined
  /** How long a connection without a request is kept, a new one as well. @default 75000 */
  readonly idleTimeoutMs?: number | undefined
  /** How long a client may take nothing of an answer that waits for it; then its connection is cut. @default 10000 */
  readonly answerTimeoutMs?: number | undefined
  /** Connections at once; one more is answered 503 and closed. @default unlimited */
  readonly maxConnections?: number | undefined
  /** Told of each answer of the door's own to what is no request, or has none to go with. @default nobody */
  readonly refused?: ((status: number, address: string) => void) | undefined
  readonly clock?: Clock | undefined
}

export interface HttpDoor {
  /** Open connections, those that were handed over for an upgrade included. */
  readonly connections: number
  /** What listens, for whoever hands it to another process. */
  readonly server: Server
  /**
   * Binds. Port 0 lets the system choose.
   * @throws GomsError GOMS_PORT_IN_USE, GOMS_PORT_DENIED, GOMS_OPTION_INVALID for an address that is not this machine's
   */
  listen(port: number, host?: string, how?: ListenOptions): Promise<Address>
  /** Accepts no more; connections that are open are served on. */
  unlisten(): void
  /** Serves a connection that something else accepted: TLS, another process. `early`: what was read from it already. */
  accept(socket: Socket, early?: Buffer): void
  /**
   * From now on each answer says `Connection: close`. Idle connections stay until their next answer: closing them now would
   * race with a request on its way, which could not be told from one that was run. New ones are still served.
   */
  drain(): void
  /**
   * Stops listening, ends idle connections, waits for what is in flight at most that long, then destroys what is left.
   * Idempotent.
   */
  close(timeoutMs: number): Promise<void>
}
