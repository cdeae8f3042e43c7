/** Reads what goms and rpcx put into the metadata of a request, as far as the inbound order asks for it. */
import { fromIdentityHeader, INTERNAL } from '../http/internal.ts'
import { MetadataReader } from '../rpcx/metadata.ts'
import type { RpcReceived } from '../transport/rpc.ts'
import type { KeyCheck } from './call-key.ts'
import { type InternalHeaders, toInteger } from './internal-headers.ts'

/** rpcx's own names; https://github.com/smallnest/rpcx/blob/master/share/share.go */
const AUTH = '__AUTH'
const SERVER_TIMEOUT = '__ServerTimeout'

/** Names that a key may come under when it does not come under the usual one. */
const OTHER_KEYS = [INTERNAL.callKey, 'goms-call-key'] as const

/** What nearly every request has. */
const usual = new MetadataReader([AUTH, INTERNAL.target, SERVER_TIMEOUT, INTERNAL.attempt, INTERNAL.caller])

/**
 * The same rules as for headers: caller and identity are believed only where a key is set and matched.
 * @param admitKeyless lets requests without any key in, believing nothing of them; a wrong key is still wrong
 */
export function readMetadata(
  received: RpcReceived,
  check: KeyCheck | undefined,
  admitKeyless: boolean,
): InternalHeaders {
  const { origin } = received
  if (origin !== undefined) {
    const { deadlineMs, attempt, caller, identity } = origin
    return { admitted: true, target: undefined, deadlineMs, attempt, caller, identity }
  }
  const [auth, target, timeout, attempt, caller] =
    received.metadataOf?.(usual) ?? usual.names.map((name) => received.metadata(name))
  let matched = false
  let keyless = true
  if (check !== undefined) {
    const given = auth ?? otherKey(received)
    keyless = given === undefined
    matched = check(given)
  }
  const admitted = matched || check === undefined || (admitKeyless && keyless)
  const identity = matched ? received.metadata(INTERNAL.identity) : undefined
  return {
    admitted,
    target,
    deadlineMs: admitted ? toInteger(timeout) : undefined,
    attempt: Math.max(1, (admitted ? toInteger(attempt) : undefined) ?? 1),
    caller: matched ? caller : undefined,
    identity: identity === undefined ? undefined : fromIdentityHeader(identity),
  }
}

function otherKey(received: RpcReceived): string | undefined {
  for (const name of OTHER_KEYS) {
    const given = received.metadata(name)
    if (given !== undefined) return given
  }
  return undefined
}
