/** The way from a request to its route: what is refused at the door, answered by the gateway itself, or let in. */
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Settings } from '../core/options.ts'
import { type AddressMatcher, addressMatcher } from '../http/cidr.ts'
import { toFieldLines } from '../http/header-rules.ts'
import { isQuery, parseTarget, type Target } from '../http/target.ts'
import type { View } from '../registry/registry.ts'
import { authenticate } from './auth.ts'
import { toAuthRequest } from './auth-request.ts'
import { type ClusterStats, clusterPage, type GatheredStats, isFromNearby } from './cluster.ts'
import { type Cors, createCors } from './cors.ts'
import type { GatewayDefinition } from './gateway.ts'
import type { InboundRequest, OwnAnswer } from './inbound-request.ts'
import type { Route } from './route.ts'
import { RouteFinder } from './route-finder.ts'
import type { RouteTable } from './routes.ts'

export interface AdmissionDeps {
  readonly definition: GatewayDefinition
  readonly view: View
  readonly routes: RouteTable
  readonly stats: (service: string) => ClusterStats
  /** The numbers of all workers; undefined: this process is the whole gateway. Never rejects. */
  readonly gather?: (() => Promise<GatheredStats>) | undefined
  readonly clock: Clock
  readonly ready: () => boolean
  /** It is not ready because it leaves. @default it is starting */
  readonly leaving?: (() => boolean) | undefined
  /** Takes what may go on to a node; at once unless the auth hook takes its time. */
  readonly admit: (request: InboundRequest, route: Route) => void
}

const JSON_FIELDS = ['content-type', 'application/json; charset=utf-8', 'cache-control', 'no-store']
const TEXT_FIELDS = ['content-type', 'text/plain; charset=utf-8', 'cache-control', 'no-store']
const TOO_LONG = 'the request target is too long'
const MALFORMED = 'the request target is malformed'

export class Admission {
  readonly #deps: AdmissionDeps
  readonly #finder: RouteFinder
  #settings: Settings
  #trusted: AddressMatcher
  #cors: Cors | undefined

  constructor(deps: AdmissionDeps, settings: Settings) {
    this.#deps = deps
    this.#finder = new RouteFinder(deps.routes)
    this.#settings = settings
    this.#trusted = addressMatcher(settings.gateway.trustedProxies)
    this.update(settings)
  }

  update(settings: Settings): void {
    // First what may throw: settings that are wrong leave everything as it was.
    this.#trusted = addressMatcher(settings.gateway.trustedProxies)
    this.#settings = settings
    const options = settings.gateway.cors ?? this.#deps.definition.cors
    this.#cors = options && createCors(options)
  }

  /** Refuses the request, answers it, or admits it: once. */
  decide(request: InboundRequest): void {
    const { target: raw } = request.exchange
    const { maxTargetBytes } = this.#settings.gateway
    const mark = raw.indexOf('?')
    const path = mark < 0 ? raw : raw.slice(0, mark)
    const query = mark < 0 ? '' : raw.slice(mark)
    // A path that was routed before is normal already: what is asked of targets has to be asked here too.
    const recent = this.#finder.recent(path)
    if (recent !== undefined && raw.length <= maxTargetBytes && (mark < 0 || isQuery(query))) {
      request.target = { path, query, authority: undefined }
      this.#enter(request, recent)
      return
    }
    const target = parseTarget(raw, maxTargetBytes)
    if (typeof target === 'number') {
      this.refuse(request, new GomsError('INVALID_ARGUMENT', target === 414 ? TOO_LONG : MALFORMED, { status: target }))
      return
    }
    request.target = target
    const own = this.#page(target, request)
    if (own instanceof GomsError) this.refuse(request, own)
    else if (own instanceof Promise) own.then((answer) => request.answer(answer))
    else if (own) request.answer(own)
    else this.#enter(request, this.#finder.find(target.path))
  }

  /** Before a route was looked for. */
  refuse(request: InboundRequest, error: GomsError): void {
    this.#meet(request, '', '')
    request.fail(error)
  }

  /** Pages of the gateway's own; undefined for other paths. */
  #page({ path }: Target, request: InboundRequest): OwnAnswer | Promise<OwnAnswer> | GomsError | undefined {
    if (path === '/-/live') return { status: 200, headers: TEXT_FIELDS, body: 'live\n' }
    if (path === '/-/ready') {
      const ready = this.#deps.ready()
      const why = this.#deps.leaving?.() ? 'draining' : 'starting'
      return { status: ready ? 200 : 503, headers: TEXT_FIELDS, body: ready ? 'ready\n' : `${why}\n` }
    }
    if (path !== '/cluster') return undefined
    const { cluster } = this.#settings.gateway
    const nearby = cluster === 'private' && isFromNearby(request.address, request.exchange.fields)
    if (cluster !== 'public' && !nearby) return notFound(path)
    const { view, stats, gather } = this.#deps
    const page = (body: string): OwnAnswer => ({ status: 200, headers: JSON_FIELDS, body })
    if (gather === undefined) return page(clusterPage(view, stats))
    return gather().then((all) => page(clusterPage(view, (service) => all.of(service), all.partial)))
  }

  #enter(request: InboundRequest, route: Route | undefined): void {
    const { exchange } = request
    this.#meet(request, route?.service ?? '', route?.action ?? '')
    if (this.#cors) request.answerFields = this.#cors.answerFields(exchange.fields)
    if (!route) {
      request.fail(notFound(request.target.path))
      return
    }
    request.route = route
    const preflight = this.#cors?.preflight(exchange.method, exchange.fields, route.methods)
    if (preflight !== undefined) {
      request.answerFields = preflight
      request.answer({ status: 204, headers: [], body: '' })
      return
    }
    if (route.methods && !lets(route.methods, exchange.method)) {
      this.#refuseMethod(request, route, route.methods)
      return
    }
    if (this.#deps.definition.auth) this.#ask(request, route)
    else this.#deps.admit(request, route)
  }

  /** Whom it comes from, and where in a trace it stands: what any answer names. */
  #meet(request: InboundRequest, service: string, action: string): void {
    request.trusted = this.#trusted(request.exchange.peer.address)
    if (request.trusted) request.proxies = this.#trusted
    request.receiveTrace(service, action)
  }

  #refuseMethod(request: InboundRequest, route: Route, methods: readonly string[]): void {
    const allow = methods.includes('GET') && !methods.includes('HEAD') ? [...methods, 'HEAD'] : methods
    const message = `${route.service}/${route.action}: expected ${allow.join(' or ')}, got ${request.exchange.method}`
    request.answerFields = toFieldLines(['allow', allow.join(', ')]) + request.answerFields
    request.fail(new GomsError('UNIMPLEMENTED', message, { status: 405 }))
  }

  #ask(request: InboundRequest, route: Route): void {
    const { service, action, policy } = route
    authenticate(
      this.#deps.definition.auth as NonNullable<GatewayDefinition['auth']>,
      toAuthRequest(request),
      { service, action, route: `/api/${service}/${action}` },
      this.#deps.clock,
      policy.timeoutMs,
      (identity) => {
        request.identity = identity
        this.#deps.admit(request, route)
      },
      (error) => request.fail(error),
    )
  }
}

function lets(methods: readonly string[], method: string): boolean {
  return methods.includes(method) || (method === 'HEAD' && methods.includes('GET'))
}

function notFound(path: string): GomsError {
  return new GomsError('NOT_FOUND', `no route for ${path.slice(0, 200)}`)
}
