/** The port of web applications: what the inbound way asks of one, and the shapes that are recognised. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'

/** An application that goms can serve. The explicit adapters (`fromFetch`, `fromHandler` …) return it. */
export interface WebApp {
  readonly kind: 'web-app'
  /** What it was made of, for messages. */
  readonly framework: string
  request(req: IncomingMessage, res: ServerResponse): unknown
  /** Takes an upgrade, or returns false where the application has nobody who would. */
  upgrade?(req: IncomingMessage, socket: Duplex, head: Buffer): boolean
  /** Initialises the application: plugins loaded, modules made. Awaited before the node registers. */
  start?(): Promise<void>
  /** Releases what `start` took; called once nothing is in progress. */
  close?(): Promise<void>
}

/** An object with a `fetch` method: Hono, and others that speak web standards. */
export interface FetchShape {
  fetch(request: Request, ...more: never[]): Response | Promise<Response>
}

export type WebAppShape = WebApp | NestShape | FetchShape | KoaShape | FastifyShape | RequestHandler | Server

/** What `http:` of a service takes: an application, a promise of one, or a function that makes one at start. */
export type WebAppSource = WebAppShape | Promise<WebAppShape> | (() => WebAppShape | Promise<WebAppShape>)

/** `(req, res) => …`, and Express. A rejected promise is answered with 500. */
export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => unknown

export interface KoaShape {
  callback(): RequestHandler
}

export interface FastifyShape {
  inject(...args: never[]): unknown
  ready(): PromiseLike<unknown>
  close(): PromiseLike<unknown>
  /** Fastify makes an http.Server of its own; its plugins (WebSocket) listen there for upgrades. */
  readonly server: object
}

export interface NestShape {
  getHttpAdapter(): unknown
  getHttpServer(): unknown
  init(): PromiseLike<unknown>
  close(): PromiseLike<unknown>
}
