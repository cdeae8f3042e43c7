/** The application of a service at work: made at start, handed requests and upgrades, closed in a bounded time. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { toWebApp } from './recognise.ts'
import type { ServiceDefinition } from './service.ts'
import { isThenable } from './thenable.ts'
import type { WebApp } from './web-app.ts'

/** An application that does not close is left behind after this. */
const CLOSE_MS = 5000

export interface Application {
  /** Whether anything takes requests. */
  readonly takesRequests: boolean
  start(): Promise<void>
  request(req: IncomingMessage, res: ServerResponse): void
  /** False where nobody takes upgrades. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): boolean
  close(): Promise<void>
}

/** `failed` is told of errors that the application lets through, thrown or as a rejected promise. */
export function createApplication(
  definition: ServiceDefinition,
  service: string,
  clock: Clock,
  failed: (error: unknown, req: IncomingMessage, res: ServerResponse) => void,
): Application {
  let app: WebApp | undefined
  let attached: Server | undefined

  function invoke(req: IncomingMessage, res: ServerResponse): void {
    try {
      const result = app?.request(req, res)
      if (isThenable(result)) result.then(undefined, (error: unknown) => failed(error, req, res))
    } catch (error) {
      failed(error, req, res)
    }
  }

  return {
    get takesRequests() {
      return app !== undefined || (attached?.listenerCount('request') ?? 0) > 0
    },
    async start() {
      if (definition.http !== undefined) app = await toWebApp(definition.http, service)
      if (definition.attach !== undefined) {
        const server = createServer()
        if (app !== undefined) server.on('request', invoke)
        await definition.attach(server)
        attached = server
      }
      await app?.start?.()
    },
    request(req, res) {
      if (attached === undefined) invoke(req, res)
      else attached.emit('request', req, res)
    },
    upgrade(req, socket, head) {
      if (definition.upgrade !== undefined) {
        definition.upgrade(req, socket, head)
        return true
      }
      if (attached?.emit('upgrade', req, socket, head)) return true
      return app?.upgrade?.(req, socket, head) ?? false
    },
    async close() {
      const closing = app?.close?.()
      if (closing === undefined) return
      await new Promise<void>((resolve, reject) => {
        const timer = clock.after(CLOSE_MS, resolve)
        closing.then(resolve, reject).finally(() => timer.cancel())
      })
    },
  }
}
