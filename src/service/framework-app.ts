/** Applications of frameworks over node:http, as web apps. The frameworks themselves are never imported: shapes suffice. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyShape, KoaShape, NestShape, RequestHandler, WebApp } from './web-app.ts'

/** An Express application, or any function `(req, res)`. */
export function fromHandler(handler: RequestHandler): WebApp {
  return { kind: 'web-app', framework: 'handler', request: handler }
}

/** A Koa application. */
export function fromKoa(app: KoaShape): WebApp {
  let handler: RequestHandler | undefined
  return {
    kind: 'web-app',
    framework: 'koa',
    request(req, res) {
      // Made at the first request, so that middleware added after `service()` counts.
      handler ??= app.callback()
      return handler(req, res)
    },
  }
}

/**
 * An `http.Server` that does not listen: `createServer(app)` with a WebSocket server on it. Requests and upgrades are
 * emitted on it as if they had come in there.
 */
export function fromServer(server: Server): WebApp {
  return { kind: 'web-app', framework: 'http.Server', ...viaServer(() => server) }
}

/** A Fastify application, with plugins that listen for upgrades. */
export function fromFastify(app: FastifyShape): WebApp {
  return {
    kind: 'web-app',
    framework: 'fastify',
    ...viaServer(() => app.server as Server),
    async start() {
      await app.ready()
    },
    async close() {
      await app.close()
    },
  }
}

/** A NestJS application on Express or Fastify, with WebSocket gateways. */
export function fromNest(app: NestShape): WebApp {
  return {
    kind: 'web-app',
    framework: 'nest',
    ...viaServer(() => app.getHttpServer() as Server),
    async start() {
      await app.init()
      const { getInstance } = app.getHttpAdapter() as { getInstance?: () => Partial<FastifyShape> | undefined }
      const instance = getInstance?.call(app.getHttpAdapter())
      // On Fastify, Nest leaves this to the listen() that we never call.
      if (typeof instance?.inject === 'function' && typeof instance.ready === 'function') await instance.ready()
    },
    async close() {
      await app.close()
    },
  }
}

function viaServer(server: () => Server): Required<Pick<WebApp, 'request' | 'upgrade'>> {
  return {
    request(req: IncomingMessage, res: ServerResponse) {
      const listeners = server().rawListeners('request')
      // Called one by one instead of emitted: what an async listener throws would end the process.
      if (listeners.length === 1) return listeners[0]?.call(server(), req, res)
      if (listeners.length > 1) return Promise.all(listeners.map((listener) => listener.call(server(), req, res)))
      res.writeHead(404, { 'Content-Length': 0 })
      return res.end()
    },
    upgrade(req: IncomingMessage, socket: Duplex, head: Buffer) {
      return server().emit('upgrade', req, socket, head)
    },
  }
}
