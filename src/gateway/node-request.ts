/** What a node is sent: the client's request with our own fields added, which nothing from outside can forge. */
import type { Attempt } from '../core/call.ts'
import { forNextHop } from '../core/deadline.ts'
import { toHostPort } from '../core/node.ts'
import { INTERNAL, toIdentityHeader } from '../http/internal.ts'
import { writeTraceContext } from '../telemetry/trace-context.ts'
import type { Admitted } from './admission.ts'

/** Fields of a trace that came in: read, and written anew. */
export const TRACE_FIELDS: ReadonlySet<string> = new Set([
  ...['traceparent', 'tracestate', 'b3', 'uber-trace-id', 'x-b3-traceid', 'x-b3-spanid', 'x-b3-parentspanid'],
  ...['x-b3-sampled', 'x-b3-flags'],
])

/** The fields that are the same for all attempts of a call. */
export function commonHeaders(
  admitted: Admitted,
  clientHeaders: readonly string[],
  caller: string,
  callKey: string | undefined,
): string[] {
  const headers: string[] = []
  for (let i = 0; i < clientHeaders.length; i += 2) {
    const name = clientHeaders[i] as string
    if (!TRACE_FIELDS.has(name.toLowerCase())) headers.push(name, clientHeaders[i + 1] as string)
  }
  if (callKey !== undefined) headers.push(INTERNAL.callServiceKey, callKey, INTERNAL.callKey, callKey)
  headers.push(INTERNAL.caller, caller, ...writeTraceContext(admitted.trace))
  const identity = admitted.identity == null ? undefined : toIdentityHeader(admitted.identity)
  if (identity !== undefined) headers.push(INTERNAL.identity, identity)
  return headers
}

/**
 * The fields of one attempt. A streamed upload has no deadline that the node could know: it moves with the upload, and the
 * connection ends when it is over.
 */
export function attemptHeaders(common: readonly string[], attempt: Attempt, streamedBody: boolean): string[] {
  const { node } = attempt
  const headers = [...common, INTERNAL.attempt, String(attempt.number), INTERNAL.target, `${node.service}/${node.id}`]
  // Clients of HTTP/1.0 may leave the host out; HTTP/1.1 may not.
  if (headers[1] === '') headers[1] = toHostPort(node.http)
  const leftMs = attempt.leftMs()
  if (!streamedBody && leftMs !== Number.POSITIVE_INFINITY) headers.push(INTERNAL.deadline, String(forNextHop(leftMs)))
  return headers
}
