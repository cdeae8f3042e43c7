/** One HTTP call at the node that serves it. */
import type { IncomingHttpHeaders } from 'node:http'
import type { InternalHeaders } from './internal-headers.ts'
import { type Callee, ServedCall } from './served-call.ts'

export class InboundCall extends ServedCall {
  /** An event stream: it is counted apart, since it ends when somebody goes and not when work is done. */
  session = false
  readonly #headers: IncomingHttpHeaders

  constructor(headers: IncomingHttpHeaders, internal: InternalHeaders, callee: Callee) {
    super(internal, callee, internal.deadlineMs, undefined)
    this.#headers = headers
  }

  protected override sent(lowerCaseName: string): string | undefined {
    const value = this.#headers[lowerCaseName]
    return Array.isArray(value) ? value[0] : value
  }
}
