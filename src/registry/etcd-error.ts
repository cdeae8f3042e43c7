/** What went wrong at etcd, as a GomsError: gRPC statuses, sockets, certificates. */
import { type CallCode, GomsError } from '../core/errors.ts'

const CODES: readonly CallCode[] = [
  'UNKNOWN',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
]

/**
 * etcd says "your token is no good" under four statuses; the text is the only thing that tells them from a wrong request.
 * Source: etcd 3.4, etcdserver/api/v3rpc/rpctypes/error.go
 */
const TOKEN_TEXTS = [
  'invalid auth token',
  'user name is empty',
  'revision of auth store is old',
  'authentication failed',
  'user name not found',
]

/** The error of a gRPC status and what stood beside it. */
export function toGrpcError(status: number, message: string): GomsError {
  if (TOKEN_TEXTS.some((text) => message.includes(text))) return new GomsError('UNAUTHENTICATED', message)
  return new GomsError(CODES[status] ?? 'UNKNOWN', message)
}

const CERTIFICATE = /^(ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_OSSL_)|ALERT/

/** The error of a socket or session: UNAUTHENTICATED where certificates are the reason, else UNAVAILABLE. */
export function toTransportError(endpoint: string, error: unknown): GomsError {
  const code = String((error as { code?: unknown }).code ?? '')
  const message = toReason(error instanceof Error ? error.message : String(error))
  // Wrong version: one side speaks TLS, the other does not.
  const isCertificate = CERTIFICATE.test(code) && !code.includes('WRONG_VERSION_NUMBER')
  return new GomsError(isCertificate ? 'UNAUTHENTICATED' : 'UNAVAILABLE', `etcd ${endpoint}: ${message}`, {
    cause: error,
  })
}

/** OpenSSL tells where in its sources it failed, over two lines: `80CC…:error:0A000412:SSL routines:ssl3_read_bytes:<reason>:../deps/…`. */
function toReason(message: string): string {
  return (/:error:[0-9A-F]{8}:[^:]*:[^:]*:([^:]+):/.exec(message)?.[1] ?? message).trim()
}
