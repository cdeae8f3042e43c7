/** What stands behind a node's HTTP port: the gateway, or the way in of a service. One shape for both. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

export interface Door {
  request(req: IncomingMessage, res: ServerResponse): void
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
  start(): Promise<void>
  /** Answers tell that the node leaves. After `serveForMs` a service refuses what arrives, and sessions are ended. */
  drain(serveForMs: number): void
  inFlight(): number
  sessions(): number
  /** Resolves when nothing is in progress. */
  idle(): Promise<void>
  close(): Promise<void>
  /** What the node advertises. */
  readonly contract: { readonly hash: string; readonly document: unknown } | undefined
}
