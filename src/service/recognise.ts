/** Recognises a web application by its shape and makes it serve requests of ours, without ever telling it to listen. */
import type { Server } from 'node:http'
import { GomsError } from '../core/errors.ts'
import { fromFetch } from './fetch-app.ts'
import { fromFastify, fromHandler, fromKoa, fromNest, fromServer } from './framework-app.ts'
import type { FastifyShape, FetchShape, KoaShape, NestShape, RequestHandler, WebApp, WebAppSource } from './web-app.ts'

/**
 * The application that a source stands for. A function without parameters is called for it, at most once removed.
 * @throws GomsError GOMS_APP_UNKNOWN
 */
export async function toWebApp(source: WebAppSource, service: string): Promise<WebApp> {
  // A Fastify application is thenable: awaited, it would start before it is told to.
  const given: unknown = isShaped(source) ? source : await source
  if (typeof given === 'function' && given.length === 0 && !isShaped(given) && !isClass(given)) {
    return recognise(await (given as () => unknown)(), service)
  }
  return recognise(given, service)
}

/** The order matters: Nest and Koa applications have methods of others too, and an Express application is a function. */
function recognise(app: unknown, service: string): WebApp {
  if ((typeof app !== 'object' && typeof app !== 'function') || app === null) throw unknownApp(app, service)
  if ((app as { kind?: unknown }).kind === 'web-app') return app as WebApp
  if (has(app, 'getHttpAdapter')) return fromNest(app as unknown as NestShape)
  if (has(app, 'fetch')) return fromFetch(app as unknown as FetchShape)
  if (has(app, 'callback')) return fromKoa(app as unknown as KoaShape)
  if (has(app, 'inject') && has(app, 'ready')) return fromFastify(app as unknown as FastifyShape)
  if (typeof app === 'object' && has(app, 'emit') && has(app, 'listen')) return fromServer(app as unknown as Server)
  // Express: (req, res, next); plain: (req, res). With one parameter there would be no way to answer.
  if (typeof app === 'function' && !isClass(app) && (app.length >= 2 || isShaped(app)))
    return fromHandler(app as RequestHandler)
  throw unknownApp(app, service)
}

function isShaped(app: unknown): boolean {
  return ['getHttpAdapter', 'fetch', 'callback', 'inject', 'handle'].some((name) => has(app, name))
}

function isClass(fn: object): boolean {
  return /^class\b/.test(Function.prototype.toString.call(fn))
}

function has(app: unknown, method: string): boolean {
  return typeof (app as Record<string, unknown> | null | undefined)?.[method] === 'function'
}

function unknownApp(app: unknown, service: string): GomsError {
  return new GomsError('GOMS_APP_UNKNOWN', `service "${service}": \`http\` is no web application that goms knows`, {
    detail: {
      found: describe(app),
      expected: 'an Express, Fastify, Koa, Hono or NestJS application, an http.Server, or a function (req, res)',
      fix: [
        'give the application itself, not a router, a class or a module around it',
        'or say what it is: http: fromHandler((req, res) => …) or http: fromFetch((request) => response)',
      ],
    },
  })
}

function describe(app: unknown): string {
  if (typeof app === 'function' && isClass(app)) return `the class ${app.name}`
  if (typeof app === 'function') return `a function ${app.name || '(anonymous)'} with ${app.length} parameter(s)`
  if (typeof app !== 'object' || app === null) return `${String(app)} (${typeof app})`
  const keys = Object.keys(app).slice(0, 8).join(', ')
  return `an object ${app.constructor?.name ?? ''} with ${keys === '' ? 'no keys' : `the keys ${keys}`}`
}
