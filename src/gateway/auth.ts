/** The auth hook: who is asking, decided after the match and before anything is sent. */
import type { Clock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import { toIdentityHeader } from '../http/internal.ts'

/** A request as the hook sees it; read-only, and without the body. */
export interface AuthRequest {
  readonly method: string
  /** Normalised, as it was matched: `/api/user/login`. */
  readonly path: string
  /** With its `?`; empty without one. */
  readonly query: string
  /**
   * Names in lower case; repeated fields joined by `, `. Internal headers from outside are not among them, nor
   * `X-Forwarded-…` and `Forwarded` of peers that are not trusted.
   */
  readonly headers: Readonly<Record<string, string | undefined>>
  /** Address of whoever opened the connection. */
  readonly remoteAddress: string
}

export interface AuthTarget {
  readonly service: string
  readonly action: string
  /** `/api/<service>/<action>` */
  readonly route: string
}

/**
 * Returns an identity (any JSON of at most 4 KiB) or nothing. Throws to refuse: a GomsError with its own code and status,
 * anything else as UNAUTHENTICATED (401).
 */
export type AuthHook = (request: AuthRequest, target: AuthTarget) => unknown

/**
 * Runs the hook. A hook that returns no promise is answered at once, in the same turn.
 * @param timeoutMs a hook that takes longer is DEADLINE_EXCEEDED
 */
export function authenticate(
  hook: AuthHook,
  request: AuthRequest,
  target: AuthTarget,
  clock: Clock,
  timeoutMs: number,
  done: (identity: unknown) => void,
  refuse: (error: GomsError) => void,
): void {
  let open = true
  const settle = (finish: () => void): void => {
    if (!open) return
    open = false
    finish()
  }
  const accept = (identity: unknown): void => {
    const error = identityError(identity)
    settle(() => (error ? refuse(error) : done(identity)))
  }
  try {
    const result = hook(request, target)
    if (!isPromise(result)) {
      accept(result)
      return
    }
    const timer = clock.after(timeoutMs, () => {
      settle(() => refuse(new GomsError('DEADLINE_EXCEEDED', `auth: the hook did not decide within ${timeoutMs} ms`)))
    })
    result.then(accept, (thrown: unknown) => settle(() => refuse(toRefusal(thrown)))).finally(() => timer.cancel())
  } catch (thrown) {
    settle(() => refuse(toRefusal(thrown)))
  }
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
}

function toRefusal(thrown: unknown): GomsError {
  if (thrown instanceof GomsError) return thrown
  // The text of a stranger's error may hold what the client must not read; it goes to the log as the cause.
  return new GomsError('UNAUTHENTICATED', 'not authenticated', { cause: thrown })
}

function identityError(identity: unknown): GomsError | undefined {
  if (identity === undefined || identity === null) return undefined
  let text: string | undefined
  try {
    text = toIdentityHeader(identity)
  } catch (cause) {
    return new GomsError('INTERNAL', 'auth: the identity is no JSON', { cause })
  }
  return text === undefined ? new GomsError('INTERNAL', 'auth: the identity is no JSON of at most 4 KiB') : undefined
}
