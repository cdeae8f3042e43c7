/** How calls carry on what the client calls its request, `X-Request-Id`. */
import type { CallContext } from '../core/context.ts'

/** The request's id in `context`, where that is not the trace's id: nobody needs to be told that twice. */
export function namedIn(context: CallContext | undefined): string | undefined {
  const id = context?.requestId
  return id === undefined || id === context?.traceId ? undefined : id
}
