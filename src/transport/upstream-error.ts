/** How a connection to a node failed. */

/** An error with a code, without a stack: thousands a second while a node is down. */
export class UpstreamError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(message)
    Error.stackTraceLimit = limit
    this.code = code
  }
}
