/** The headers that goms adds between its own processes. None of them is believed, or passed on, from outside. */

/** Names in lower case, as node:http gives them. */
export const INTERNAL: {
  /** The shared secret, under the original's two names. */
  readonly callServiceKey: 'call-service-key'
  readonly callKey: 'call-key'
  /** Milliseconds left for the callee, a whole number; 0 or less is over. */
  readonly deadline: 'goms-deadline-ms'
  /** Number of the attempt, from 1. */
  readonly attempt: 'goms-attempt'
  /** Name of the calling service. */
  readonly caller: 'goms-caller'
  /** What the auth hook returned, base64url JSON of at most 4 KiB. */
  readonly identity: 'goms-identity'
  /** `<service>/<node id>` that the call is meant for. */
  readonly target: 'goms-target'
  /** On replies: the node refused before any code of the application ran. */
  readonly refused: 'goms-refused'
} = {
  callServiceKey: 'call-service-key',
  callKey: 'call-key',
  deadline: 'goms-deadline-ms',
  attempt: 'goms-attempt',
  caller: 'goms-caller',
  identity: 'goms-identity',
  target: 'goms-target',
  refused: 'goms-refused',
}

/** Bytes of an identity on the wire. */
export const MAX_IDENTITY_BYTES = 4096

/** An identity for the wire, or undefined when it is larger than {@link MAX_IDENTITY_BYTES} or no JSON. */
export function toIdentityHeader(identity: unknown): string | undefined {
  const json = JSON.stringify(identity)
  if (json === undefined) return undefined
  const text = Buffer.from(json).toString('base64url')
  return text.length <= MAX_IDENTITY_BYTES ? text : undefined
}

/** The identity that a header carries; undefined when it is damaged. */
export function fromIdentityHeader(text: string): unknown {
  if (text.length > MAX_IDENTITY_BYTES) return undefined
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString())
  } catch {
    return undefined
  }
}
