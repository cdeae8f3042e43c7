/** What a recorded request is kept as, where `trace.capture` says so: its parts, handed to who takes the secrets out. */
import type { ServedRequest } from '../core/observe.ts'

/** Of a body. */
const MAX_BODY_BYTES = 4096

/** Takes secrets out. */
export interface RequestRedactor {
  tagsOf(parts: {
    readonly method: string
    readonly path: string
    /** Without the `?`; empty: none. */
    readonly query: string
    readonly headers: Iterable<readonly [name: string, value: string]>
    readonly body?:
      | {
          /** Its beginning. */
          readonly bytes: Uint8Array
          /** Of the whole body, undefined where that is not known. */
          readonly size: number | undefined
          readonly contentType: string | undefined
        }
      | undefined
  }): Record<string, string>
  /** Messages of errors, and names that come from outside. */
  text(text: string): string
}

/**
 * @param body what was held of it anyway; undefined: it went through as it came, or there was none
 * @param size of the whole body
 */
export function captured(
  redactor: RequestRedactor,
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
      bytes: body.subarray(0, MAX_BODY_BYTES),
      size,
      contentType: headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1],
    },
  })
}
