/** What a recorded request is kept as, where `trace.capture` says so: its parts, handed to who takes the secrets out. */
import type { ServedRequest } from '../core/observe.ts'
import { MAX_CAPTURED_BODY_BYTES, type Redactor } from './redaction.ts'

/**
 * @param body what was held of it anyway; undefined: it went through as it came, or there was none
 * @param size of the whole body
 */
export function captured(
  redactor: Redactor,
  request: ServedRequest,
  body?: Uint8Array,
  size?: number,
): Record<string, string> {
  const headers = [...request.headers()]
  return redactor.tagsOf({
    method: request.method,
    path: request.path,
    query: request.query.slice(1),
    headers,
    body: body && {
      bytes: body.subarray(0, MAX_CAPTURED_BODY_BYTES),
      size,
      contentType: headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1],
    },
  })
}
