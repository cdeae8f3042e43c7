/** Reads what goms and rpcx put into the metadata of a request, as far as the inbound order asks for it. */
import { fromIdentityHeader, INTERNAL } from '../http/internal.ts'
import { MetadataReader, RPCX } from '../rpcx/metadata.ts'
import type { RpcGreeting, RpcReceived } from '../transport/rpc.ts'
import type { KeyCheck } from './call-key.ts'
import { type CallerHeaders, type InternalHeaders, toInteger } from './internal-headers.ts'

/** Names that a key may come under when it does not come under the usual one. */
const OTHER_KEYS = [INTERNAL.callKey, 'goms-call-key'] as const

/** What a request that says everything itself may have. */
const usual = new MetadataReader([RPCX.auth, INTERNAL.target, RPCX.timeout, INTERNAL.attempt, INTERNAL.caller])

/**
 * The same rules as for headers: caller and identity are believed only where a key is set and matched. A deadline is apart,
 * see {@link readDeadline}: what a greeting says is one object for all calls that go by it.
 * @param admitKeyless lets requests without any key in, believing nothing of them; a wrong key is still wrong
 */
export function readMetadata(
  received: RpcReceived,
  check: KeyCheck | undefined,
  admitKeyless: boolean,
): Greeted | InternalHeaders {
  const { origin } = received
  if (origin !== undefined) {
    const { deadlineMs, attempt, caller, identity } = origin
    return { admitted: true, believed: true, target: undefined, deadlineMs, attempt, caller, identity }
  }
  const { greeting } = received
  if (greeting !== undefined) return readGreeting(greeting, check, admitKeyless)
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
    believed: matched || check === undefined,
    target,
    deadlineMs: admitted ? toInteger(timeout) : undefined,
    attempt: Math.max(1, (admitted ? toInteger(attempt) : undefined) ?? 1),
    caller: matched ? caller : undefined,
    identity: identity === undefined ? undefined : fromIdentityHeader(identity),
  }
}

/** What is left for the callee of a request, in milliseconds, by what was read of it; undefined: no deadline. */
export function readDeadline(received: RpcReceived, from: Greeted | InternalHeaders): number | undefined {
  if (!(from instanceof Greeted)) return from.deadlineMs
  return from.admitted ? received.deadlineMs : undefined
}

/** What a greeting came to: the same for every request that goes by it. */
class Greeted implements CallerHeaders {
  readonly admitted: boolean
  readonly believed: boolean
  readonly target: string | undefined
  readonly attempt = 1
  readonly caller: string | undefined
  readonly identity = undefined
  readonly #check: KeyCheck | undefined
  readonly #admitKeyless: boolean

  constructor(greeting: RpcGreeting, check: KeyCheck | undefined, admitKeyless: boolean) {
    const get = (name: string): string | undefined => greeting.metadata(name)
    const given = get(RPCX.auth) ?? otherKey(get)
    const matched = check?.(given) === true
    this.believed = matched || check === undefined
    this.admitted = matched || check === undefined || (admitKeyless && given === undefined)
    this.target = get(INTERNAL.target)
    this.caller = matched ? get(INTERNAL.caller) : undefined
    this.#check = check
    this.#admitKeyless = admitKeyless
  }

  /** Whether it was judged by this key and this rule. */
  holdsFor(check: KeyCheck | undefined, admitKeyless: boolean): boolean {
    return this.#check === check && this.#admitKeyless === admitKeyless
  }
}

/** The key is looked at with the first request, and again only where another key rules. */
function readGreeting(greeting: RpcGreeting, check: KeyCheck | undefined, admitKeyless: boolean): Greeted {
  const { known } = greeting
  if (known instanceof Greeted && known.holdsFor(check, admitKeyless)) return known
  const greeted = new Greeted(greeting, check, admitKeyless)
  greeting.known = greeted
  return greeted
}

function otherKey(get: (name: string) => string | undefined): string | undefined {
  for (const name of OTHER_KEYS) {
    const given = get(name)
    if (given !== undefined) return given
  }
  return undefined
}
