/** One HTTP call at the node that serves it. */
import type { IncomingMessage } from 'node:http'
import type { Failing, Served } from '../core/observe.ts'
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

  get name(): string {
    const { method = 'GET', url = '/' } = this.#req
    const mark = url.indexOf('?')
    return `${method} ${mark < 0 ? url : url.slice(0, mark)}`
  }

  protected override sent(lowerCaseName: string): string | undefined {
    const value = this.#req.headers[lowerCaseName]
    return Array.isArray(value) ? value[0] : value
  }
}
