/** One request through the gateway: the carrier of its call, from an exchange with the client to attempts over the upstream. */
import { Readable } from 'node:stream'
import type { Attempt, AttemptHandle, Carrier, Dispatched, Dispatcher } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { Deadline } from '../core/deadline.ts'
import type { GomsError } from '../core/errors.ts'
import type { Upstream } from '../transport/upstream.ts'
import { AttemptRelay, type RelayOwner } from './attempt-relay.ts'
import { type BodyOwner, RequestBody, tooLarge } from './body.ts'
import type { InboundRequest, Serving } from './inbound-request.ts'
import type { NodeRequests } from './node-request.ts'
import { OutboundCall } from './outbound-call.ts'
import type { Route } from './route.ts'
import type { Session, Sessions } from './sessions.ts'

/** What all calls through a gateway share. */
export interface ProxyDeps {
  readonly dispatcher: Dispatcher
  readonly upstream: Upstream
  readonly nodeRequests: NodeRequests
  /** For what is nearly always over before its time; may be late by some milliseconds. */
  readonly clock: Clock
  readonly sessions: Sessions
}

export class ProxiedCall implements Carrier, Deadline, Serving, BodyOwner, RelayOwner {
  readonly request: InboundRequest
  readonly #deps: ProxyDeps
  readonly #route: Route
  readonly #startedMs: number
  /** Undefined without one. */
  readonly #body: RequestBody | undefined
  #common: string | undefined
  #dispatched: Dispatched | undefined
  #attempt: Attempt | undefined
  /** That of the answer. */
  #relay: AttemptRelay | undefined
  #session: Session | undefined
  #over = false
  #gone = false

  constructor(deps: ProxyDeps, request: InboundRequest, route: Route) {
    this.#deps = deps
    this.request = request
    this.#route = route
    this.#startedMs = deps.clock.now()
    if (!request.exchange.hasBody) return
    this.#body = new RequestBody(request.exchange, this, {
      maxBytes: route.maxBodyBytes,
      stallMs: request.settings.gateway.bodyTimeoutMs,
      clock: deps.clock,
    })
  }

  start(): void {
    const { request } = this
    request.serveWith(this)
    if (this.#body === undefined) {
      this.#dispatch(this.#startedMs)
      return
    }
    const { maxBodyBytes } = this.#route
    if ((this.#body.contentLength ?? 0) > maxBodyBytes) this.fail(tooLarge(maxBodyBytes))
    else this.#body.collect(() => this.#dispatch(this.#deps.clock.now()))
  }

  #dispatch(nowMs: number): void {
    const { dispatcher, nodeRequests } = this.#deps
    const call = new OutboundCall(this.request, this.#route, this, nodeRequests.caller)
    this.#dispatched = dispatcher.dispatch(call, this, nowMs)
    if (this.#gone) this.#dispatched.cancel()
  }

  get clock(): Clock {
    return this.#deps.clock
  }

  get envelope(): boolean {
    return this.#route.envelope
  }

  /** Counts from when the body last moved; stands still while it is the client that is waited for. */
  leftMs(nowMs: number = this.#deps.clock.now()): number {
    const { timeoutMs } = this.#route.policy
    const body = this.#body
    if (body === undefined) return this.#startedMs + timeoutMs - nowMs
    return body.waiting ? timeoutMs : body.progressMs + timeoutMs - nowMs
  }

  /**
   * Before the first attempt the dispatcher asks whether to keep time for another one: for a stream there is no second, or
   * only one that costs no time because nothing was sent.
   */
  repeatable(): boolean {
    const body = this.#body
    return body === undefined || (this.#attempt ? body.repeatable() : !body.streamed)
  }

  attempt(attempt: Attempt): AttemptHandle {
    this.#attempt = attempt
    const { request } = this
    request.attempted(attempt)
    const { upstream, nodeRequests } = this.#deps
    const body = this.#body?.open() ?? null
    const streamed = this.#body?.streamed === true
    this.#common ??= nodeRequests.common(request, this.#route.envelope)
    const relay = new AttemptRelay(this, attempt, body instanceof Readable ? body : undefined)
    const sent = {
      method: request.exchange.method,
      path: this.#route.pathAt(attempt.node) + request.target.query,
      fields: nodeRequests.attempt(request, this.#common, attempt, streamed),
      body,
      contentLength: streamed ? this.#body?.contentLength : undefined,
    }
    relay.start(upstream.send(attempt.node.http, sent, relay))
    return relay
  }

  fail(error: GomsError): void {
    this.#over = true
    const { exchange } = this.request
    this.#body?.close()
    if (!exchange.bodyComplete && !exchange.headSent && !exchange.closed) exchange.closeAfter()
    this.request.fail(error)
  }

  began(relay: AttemptRelay, isSession: boolean): void {
    this.#over = true
    this.#relay = relay
    if (isSession) this.request.opensSession()
  }

  opened(session: Session): void {
    this.#session = session
    this.#deps.sessions.add(session)
  }

  bodyMoved(): void {
    this.#attempt?.progress()
  }

  /** Too large, or the client stopped sending: neither says anything of the node. */
  bodyFailed(error: GomsError): void {
    const answered = this.#over
    this.#dispatched?.cancel()
    if (answered) this.request.exchange.destroy()
    else this.fail(error)
  }

  held(): Buffer | undefined {
    return this.#body?.held()
  }

  data(chunk: Buffer): boolean {
    return this.#body === undefined || this.#body.data(chunk)
  }

  bodyEnd(): void {
    this.#body?.bodyEnd()
  }

  drain(): void {
    this.#relay?.drain()
  }

  idle(waitingForClient: boolean): void {
    if (this.#relay) this.#relay.idle(waitingForClient)
    else this.request.exchange.destroy()
  }

  closed(answered: boolean): void {
    this.#body?.close()
    if (this.#session) this.#deps.sessions.remove(this.#session)
    if (answered) return
    this.#gone = true
    this.#dispatched?.cancel()
  }
}
