/** One HTTP call at the node that serves it. */
import type { IncomingMessage } from 'node:http'
import type { TraceContext } from '../core/context.ts'
import type { Failing, Served, ServedRequest } from '../core/observe.ts'
import { traceBridge } from '../core/trace-bridge.ts'
import { childOf, readTraceContext } from '../telemetry/trace-context.ts'
import type { InternalHeaders } from './internal-headers.ts'
import { type Callee, ServedCall } from './served-call.ts'

export class InboundCall extends ServedCall implements Served {
  /** An event stream: it is counted apart, since it ends when somebody goes and not when work is done. */
  session = false
  /** What it failed with before the application could answer, or after it threw. */
  failing: Failing | undefined
  readonly #req: IncomingMessage

  constructor(req: IncomingMessage, internal: InternalHeaders, callee: Callee) {
    super(internal, callee, internal.deadlineMs, undefined)
    this.#req = req
  }

  get transport(): 'http' {
    return 'http'
  }

  get request(): ServedRequest {
    return new SeenRequest(this.#req)
  }

  get name(): string {
    const { method, path } = this.request
    return `${method} ${path}`
  }

  /** Where the request names no trace: an instrumentation of node:http has a span for it by now. */
  protected override tracedHere(): TraceContext | undefined {
    const active = traceBridge()?.active()
    if (active === undefined || readTraceContext((name) => this.sent(name)) !== undefined) return undefined
    return childOf(active)
  }

  protected override sent(lowerCaseName: string): string | undefined {
    const value = this.#req.headers[lowerCaseName]
    return Array.isArray(value) ? value[0] : value
  }
}

class SeenRequest implements ServedRequest {
  readonly #req: IncomingMessage

  constructor(req: IncomingMessage) {
    this.#req = req
  }

  get method(): string {
    return this.#req.method ?? 'GET'
  }

  get path(): string {
    const { url = '/' } = this.#req
    const mark = url.indexOf('?')
    return mark < 0 ? url : url.slice(0, mark)
  }

  get query(): string {
    const { url = '/' } = this.#req
    const mark = url.indexOf('?')
    return mark < 0 ? '' : url.slice(mark)
  }

  *headers(): Iterable<readonly [string, string]> {
    const { rawHeaders } = this.#req
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) yield [rawHeaders[i] as string, rawHeaders[i + 1] as string]
  }
}
