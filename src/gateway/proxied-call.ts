/** One request through the gateway: the carrier of its call. Requests come from node:http, attempts go over the upstream. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import type { Attempt, AttemptHandle, Carrier, Dispatched, Dispatcher } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import type { Deadline } from '../core/deadline.ts'
import type { GomsError } from '../core/errors.ts'
import type { Settings } from '../core/options.ts'
import { toNodeHeaders } from '../http/header-rules.ts'
import type { Upstream } from '../transport/upstream.ts'
import type { Admitted } from './admission.ts'
import { AttemptRelay } from './attempt-relay.ts'
import { RequestBody, tooLarge } from './body.ts'
import { ClientAnswer } from './client-answer.ts'
import { attemptHeaders, commonHeaders } from './node-request.ts'
import { affinityOf, OutboundCall } from './outbound-call.ts'
import type { Sessions } from './sessions.ts'

export interface ProxyDeps {
  readonly dispatcher: Dispatcher
  readonly upstream: Upstream
  readonly clock: Clock
  readonly callKey: string | undefined
  /** The gateway's name. */
  readonly caller: string
  readonly sessions: Sessions
  /** Answers with a failure of the gateway's own, or cuts the connection where an answer has begun. */
  fail(res: ServerResponse, error: GomsError, traceId: string, fields: readonly string[]): void
  /** The call became a session. */
  becameSession(): void
}

export class ProxiedCall implements Carrier, Deadline {
  readonly #deps: ProxyDeps
  readonly #admitted: Admitted
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #settings: Settings
  readonly #body: RequestBody
  #common: string[] | undefined
  #dispatched: Dispatched | undefined
  #attempt: Attempt | undefined
  #over = false

  constructor(deps: ProxyDeps, admitted: Admitted, req: IncomingMessage, res: ServerResponse, settings: Settings) {
    this.#deps = deps
    this.#admitted = admitted
    this.#req = req
    this.#res = res
    this.#settings = settings
    this.#body = new RequestBody(req, res, {
      maxBytes: settings.gateway.maxBodyBytes,
      clock: deps.clock,
      moved: () => this.#attempt?.progress(),
      failed: (error) => this.#bodyFailed(error),
    })
  }

  start(): void {
    const { maxBodyBytes } = this.#settings.gateway
    if ((this.#body.contentLength ?? 0) > maxBodyBytes) {
      this.fail(tooLarge(maxBodyBytes))
      return
    }
    this.#res.once('close', () => this.#clientClosed())
    this.#body.collect(() => this.#dispatch())
  }

  #dispatch(): void {
    const { route, trace, identity, target } = this.#admitted
    const { balance } = this.#settings
    const rule = Object.hasOwn(balance.services, route.service) ? balance.services[route.service] : balance.default
    const call = new OutboundCall({
      route,
      method: this.#req.method ?? '',
      hasIdempotencyKey: this.#req.headers['idempotency-key'] !== undefined,
      deadline: this,
      trace,
      caller: this.#deps.caller,
      identity,
      affinity: affinityOf(rule ?? balance.default, this.#req.headers, target.query),
    })
    this.#dispatched = this.#deps.dispatcher.dispatch(call, this)
    if (this.#res.destroyed) this.#dispatched.cancel()
  }

  /** Counts from when the body last moved; stands still while it is the client that is waited for. */
  leftMs(): number {
    const { timeoutMs } = this.#admitted.route.policy
    return this.#body.waiting ? timeoutMs : this.#body.progressMs + timeoutMs - this.#deps.clock.now()
  }

  /**
   * Before the first attempt the dispatcher asks whether to keep time for another one: for a stream there is no second, or
   * only one that costs no time because nothing was sent.
   */
  repeatable(): boolean {
    return this.#attempt ? this.#body.repeatable() : !this.#body.streamed
  }

  attempt(attempt: Attempt): AttemptHandle {
    this.#attempt = attempt
    const body = this.#body.open()
    const relay = new AttemptRelay({
      attempt,
      clock: this.#deps.clock,
      body: body instanceof Readable ? body : undefined,
      answer: (drained, idle) => this.#answer(drained, idle),
      res: this.#res,
      compat: this.#settings.gateway.compat,
      sessions: this.#deps.sessions,
      began: (session) => this.#began(session),
      fail: (error) => this.fail(error),
    })
    relay.start(
      this.#deps.upstream.send(
        attempt.node.http,
        {
          method: this.#req.method ?? '',
          path: this.#admitted.route.pathAt(attempt.node) + this.#admitted.target.query,
          headers: attemptHeaders(this.#commonHeaders(), attempt, this.#body.streamed),
          body,
          contentLength: this.#body.streamed ? this.#body.contentLength : undefined,
        },
        relay,
      ),
    )
    return relay
  }

  fail(error: GomsError): void {
    this.#over = true
    const pending = !this.#body.complete
    this.#body.close()
    if (pending) this.#res.shouldKeepAlive = false
    this.#deps.fail(this.#res, error, this.#admitted.trace.traceId, this.#admitted.answerFields)
  }

  #began(session: boolean): void {
    this.#over = true
    if (session) this.#deps.becameSession()
  }

  #answer(drained: () => void, idle: (waitingForClient: boolean) => void): ClientAnswer {
    return new ClientAnswer({
      req: this.#req,
      res: this.#res,
      envelope: this.#admitted.route.envelope,
      fields: this.#admitted.answerFields,
      idleTimeoutMs: this.#settings.gateway.idleTimeoutMs,
      bodyPending: !this.#body.complete,
      drained,
      idle,
    })
  }

  #commonHeaders(): string[] {
    if (!this.#common) {
      const { route, origin } = this.#admitted
      const client = toNodeHeaders(this.#req.rawHeaders, origin, route.envelope)
      this.#common = commonHeaders(this.#admitted, client, this.#deps.caller, this.#deps.callKey)
    }
    return this.#common
  }

  /** Too large, or the client stopped sending: neither says anything of the node. */
  #bodyFailed(error: GomsError): void {
    const answered = this.#over
    this.#dispatched?.cancel()
    if (answered) this.#res.destroy()
    else this.fail(error)
  }

  #clientClosed(): void {
    this.#body.close()
    if (!this.#res.writableFinished) this.#dispatched?.cancel()
  }
}
