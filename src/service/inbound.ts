/** The way in of one service: takes requests and upgrades from a listener and hands them to the application. */
import { type IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Failing, ObserveServed } from '../core/observe.ts'
import type { Compat } from '../core/options.ts'
import type { Sampler } from '../telemetry/sampler.ts'
import { createApplication } from './application.ts'
import { keyCheck } from './call-key.ts'
import { onConnectionClose } from './connection.ts'
import { bindContext, runInCall } from './context.ts'
import { InboundCall } from './inbound-call.ts'
import { Intake } from './intake.ts'
import { type InternalHeaders, takeInternalHeaders } from './internal-headers.ts'
import { answerProbe, type Probe, probeOf } from './probe.ts'
import { type Denial, deny, denyUpgrade, FAILED, NO_HTTP, NO_UPGRADE } from './refusal.ts'
import { guardResponse, type HeadWatch } from './response-guard.ts'
import { callFields } from './served-call.ts'
import type { ServiceDefinition } from './service.ts'
import { createSessions } from './session.ts'
import { refuse } from './stack.ts'

export interface InboundDeps {
  readonly definition: ServiceDefinition
  /** New at each start; workers of one process share it. */
  readonly nodeId: string
  /** Name that the node is registered under. @default the definition's */
  readonly service?: string
  /** The project's shared key; undefined or empty: everybody is let in, and nobody is believed to be a caller of ours. */
  readonly callKey: string | undefined
  /** Whose answer a wrong key gets. @default 'native' */
  readonly compat?: Compat
  readonly log: Log
  readonly clock: Clock
  /** Calls in progress over RPC: `maxInFlight` counts both. */
  readonly alsoInFlight?: () => number
  /** Traces are recorded: decides about those that nobody has decided about. @default none is */
  readonly sampler?: Sampler | undefined
  /** Told of all requests, probes not among them. @default nobody */
  readonly observe?: ObserveServed | undefined
  /** Asked by `/-/ready` beside what the inbound way knows itself. @default always true */
  readonly ready?: () => boolean
  /** The node leaves, from the first moment on: `drain` comes later. @default only what `drain` says */
  readonly leaving?: (() => boolean) | undefined
}

export interface Inbound {
  request(req: IncomingMessage, res: ServerResponse): void
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Makes and initialises the application. @throws GomsError GOMS_APP_UNKNOWN, or whatever the application throws */
  start(): Promise<void>
  /**
   * The node leaves: answers say `Connection: close` and `/-/ready` says no. What arrives is served for another
   * `serveForMs` (callers are still learning), and then refused as `draining`; sessions are told to end then.
   * A second call can only shorten the first. @default 0
   */
  drain(serveForMs?: number): void
  /** Calls in progress, without sessions. */
  inFlight(): number
  /** Upgraded connections and event streams. */
  sessions(): number
  /** Resolves when nothing is in progress; at once when nothing is. */
  idle(): Promise<void>
  /** Refuses what arrives, ends sessions, and closes the application, 5 s at most. Never rejects. */
  close(): Promise<void>
}

/** Opens nothing itself: a listener feeds `request` and `upgrade`. */
export function createInbound(deps: InboundDeps): Inbound {
  const { definition, clock, log } = deps
  const service = deps.service ?? definition.name
  const observer = deps.observe?.(service, 'http', undefined)
  const callee = { clock, service, sampler: deps.sampler, timed: observer !== undefined }
  const compat = deps.compat ?? 'native'
  const check = deps.callKey ? keyCheck(deps.callKey) : undefined
  const ambient = definition.ambient !== false
  const app = createApplication(definition, service, clock, fail)
  const sessions = createSessions(clock)
  const calls = new WeakMap<ServerResponse, InboundCall>()
  const intake = new Intake({
    ...{ definition, nodeId: deps.nodeId, service, clock, alsoInFlight: deps.alsoInFlight },
    refused: () => sessions.end(),
  })
  let leaving = false

  const watch: HeadWatch = {
    leaving: () => leaving,
    head(res, status, eventStream) {
      const call = calls.get(res)
      call?.answered()
      if (!eventStream || call === undefined || call.session || call.ended) return
      call.session = true
      tell(call, status, undefined)
      sessions.addStream(res, call)
      intake.leave()
    },
  }

  function request(req: IncomingMessage, res: ServerResponse): void {
    const probe = probeOf(req.url)
    if (probe !== undefined) {
      answerTo(probe, req, res)
      return
    }
    const headers = takeInternalHeaders(req, check)
    const denial = refuse(headers, headers.deadlineMs, intake) ?? (app.takesRequests ? undefined : NO_HTTP)
    if (denial === undefined) {
      run(req, res, headers)
      return
    }
    if (leaving) res.shouldKeepAlive = false
    deny(res, denial, compat, refused(req, headers, denial))
  }

  /** The trace id that the answer shows. */
  function refused(req: IncomingMessage, headers: InternalHeaders, denial: Denial): string | undefined {
    if (observer === undefined && compat !== 'native') return undefined
    const call = new InboundCall(req, headers, callee)
    tell(call, denial.status, { code: denial.code, message: denial.msg })
    return compat === 'native' ? call.traceId : undefined
  }

  function tell(call: InboundCall, status: number, failing: Failing | undefined): void {
    observer?.served(call, status, failing, call.startedMs, clock.now())
  }

  function run(req: IncomingMessage, res: ServerResponse, headers: InternalHeaders): void {
    const call = new InboundCall(req, headers, callee)
    bindContext(req, call)
    calls.set(res, call)
    intake.enter()
    guardResponse(res, watch)
    const finish = (): void => {
      if (call.ended) return
      forget()
      if (!res.writableFinished) {
        call.abort(new GomsError('CANCELLED', 'call: the caller went away'))
        call.failing ??= GONE
      }
      call.end()
      if (observer !== undefined && !call.session) tell(call, res.headersSent ? res.statusCode : 499, call.failing)
      if (call.session) sessions.removeStream(res)
      else intake.leave()
    }
    const forget = onConnectionClose(req.socket, finish)
    res.once('close', finish)
    runInCall(call, () => app.request(req, res), ambient)
  }

  /** An error that the application let through: the client learns an id, the log the rest. */
  function fail(error: unknown, req: IncomingMessage, res: ServerResponse): void {
    const call = calls.get(res)
    if (call !== undefined) call.failing = { code: 'INTERNAL', message: messageOf(error) }
    log.error(`http: ${req.method} ${pathOf(req)} failed: ${messageOf(error)}`, {
      ...(call && callFields(call)),
      err: error instanceof Error ? error : undefined,
    })
    if (res.headersSent) res.destroy()
    else deny(res, FAILED, compat, call?.traceId)
  }

  function upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const headers = takeInternalHeaders(req, check)
    const denial = refuse(headers, headers.deadlineMs, intake)
    if (denial !== undefined) {
      denyUpgrade(socket, denial, compat, refused(req, headers, denial))
      return
    }
    // The deadline ends with the head of the answer, and an upgrade is nothing but that.
    const call = new InboundCall(req, { ...headers, deadlineMs: undefined }, callee)
    const offer = (): boolean => app.upgrade(req, socket, head)
    bindContext(req, call)
    try {
      if (runInCall(call, offer, ambient)) {
        sessions.addUpgrade(req, socket, call)
        // How the application answers is written past everybody: that it took the connection is what is known.
        tell(call, 101, undefined)
      } else ignoreUpgrade(req, socket, headers)
    } catch (error) {
      log.error(`http: the upgrade of ${pathOf(req)} failed: ${messageOf(error)}`, {
        ...callFields(call),
        err: error instanceof Error ? error : undefined,
      })
      tell(call, 500, { code: 'INTERNAL', message: messageOf(error) })
      socket.destroy()
    }
  }

  /**
   * Nobody takes it: a server may go on as if it had not been asked (RFC 9110, section 7.8), and some clients (Java's,
   * for HTTP/2) rely on it. A body cannot be read any more once node:http has let go of the connection.
   */
  function ignoreUpgrade(req: IncomingMessage, socket: Duplex, headers: InternalHeaders): void {
    const hasBody = req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0
    if (hasBody || !app.takesRequests || req.headers.upgrade?.toLowerCase() === 'websocket') {
      denyUpgrade(socket, NO_UPGRADE, compat, refused(req, headers, NO_UPGRADE))
      return
    }
    const res = new ServerResponse(req)
    res.shouldKeepAlive = false
    res.assignSocket(socket as Socket)
    res.once('finish', () => socket.end())
    socket.on('error', () => socket.destroy())
    run(req, res, headers)
  }

  function answerTo(probe: Probe, req: IncomingMessage, res: ServerResponse): void {
    if (leaving) res.shouldKeepAlive = false
    const ready = intake.started && !leaving && (deps.ready?.() ?? true)
    if (probe === 'live') answerProbe(req, res, true, 'live')
    else answerProbe(req, res, ready, ready ? 'ready' : leaving || deps.leaving?.() ? 'draining' : 'starting')
  }

  return {
    request,
    upgrade,
    async start() {
      await app.start()
      intake.start()
    },
    drain(serveForMs = 0) {
      leaving = true
      intake.drain(serveForMs)
    },
    inFlight: () => intake.inFlight,
    sessions: () => sessions.size,
    idle: () => intake.idle(),
    async close() {
      leaving = true
      if (intake.closed) return
      intake.close()
      await app.close().catch((error: unknown) => log.error(`http: close failed: ${messageOf(error)}`))
    },
  }
}

const GONE: Failing = { code: 'CANCELLED', message: 'the caller went away' }

function pathOf(req: IncomingMessage): string {
  return req.url?.split('?', 1)[0] ?? '/'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
