/** One request from outside to an RPC method: its input out of JSON, the call on the one way out, its output into JSON. */
import type { Call, Dispatched } from '../core/call.ts'
import type { Clock } from '../core/clock.ts'
import { deadlineIn } from '../core/deadline.ts'
import { GomsError } from '../core/errors.ts'
import type { RpcResult } from '../mesh/rpc-fault.ts'
import { type BodyOwner, RequestBody, tooLarge } from './body.ts'
import { toMethodFailure } from './failures.ts'
import type { InboundRequest, Serving } from './inbound-request.ts'
import { inputOf, inputOfQuery, MAX_INPUT_BYTES, toJson } from './method-body.ts'
import { OutboundCall } from './outbound-call.ts'
import type { Route } from './route.ts'

/** Sends a call to a method the one way out. */
export type SendMethod = (call: Call, input: unknown, result: RpcResult) => Dispatched

export interface MethodCallDeps {
  readonly send: SendMethod
  /** For what is nearly always over before its time; may be late by some milliseconds. */
  readonly clock: Clock
  /** The gateway's name. */
  readonly caller: string
}

/** Methods whose requests have no body (RFC 9110 §9.3). DELETE may have one. */
const WITHOUT_BODY = new Set(['GET', 'HEAD'])

export class MethodCall implements Serving, BodyOwner {
  readonly #deps: MethodCallDeps
  readonly #request: InboundRequest
  readonly #route: Route
  readonly #body: RequestBody
  readonly #maxBytes: number
  #dispatched: Dispatched | undefined
  #gone = false

  constructor(deps: MethodCallDeps, request: InboundRequest, route: Route) {
    const { maxBodyBytes } = route
    this.#deps = deps
    this.#request = request
    this.#route = route
    this.#maxBytes = Number.isFinite(maxBodyBytes) ? maxBodyBytes : MAX_INPUT_BYTES
    this.#body = new RequestBody(request.exchange, this, {
      ...{ maxBytes: this.#maxBytes, whole: true, clock: deps.clock },
      stallMs: request.settings.gateway.bodyTimeoutMs,
    })
  }

  start(): void {
    this.#request.serveWith(this)
    const encoding = this.#request.exchange.fields.get('content-encoding')
    if ((this.#body.contentLength ?? 0) > this.#maxBytes) this.#fail(tooLarge(this.#maxBytes))
    else if (encoding !== undefined && encoding !== 'identity') this.#fail(encoded(this.#where, encoding))
    else this.#body.collect(() => this.#dispatch())
  }

  get #where(): string {
    const { service, action } = this.#route
    return `${service}/${action}`
  }

  #dispatch(): void {
    let input: unknown
    try {
      input = this.#input()
    } catch (thrown) {
      this.#fail(GomsError.from(thrown))
      return
    }
    const { clock, caller } = this.#deps
    const call = new OutboundCall(this.#request, this.#route, deadlineIn(clock, this.#route.policy.timeoutMs), caller)
    this.#dispatched = this.#deps.send(call, input, {
      attempted: (attempt) => this.#request.attempted(attempt),
      reply: (output) => this.#reply(output),
      error: (error, answered) => (answered ? this.#refused(error) : this.#fail(error)),
    })
    if (this.#gone) this.#dispatched.cancel()
  }

  #input(): unknown {
    const { exchange, target } = this.#request
    const { query } = target
    if (WITHOUT_BODY.has(exchange.method)) return inputOfQuery(query)
    const body = this.#body.all()
    if (body.length === 0 && exchange.method === 'DELETE') return inputOfQuery(query)
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
    const status = this.#route.envelope ? '"status":true,' : ''
    this.#request.answer({
      status: 200,
      headers: ['content-type', 'application/json; charset=utf-8'],
      body: `{${status}"code":0,"msg":"success","data":${data}}`,
    })
  }

  /** The method's own error. */
  #refused(error: GomsError): void {
    const { settings, traceId } = this.#request
    try {
      this.#request.answer(toMethodFailure(error, settings.gateway.compat, traceId))
    } catch (cause) {
      this.#fail(new GomsError('INTERNAL', `${this.#where}: the data of the error is no JSON`, { cause }))
    }
  }

  #fail(error: GomsError): void {
    const { exchange } = this.#request
    this.#body.close()
    if (!exchange.bodyComplete && !exchange.headSent && !exchange.closed) exchange.closeAfter()
    this.#request.fail(error)
  }

  bodyMoved(): void {}

  bodyFailed(error: GomsError): void {
    this.#fail(error)
  }

  held(): Buffer | undefined {
    return this.#body.held()
  }

  data(chunk: Buffer): boolean {
    return this.#body.data(chunk)
  }

  bodyEnd(): void {
    this.#body.bodyEnd()
  }

  drain(): void {}

  /** The client does not take its answer. */
  idle(): void {
    this.#request.exchange.destroy()
  }

  closed(answered: boolean): void {
    this.#body.close()
    if (answered) return
    this.#gone = true
    this.#dispatched?.cancel()
  }
}

/** RFC 9110 §15.5.16 */
function encoded(where: string, encoding: string): GomsError {
  const found = JSON.stringify(encoding.slice(0, 40))
  return new GomsError('INVALID_ARGUMENT', `${where}: expected plain JSON, got a body of encoding ${found}`, {
    status: 415,
  })
}
