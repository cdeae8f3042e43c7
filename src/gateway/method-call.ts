/** One request from outside to an RPC method: its input out of JSON, the call on the one way out, its output into JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Call, Dispatched } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { deadlineIn } from '../core/deadline.ts'
import { GomsError } from '../core/errors.ts'
import type { Settings } from '../core/options.ts'
import type { RpcResult } from '../mesh/rpc-fault.ts'
import type { Admitted, OwnAnswer } from './admission.ts'
import { RequestBody, tooLarge } from './body.ts'
import { toMethodFailure } from './failures.ts'
import { inputOf, inputOfQuery, MAX_INPUT_BYTES, toJson } from './method-body.ts'
import { affinityOf, OutboundCall } from './outbound-call.ts'

/** Sends a call to a method the one way out. */
export type SendMethod = (call: Call, input: unknown, result: RpcResult) => Dispatched

export interface MethodCallDeps {
  readonly send: SendMethod
  readonly clock: Clock
  /** The gateway's name. */
  readonly caller: string
  answer(res: ServerResponse, own: OwnAnswer): void
  fail(res: ServerResponse, error: GomsError, traceId: string, fields: readonly string[]): void
}

/** Methods whose requests have no body (RFC 9110 §9.3). DELETE may have one. */
const WITHOUT_BODY = new Set(['GET', 'HEAD'])

export class MethodCall {
  readonly #deps: MethodCallDeps
  readonly #admitted: Admitted
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #settings: Settings
  readonly #body: RequestBody
  readonly #maxBytes: number
  #dispatched: Dispatched | undefined

  constructor(deps: MethodCallDeps, admitted: Admitted, req: IncomingMessage, res: ServerResponse, settings: Settings) {
    const { maxBodyBytes } = settings.gateway
    this.#deps = deps
    this.#admitted = admitted
    this.#req = req
    this.#res = res
    this.#settings = settings
    this.#maxBytes = Number.isFinite(maxBodyBytes) ? maxBodyBytes : MAX_INPUT_BYTES
    this.#body = new RequestBody(req, res, {
      maxBytes: this.#maxBytes,
      whole: true,
      clock: deps.clock,
      moved() {},
      failed: (error) => this.#fail(error),
    })
  }

  start(): void {
    const encoding = this.#req.headers['content-encoding']
    if ((this.#body.contentLength ?? 0) > this.#maxBytes) this.#fail(tooLarge(this.#maxBytes))
    else if (encoding !== undefined && encoding !== 'identity') this.#fail(encoded(this.#where, encoding))
    else {
      this.#res.once('close', () => this.#closed())
      this.#body.collect(() => this.#dispatch())
    }
  }

  get #where(): string {
    const { service, action } = this.#admitted.route
    return `${service}/${action}`
  }

  #dispatch(): void {
    const { route, trace, identity, target } = this.#admitted
    let input: unknown
    try {
      input = this.#input()
    } catch (thrown) {
      this.#fail(GomsError.from(thrown))
      return
    }
    const { balance } = this.#settings
    const rule = Object.hasOwn(balance.services, route.service) ? balance.services[route.service] : balance.default
    const call = new OutboundCall({
      route,
      method: this.#req.method ?? '',
      hasIdempotencyKey: this.#req.headers['idempotency-key'] !== undefined,
      deadline: deadlineIn(this.#deps.clock, route.policy.timeoutMs),
      trace,
      caller: this.#deps.caller,
      identity: identity ?? undefined,
      affinity: affinityOf(rule ?? balance.default, this.#req.headers, target.query),
    })
    this.#dispatched = this.#deps.send(call, input, {
      reply: (output) => this.#reply(output),
      error: (error, answered) => (answered ? this.#refused(error) : this.#fail(error)),
    })
    if (this.#res.destroyed) this.#dispatched.cancel()
  }

  #input(): unknown {
    const { query } = this.#admitted.target
    if (WITHOUT_BODY.has(this.#req.method ?? '')) return inputOfQuery(query)
    const body = this.#body.all()
    if (body.length === 0 && this.#req.method === 'DELETE') return inputOfQuery(query)
    return inputOf(body, this.#where)
  }

  #reply(output: unknown): void {
    let data: string
    try {
      data = toJson(output ?? null)
    } catch (cause) {
      this.#fail(new GomsError('INTERNAL', `${this.#where}: the output is no JSON`, { cause }))
      return
    }
    const status = this.#admitted.route.envelope ? '"status":true,' : ''
    this.#answer({
      status: 200,
      headers: ['content-type', 'application/json; charset=utf-8'],
      body: `{${status}"code":0,"msg":"success","data":${data}}`,
    })
  }

  /** The method's own error. */
  #refused(error: GomsError): void {
    const { traceId } = this.#admitted.trace
    try {
      this.#answer(toMethodFailure(error, this.#settings.gateway.compat, traceId))
    } catch (cause) {
      this.#fail(new GomsError('INTERNAL', `${this.#where}: the data of the error is no JSON`, { cause }))
    }
  }

  #answer({ status, headers, body }: OwnAnswer): void {
    const { idleTimeoutMs } = this.#settings.gateway
    this.#deps.answer(this.#res, { status, headers: [...headers, ...this.#admitted.answerFields], body })
    // A client that does not take its answer would hold it in memory for ever.
    if (!this.#res.writableFinished) this.#res.setTimeout(idleTimeoutMs, () => this.#res.destroy())
  }

  #fail(error: GomsError): void {
    const pending = !this.#body.complete
    this.#body.close()
    if (pending) this.#res.shouldKeepAlive = false
    this.#deps.fail(this.#res, error, this.#admitted.trace.traceId, this.#admitted.answerFields)
  }

  #closed(): void {
    this.#body.close()
    if (!this.#res.writableFinished) this.#dispatched?.cancel()
  }
}

/** RFC 9110 §15.5.16 */
function encoded(where: string, encoding: string): GomsError {
  const found = JSON.stringify(encoding.slice(0, 40))
  return new GomsError('INVALID_ARGUMENT', `${where}: expected plain JSON, got a body of encoding ${found}`, {
    status: 415,
  })
}
