/** The gateway at work: what stands behind its HTTP port. */
import type { Dispatcher } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { createDeadlineSweep } from '../core/deadline-sweep.ts'
import { GomsError } from '../core/errors.ts'
import { everyMs, type Log } from '../core/log.ts'
import type { ObserveRequests, RequestObserver } from '../core/observe.ts'
import type { Settings } from '../core/options.ts'
import { plainAddress } from '../http/cidr.ts'
import type { View } from '../registry/registry.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import type { HttpExchange } from '../transport/http-exchange.ts'
import type { Upstream } from '../transport/upstream.ts'
import { Admission } from './admission.ts'
import type { ClusterStats, GatheredStats } from './cluster.ts'
import type { GatewayDefinition } from './gateway.ts'
import { IdleWatch } from './idle-watch.ts'
import { type InboundHost, InboundRequest } from './inbound-request.ts'
import { MethodCall, type SendMethod } from './method-call.ts'
import { NodeRequests } from './node-request.ts'
import { ProxiedCall, type ProxyDeps } from './proxied-call.ts'
import type { Route } from './route.ts'
import { createRouteTable, type RouteTable } from './routes.ts'
import { createSessions } from './sessions.ts'
import { traceLinesOf } from './trace-lines.ts'
import { UpgradedCall } from './upgraded-call.ts'

export interface GatewayDeps {
  readonly definition: GatewayDefinition
  readonly settings: Settings
  readonly view: View
  readonly dispatcher: Dispatcher
  readonly upstream: Upstream
  /** Sends calls to methods of RPC. */
  readonly sendMethod: SendMethod
  readonly stats: (service: string) => ClusterStats
  /** The numbers of all workers of this gateway; undefined: this process is all of it. Never rejects. */
  readonly gather?: (() => Promise<GatheredStats>) | undefined
  readonly callKey: string | undefined
  readonly clock: Clock
  readonly log: Log
  /** Traces are recorded: decides about them. @default none is, and what is decided is the client's word */
  readonly sampler?: Sampler | undefined
  /** Told of all requests. @default nobody */
  readonly observe?: ObserveRequests | undefined
  /** What `/-/ready` says. */
  readonly ready: () => boolean
  /** It is not ready because it leaves. @default it is starting */
  readonly leaving?: (() => boolean) | undefined
}

export interface Gateway {
  /** Takes a request, be it one to upgrade. */
  handle(exchange: HttpExchange): void
  /** Its door has answered what is no request with that status. */
  refused(status: number, address: string): void
  /** Routes, policies and the like for calls from now on. */
  update(settings: Settings): void
  /** Goes on serving; sessions are told to end after `serveForMs`. */
  drain(serveForMs: number): void
  /** Requests in progress, sessions not among them. */
  inFlight(): number
  sessions(): number
  /** Resolves when nothing is in progress. */
  idle(): Promise<void>
  close(): Promise<void>
  readonly routes: RouteTable
}

/** At most one line in that time and of one code about hooks and nodes that misbehave. */
const SAY_EVERY_MS = 10_000

export function createGateway(deps: GatewayDeps): Gateway {
  const { definition, clock, log } = deps
  const said = new Set<string>()
  const routes = createRouteTable(deps.view, definition.contracts ?? [], deps.settings, {
    side: 'outside',
    observe: deps.observe && ((route) => deps.observe?.(route, definition.name)),
    closed(service, action) {
      const route = `/api/${service}/${action}`
      if (said.has(route)) return
      said.add(route)
      log.warn(`${route} stays closed: no contract exposes the method, and \`type: rpc\` in a file cannot`)
    },
  })
  const sessions = createSessions()
  const sweep = createDeadlineSweep(clock)
  const watch = new IdleWatch(clock, () => host.settings.gateway.idleTimeoutMs)
  const proxy: ProxyDeps = {
    dispatcher: deps.dispatcher,
    upstream: deps.upstream,
    nodeRequests: new NodeRequests(definition.name, deps.callKey, traceLinesOf(deps.settings.trace.propagate)),
    clock: sweep,
    sessions,
  }
  const methods = { send: deps.sendMethod, clock: sweep, caller: definition.name }
  const host = new Host(deps, watch)
  const admission = new Admission({ ...deps, routes, clock: sweep, admit }, deps.settings)

  function admit(request: InboundRequest, route: Route): void {
    const { upgrade, closed } = request.exchange
    if (closed) return
    if (upgrade !== undefined) admitUpgrade(request, route, upgrade)
    else if (route.type === 'rpc') new MethodCall(methods, request, route).start()
    else new ProxiedCall(proxy, request, route).start()
  }

  function admitUpgrade(request: InboundRequest, route: Route, protocol: string): void {
    if (route.type !== 'rpc') {
      new UpgradedCall(proxy, request, route, protocol).start()
      return
    }
    const message = `${route.service}/${route.action}: a method cannot be upgraded to "${protocol.slice(0, 40)}"`
    request.fail(new GomsError('UNIMPLEMENTED', message))
  }

  return {
    routes,
    handle(exchange) {
      const request = new InboundRequest(host, exchange)
      host.inFlight++
      exchange.events = request
      const refusal = upgradeRefusal(exchange)
      if (refusal === undefined) admission.decide(request)
      else admission.refuse(request, refusal)
    },
    refused: (status, address) => host.unrouted?.refused(status, plainAddress(address)),
    update(changed) {
      admission.update(changed)
      host.settings = changed
      said.clear()
      routes.update(changed)
    },
    drain(serveForMs) {
      clock.after(serveForMs, () => sessions.end())
    },
    inFlight: () => host.inFlight,
    sessions: () => sessions.size,
    idle: () => host.idle(),
    async close() {
      sessions.end()
      routes.close()
      watch.close()
    },
  }
}

/** What all requests of a gateway share, and their number. */
class Host implements InboundHost {
  settings: Settings
  inFlight = 0
  readonly clock: Clock
  readonly watch: IdleWatch
  readonly observing: boolean
  readonly sampler: Sampler | undefined
  readonly unrouted: RequestObserver | undefined
  readonly #log: Log
  readonly #says = new Map<string, (say: () => void) => void>()
  #whenIdle: (() => void)[] = []

  constructor({ definition, settings, clock, log, observe, sampler }: GatewayDeps, watch: IdleWatch) {
    this.sampler = sampler
    this.observing = observe !== undefined
    this.unrouted = observe?.(undefined, definition.name)
    this.settings = settings
    this.clock = clock
    this.watch = watch
    this.#log = log
  }

  left(): void {
    if (--this.inFlight > 0) return
    for (const resolve of this.#whenIdle) resolve()
    this.#whenIdle = []
  }

  idle(): Promise<void> {
    return this.inFlight === 0 ? Promise.resolve() : new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** For each code so often that neither a broken hook nor a broken node fills the log. */
  tell({ code, message, cause }: GomsError, traceId: string | undefined): void {
    let say = this.#says.get(code)
    if (!say) {
      say = everyMs(this.clock, SAY_EVERY_MS)
      this.#says.set(code, say)
    }
    const text = cause === undefined ? message : `${message}: ${String(cause)}`
    say(() => this.#log.warn(text, { traceId, code }))
  }
}

/** HTTP/2 without TLS is no protocol of ours: forwarded, it would reach a node past all that is checked here. */
function upgradeRefusal({ upgrade }: HttpExchange): GomsError | undefined {
  if (upgrade === undefined || !/^h2c?\b/i.test(upgrade)) return undefined
  return new GomsError('UNIMPLEMENTED', `an upgrade to "${upgrade.slice(0, 40)}" is not supported`)
}
