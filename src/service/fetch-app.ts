/** Applications that speak web standards (Hono), served from node:http: bodies stream both ways with back-pressure. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { bindContext, callContext } from './context.ts'
import { toBodyStream } from './fetch-body.ts'
import { sendResponse } from './fetch-response.ts'
import type { FetchShape, WebApp } from './web-app.ts'

/** What the application gets as its second argument; Hono shows it as `c.env`. */
export interface FetchEnv {
  readonly incoming: IncomingMessage
  readonly outgoing: ServerResponse
}

export type FetchHandler = (request: Request, env: FetchEnv) => Response | Promise<Response>

/** `(request) => response`, or an object with such a method `fetch`. */
export function fromFetch(app: FetchShape | FetchHandler): WebApp {
  const handler = (typeof app === 'function' ? app : app.fetch.bind(app)) as FetchHandler
  return {
    kind: 'web-app',
    framework: 'fetch',
    async request(req, res) {
      const request = toRequest(req, res)
      if (request === undefined) return
      await sendResponse(await handler(request, { incoming: req, outgoing: res }), req, res)
    },
  }
}

/** Methods that a Request cannot have: https://fetch.spec.whatwg.org/#methods */
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK'])

function toRequest(req: IncomingMessage, res: ServerResponse): Request | undefined {
  const method = req.method ?? 'GET'
  if (FORBIDDEN.has(method)) {
    refuse(res, 501)
    return undefined
  }
  try {
    const context = callContext(req)
    const request = new Request(toUrl(req), {
      method,
      headers: toHeaders(req.rawHeaders),
      signal: context?.signal ?? whileOpen(res),
      ...(hasBody(req, method) && { body: toBodyStream(req), duplex: 'half' as const }),
    })
    if (context !== undefined) bindContext(request, context)
    return request
  } catch {
    // A Host or target that is no URL.
    refuse(res, 400)
    return undefined
  }
}

function refuse(res: ServerResponse, status: number): void {
  res.writeHead(status, { 'Content-Length': 0 })
  res.end()
}

function toUrl(req: IncomingMessage): string {
  const target = req.url ?? '/'
  if (!target.startsWith('/')) return new URL(target).href
  const scheme = (req.socket as { encrypted?: boolean }).encrypted === true ? 'https' : 'http'
  const host = req.headers.host ?? 'localhost'
  // With any of these a Host would become part of the path, or a user's name.
  if (/[\s/?#@\\]/.test(host)) throw new TypeError('a Host that is none')
  return `${scheme}://${host}${target}`
}

function toHeaders(raw: readonly string[]): Headers {
  const headers = new Headers()
  for (let i = 0; i < raw.length; i += 2) headers.append(raw[i] as string, raw[i + 1] as string)
  return headers
}

function hasBody(req: IncomingMessage, method: string): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0
}

/** Outside of a call of ours there is no context: the signal follows the connection alone. */
function whileOpen(res: ServerResponse): AbortSignal {
  const controller = new AbortController()
  res.once('close', () => {
    if (!res.writableFinished) controller.abort()
  })
  return controller.signal
}
