/** Reads what goms and rpcx put into the metadata of a request, as far as the inbound order asks for it. */
import { fromIdentityHeader, INTERNAL } from '../http/internal.ts'
import { MetadataReader, RPCX } from '../rpcx/metadata.ts'
import type { RpcGreeting, RpcReceived } from '../transport/rpc.ts'
import type { KeyCheck } from './call-key.ts'
import { type InternalHeaders, toInteger } from './internal-headers.ts'

/** Names that a key may come under when it does not come under the usual one. */
const OTHER_KEYS = [INTERNAL.callKey, 'goms-call-key'] as const

/** What a request that says everything itself may have. */
const usual = new MetadataReader([RPCX.auth, INTERNAL.target, RPCX.timeout, INTERNAL.attempt, INTERNAL.caller])

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
  if (received.greeting !== undefined) return readGreeting(received.greeting, received.deadlineMs, check, admitKeyless)
  const [auth, target, timeout, attempt, caller] =
    received.metadataOf?.(usual) ?? usual.names.map((name) => received.metadata(name))
  let matched = false
  let keyless = true
  if (check !== undefined) {
    const given = auth ?? otherKey((name) => received.metadata(name))
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

/** What a greeting came to: the same for every request that goes by it. */
class Greeted {
  readonly check: KeyCheck | undefined
  readonly matched: boolean
  readonly keyless: boolean
  readonly target: string | undefined
  readonly caller: string | undefined

  constructor(greeting: RpcGreeting, check: KeyCheck | undefined) {
    const get = (name: string): string | undefined => greeting.metadata(name)
    const given = get(RPCX.auth) ?? otherKey(get)
    this.check = check
    this.matched = check?.(given) === true
    this.keyless = given === undefined
    this.target = get(INTERNAL.target)
    this.caller = this.matched ? get(INTERNAL.caller) : undefined
  }
}

/** The key is looked at with the first request, and again only where another key rules. */
function readGreeting(
  greeting: RpcGreeting,
  deadlineMs: number | undefined,
  check: KeyCheck | undefined,
  admitKeyless: boolean,
): InternalHeaders {
  const { known } = greeting
  const greeted = known instanceof Greeted && known.check === check ? known : new Greeted(greeting, check)
  greeting.known = greeted
  const admitted = greeted.matched || check === undefined || (admitKeyless && greeted.keyless)
  return {
    admitted,
    target: greeted.target,
    deadlineMs: admitted ? deadlineMs : undefined,
    attempt: 1,
    caller: greeted.caller,
    identity: undefined,
  }
}

function otherKey(get: (name: string) => string | undefined): string | undefined {
  for (const name of OTHER_KEYS) {
    const given = get(name)
    if (given !== undefined) return given
  }
  return undefined
}
