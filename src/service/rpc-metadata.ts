/** Reads what goms and rpcx put into the metadata of a request, as far as the inbound order asks for it. */
import { fromIdentityHeader, INTERNAL } from '../http/internal.ts'
import type { RpcReceived } from '../transport/rpc.ts'
import type { KeyCheck } from './call-key.ts'
import { type InternalHeaders, toInteger } from './internal-headers.ts'

/** rpcx's own names; https://github.com/smallnest/rpcx/blob/master/share/share.go */
const AUTH = '__AUTH'
const SERVER_TIMEOUT = '__ServerTimeout'

/** Names that a key may come under, the usual one first. */
const KEYS = [AUTH, INTERNAL.callKey, 'goms-call-key'] as const

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
  let matched = false
  let keyless = true
  if (check !== undefined) {
    for (const name of KEYS) {
      const given = received.metadata(name)
      if (given === undefined) continue
      keyless = false
      matched = check(given)
      break
    }
  }
  const admitted = matched || check === undefined || (admitKeyless && keyless)
  const identity = matched ? received.metadata(INTERNAL.identity) : undefined
  return {
    admitted,
    target: received.metadata(INTERNAL.target),
    deadlineMs: admitted ? toInteger(received.metadata(SERVER_TIMEOUT)) : undefined,
    attempt: Math.max(1, (admitted ? toInteger(received.metadata(INTERNAL.attempt)) : undefined) ?? 1),
    caller: matched ? received.metadata(INTERNAL.caller) : undefined,
    identity: identity === undefined ? undefined : fromIdentityHeader(identity),
  }
}
