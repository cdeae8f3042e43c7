/** The gateway at work: what stands behind its HTTP port. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Dispatcher } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { everyMs, type Log } from '../core/log.ts'
import type { Routes, Settings } from '../core/options.ts'
import type { View } from '../registry/registry.ts'
import type { Upstream } from '../transport/upstream.ts'
import { createAdmission, type OwnAnswer } from './admission.ts'
import type { ClusterStats } from './cluster.ts'
import { toFailure } from './failures.ts'
import type { GatewayDefinition } from './gateway.ts'
import { MethodCall, type SendMethod } from './method-call.ts'
import { ProxiedCall, type ProxyDeps } from './proxied-call.ts'
import { createRouteTable, type RouteTable } from './routes.ts'
import { createSessions } from './sessions.ts'
import { responseOn, UpgradedCall } from './upgraded-call.ts'

export interface GatewayDeps {
  readonly definition: GatewayDefinition
  readonly settings: Settings
  readonly view: View
  readonly dispatcher: Dispatcher
  readonly upstream: Upstream
  /** Sends calls to methods of RPC. */
  readonly sendMethod: SendMethod
  readonly stats: (service: string) => ClusterStats
  readonly callKey: string | undefined
  readonly clock: Clock
  readonly log: Log
  /** What `/-/ready` says. */
  readonly ready: () => boolean
}

export interface Gateway {
  /** For a listener with `expectContinue: 'manual'`. */
  request(req: IncomingMessage, res: ServerResponse): void
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Routes, policies and the like for calls from now on. */
  update(settings: Settings, pushed?: Routes): void
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

/** A small body is read away when it is not wanted; a larger one costs the connection. */
const READ_AWAY_BYTES = 65_536
/** At most one line in that time and of one code about hooks and nodes that misbehave. */
const SAY_EVERY_MS = 10_000

export function createGateway(deps: GatewayDeps): Gateway {
  const { definition, clock, log } = deps
  const said = new Set<string>()
  const routes = createRouteTable(
    deps.view,
    definition.contracts ?? [],
    { settings: deps.settings },
    {
      side: 'outside',
      closed(service, action) {
        const route = `/api/${service}/${action}`
        if (said.has(route)) return
        said.add(route)
        log.warn(`${route} stays closed: no contract exposes the method, and \`type: rpc\` in a file cannot`)
      },
    },
  )
  const admission = createAdmission({ ...deps, routes }, deps.settings)
  const sessions = createSessions()
  const says = new Map<string, (say: () => void) => void>()
  let settings = deps.settings
  let inFlight = 0
  let whenIdle: (() => void)[] = []

  function left(): void {
    inFlight--
    if (inFlight > 0) return
    for (const resolve of whenIdle) resolve()
    whenIdle = []
  }

  /** Counts a request until its connection or answer is closed, or until it is a session. */
  function enter(closing: Duplex | ServerResponse): () => void {
    inFlight++
    let inside = true
    const leave = (): void => {
      if (inside) left()
      inside = false
    }
    closing.once('close', leave)
    return leave
  }

  /** What the client is not told: for each code so often that neither a broken hook nor a broken node fills the log. */
  function tell(error: GomsError, traceId: string | undefined): void {
    const { code, message, cause } = error
    let say = says.get(code)
    if (!say) {
      say = everyMs(clock, SAY_EVERY_MS)
      says.set(code, say)
    }
    const text = cause === undefined ? message : `${message}: ${String(cause)}`
    say(() => log.warn(`${text} (trace id ${traceId ?? 'none'})`, { traceId, code }))
  }

  function fail(res: ServerResponse, error: GomsError, traceId: string | undefined, fields: readonly string[]): void {
    if (error.cause !== undefined || error.code === 'INTERNAL') tell(error, traceId)
    const { status, headers, body } = toFailure(error, settings.gateway.compat, traceId)
    answer(res, { status, headers: [...headers, ...fields], body })
  }

  function answer(res: ServerResponse, own: OwnAnswer): void {
    if (res.headersSent || res.destroyed) {
      res.destroy()
      return
    }
    if (hasLargeBody(res.req)) res.shouldKeepAlive = false
    const length = own.status === 204 ? [] : ['content-length', String(Buffer.byteLength(own.body))]
    const headers = own.headers.includes('content-length') ? [...own.headers] : [...own.headers, ...length]
    res.writeHead(own.status, STATUS_CODES[own.status] ?? '', headers)
    res.end(res.req.method === 'HEAD' || own.status === 204 ? undefined : own.body)
  }

  const proxy = (becameSession: () => void): ProxyDeps => ({
    dispatcher: deps.dispatcher,
    upstream: deps.upstream,
    clock,
    callKey: deps.callKey,
    caller: definition.name,
    sessions,
    fail,
    becameSession,
  })

  const methods = { send: deps.sendMethod, clock, caller: definition.name, answer, fail }

  return {
    routes,
    request(req, res) {
      const leave = enter(res)
      admission.decide(req, {
        admit: (admitted) => {
          if (res.destroyed) return
          if (admitted.route.type === 'rpc') new MethodCall(methods, admitted, req, res, settings).start()
          else new ProxiedCall(proxy(leave), admitted, req, res, settings).start()
        },
        answer: (own) => answer(res, own),
        refuse: (error, traceId, fields) => fail(res, error, traceId, fields),
      })
    },
    upgrade(req, socket, head) {
      const leave = enter(socket)
      socket.on('error', () => socket.destroy())
      const res = responseOn(req, socket)
      const protocol = req.headers.upgrade?.toLowerCase() ?? ''
      if (/^h2c?\b/.test(protocol) || req.headers['transfer-encoding'] !== undefined || req.headers['content-length']) {
        const message = `an upgrade to "${protocol}"${protocol.startsWith('h2') ? '' : ' with a body'} is not supported`
        fail(res, new GomsError('UNIMPLEMENTED', message), undefined, [])
        return
      }
      admission.decide(req, {
        admit: (admitted) => {
          if (socket.destroyed) return
          if (admitted.route.type === 'rpc') {
            const { route, trace, answerFields } = admitted
            const message = `${route.service}/${route.action}: a method cannot be upgraded to "${protocol.slice(0, 40)}"`
            fail(res, new GomsError('UNIMPLEMENTED', message), trace.traceId, answerFields)
            return
          }
          new UpgradedCall(proxy(leave), admitted, req, { socket, head, res }, settings).start()
        },
        answer: (own) => answer(res, own),
        refuse: (error, traceId, fields) => fail(res, error, traceId, fields),
      })
    },
    update(changed, pushed) {
      settings = changed
      said.clear()
      routes.update({ settings: changed, pushed })
      admission.update(changed)
    },
    drain(serveForMs) {
      clock.after(serveForMs, () => sessions.end())
    },
    inFlight: () => inFlight,
    sessions: () => sessions.size,
    idle() {
      return inFlight === 0 ? Promise.resolve() : new Promise((resolve) => whenIdle.push(resolve))
    },
    async close() {
      sessions.end()
      routes.close()
    },
  }
}

/** Whether reading the rest of a refused request away could take long. */
function hasLargeBody(req: IncomingMessage): boolean {
  if (req.complete) return false
  if (req.headers['transfer-encoding'] !== undefined || req.headers.expect !== undefined) return true
  return Number(req.headers['content-length'] ?? 0) > READ_AWAY_BYTES
}
