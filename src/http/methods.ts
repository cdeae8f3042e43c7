/** The request methods that are known, found by their bytes. */
import { type ByteNames, createByteNames } from './byte-names.ts'

/**
 * Those that node:http knows for HTTP, all of the IANA registry that are in use among them. Whatever else a client calls a
 * method, no node that runs on node:http would read it.
 */
export const METHODS: readonly string[] = [
  ...['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'CONNECT', 'QUERY', 'PURGE', 'SEARCH'],
  ...['COPY', 'LOCK', 'MKCOL', 'MOVE', 'PROPFIND', 'PROPPATCH', 'UNLOCK', 'BIND', 'REBIND', 'UNBIND', 'ACL', 'REPORT'],
  ...[
    'MKACTIVITY',
    'CHECKOUT',
    'MERGE',
    'M-SEARCH',
    'NOTIFY',
    'SUBSCRIBE',
    'UNSUBSCRIBE',
    'MKCALENDAR',
    'LINK',
    'UNLINK',
  ],
]

/** Longer tokens are not taken for methods. */
export const MAX_METHOD_BYTES = 32

const NAMES: ByteNames = createByteNames(METHODS, false)

/** The method that those bytes are; undefined for none that is known. Case matters (RFC 9110 §9.1). */
export function methodOf(bytes: Uint8Array, start: number, end: number): string | undefined {
  return METHODS[NAMES.find(bytes, start, end)]
}
