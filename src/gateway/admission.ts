/** The way from a request to its route: what is refused at the door, answered by the gateway itself, or let in. */
import type { IncomingMessage } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import type { Settings } from '../core/options.ts'
import { type AddressMatcher, addressMatcher, plainAddress } from '../http/cidr.ts'
import type { Origin } from '../http/header-rules.ts'
import { isInternalHeader } from '../http/internal.ts'
import { checkRequest } from '../http/request-check.ts'
import { decodeSegment, parseTarget, type Target } from '../http/target.ts'
import type { View } from '../registry/registry.ts'
import { receiveTrace } from '../telemetry/trace-context.ts'
import { type AuthHook, type AuthRequest, authenticate } from './auth.ts'
import { type ClusterStats, clusterPage, isFromNearby } from './cluster.ts'
import { type Cors, createCors } from './cors.ts'
import type { GatewayDefinition } from './gateway.ts'
import type { Route } from './route.ts'
import type { RouteTable } from './routes.ts'

/** A request that may go on to a node. */
export interface Admitted {
  readonly route: Route
  readonly target: Target
  readonly origin: Origin
  readonly trace: TraceContext
  readonly identity: unknown
  /** Fields that the answer gets besides its own. */
  readonly answerFields: readonly string[]
}

/** What the gateway says itself. */
export interface OwnAnswer {
  readonly status: number
  readonly headers: readonly string[]
  readonly body: string
}

export interface AdmissionResult {
  admit(admitted: Admitted): void
  answer(own: OwnAnswer): void
  refuse(error: GomsError, traceId: string | undefined, fields: readonly string[]): void
}

export interface AdmissionDeps {
  readonly definition: GatewayDefinition
  readonly view: View
  readonly routes: RouteTable
  readonly stats: (service: string) => ClusterStats
  readonly clock: Clock
  readonly ready: () => boolean
}

export interface Admission {
  /** Decides; the result is told once, at once unless the auth hook takes its time. */
  decide(req: IncomingMessage, result: AdmissionResult): void
  update(settings: Settings): void
}

const JSON_FIELDS = ['content-type', 'application/json; charset=utf-8', 'cache-control', 'no-store']
const TEXT_FIELDS = ['content-type', 'text/plain; charset=utf-8', 'cache-control', 'no-store']

export function createAdmission(deps: AdmissionDeps, initial: Settings): Admission {
  let settings = initial
  let trusted: AddressMatcher
  let cors: Cors | undefined

  function update(changed: Settings): void {
    // First what may throw: settings that are wrong leave everything as it was.
    trusted = addressMatcher(changed.gateway.trustedProxies)
    settings = changed
    const options = changed.gateway.cors ?? deps.definition.cors
    cors = options && createCors(options)
  }
  update(initial)

  /** Pages of the gateway's own; undefined for other paths. */
  function page(path: string, req: IncomingMessage): OwnAnswer | GomsError | undefined {
    if (path === '/-/live') return { status: 200, headers: TEXT_FIELDS, body: 'live\n' }
    if (path === '/-/ready') {
      const ready = deps.ready()
      return { status: ready ? 200 : 503, headers: TEXT_FIELDS, body: ready ? 'ready\n' : 'not ready\n' }
    }
    if (path !== '/cluster') return undefined
    const { cluster } = settings.gateway
    const open = cluster === 'public' || (cluster === 'private' && isFromNearby(addressOf(req), req.rawHeaders))
    if (!open) return notFound(path)
    return { status: 200, headers: JSON_FIELDS, body: clusterPage(deps.view, deps.stats) }
  }

  return {
    update,
    decide(req, result) {
      const { rawHeaders } = req
      const target = parseTarget(req.url ?? '')
      const problem = checkRequest(rawHeaders, req.httpVersion)
      if (problem) {
        result.refuse(new GomsError('INVALID_ARGUMENT', problem.reason, { status: problem.status }), undefined, [])
        return
      }
      if (typeof target === 'number') {
        const message = target === 414 ? 'the request target is too long' : 'the request target is malformed'
        result.refuse(new GomsError('INVALID_ARGUMENT', message, { status: target }), undefined, [])
        return
      }
      const own = page(target.path, req)
      if (own instanceof GomsError) result.refuse(own, undefined, [])
      else if (own) result.answer(own)
      else admitRoute(req, target, result)
    },
  }

  function admitRoute(req: IncomingMessage, target: Target, result: AdmissionResult): void {
    const method = req.method ?? ''
    const trace = receiveTrace((name) => one(req.headers[name]))
    const fields = cors?.answerFields(req.rawHeaders) ?? []
    const route = match(target.path, deps.routes)
    if (!route) {
      result.refuse(notFound(target.path), trace.traceId, fields)
      return
    }
    const preflight = cors?.preflight(method, req.rawHeaders, route.methods)
    if (preflight) {
      result.answer({ status: 204, headers: preflight, body: '' })
      return
    }
    if (route.methods && !lets(route.methods, method)) {
      const allow = [
        ...route.methods,
        ...(route.methods.includes('GET') && !route.methods.includes('HEAD') ? ['HEAD'] : []),
      ]
      const message = `${route.service}/${route.action}: expected ${allow.join(' or ')}, got ${method}`
      result.refuse(new GomsError('UNIMPLEMENTED', message, { status: 405 }), trace.traceId, [
        ...['allow', allow.join(', ')],
        ...fields,
      ])
      return
    }
    const admit = (identity: unknown): void => {
      result.admit({ route, target, origin: originOf(req, target), trace, identity, answerFields: fields })
    }
    if (!deps.definition.auth) admit(undefined)
    else {
      ask(deps.definition.auth, req, target, route, admit, (error) => result.refuse(error, trace.traceId, fields))
    }
  }

  function ask(
    hook: AuthHook,
    req: IncomingMessage,
    target: Target,
    route: Route,
    admit: (identity: unknown) => void,
    refuse: (error: GomsError) => void,
  ): void {
    const { service, action } = route
    const where = { service, action, route: `/api/${service}/${action}` }
    authenticate(hook, toAuthRequest(req, target), where, deps.clock, route.policy.timeoutMs, admit, refuse)
  }

  function originOf(req: IncomingMessage, target: Target): Origin {
    const address = addressOf(req)
    return {
      address,
      trusted: trusted(address),
      proto: 'encrypted' in req.socket ? 'https' : 'http',
      host: target.authority ?? req.headers.host ?? '',
      port: req.socket.localPort ?? 0,
    }
  }
}

/** `/api/<service>/<action>` and nothing else. */
function match(path: string, routes: RouteTable): Route | undefined {
  if (!path.startsWith('/api/')) return undefined
  const slash = path.indexOf('/', 5)
  if (slash < 0 || path.indexOf('/', slash + 1) >= 0) return undefined
  const service = decodeSegment(path.slice(5, slash))
  const action = decodeSegment(path.slice(slash + 1))
  return service && action ? routes.find(service, action) : undefined
}

function lets(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))
}

function notFound(path: string): GomsError {
  return new GomsError('NOT_FOUND', `no route for ${path.slice(0, 200)}`)
}

function addressOf(req: IncomingMessage): string {
  return plainAddress(req.socket.remoteAddress ?? '')
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

function toAuthRequest(req: IncomingMessage, target: Target): AuthRequest {
  const headers: Record<string, string | undefined> = Object.create(null)
  for (const [name, value] of Object.entries(req.headers)) {
    if (!isInternalHeader(name)) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return Object.freeze({
    method: req.method ?? '',
    path: target.path,
    query: target.query,
    headers: Object.freeze(headers),
    remoteAddress: addressOf(req),
  })
}
