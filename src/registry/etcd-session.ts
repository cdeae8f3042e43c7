/** Keeps one session to one of several endpoints: connect, authenticate, fail over, back off; never more than one at a time. */
import { fullJitterMs } from '../core/backoff.ts'
import type { Clock, Timer } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { TlsOptions } from '../core/options.ts'
import { AuthenticateResponse } from './etcd-answers.ts'
import { AuthenticateRequest, ETCD_PATHS } from './etcd-codec.ts'
import { connectEtcd, type EtcdConnection, type Method } from './etcd-connection.ts'
import { createKeepAlives, createWatches, type KeepAlives, type Watches } from './etcd-streams.ts'

export interface SessionOptions {
  /** `host:port`, in order of preference; a function is asked anew at each round. */
  readonly endpoints: readonly string[] | (() => readonly string[])
  readonly user: string | undefined
  readonly password: string | undefined
  readonly tls: TlsOptions | undefined
  readonly clock: Clock
  readonly random: () => number
  /** A whole opening of a connection. @default 1500 */
  readonly connectTimeoutMs: number
}

export interface Session {
  readonly connection: EtcdConnection
  readonly keepAlives: KeepAlives
  readonly watches: Watches
}

export interface Sessions {
  /** The session, at the latest after `timeoutMs`. @throws GomsError UNAVAILABLE, UNAUTHENTICATED */
  ready(timeoutMs: number): Promise<Session>
  readonly current: Session | undefined
  readonly token: string | undefined
  /** Fetches another token in place of `stale`; at once if somebody did already. */
  renewToken(session: Session, stale: string | undefined): Promise<void>
  onReconnect(listener: () => void): () => void
  /** How often an endpoint was tried in vain since the last success. */
  readonly failedTries: number
  close(): void
}

/** Waits between rounds over all endpoints. */
const BACKOFF = { baseMs: 50, maxMs: 1000 }
const SHORT_LIFE_MS = 1000
/** A wrong password costs the server a bcrypt each time. */
const REFUSED_BACKOFF = { baseMs: 1000, maxMs: 10_000 }
const AUTHENTICATE: Method<AuthenticateRequest, AuthenticateResponse> = {
  path: ETCD_PATHS.authenticate,
  request: AuthenticateRequest,
  response: AuthenticateResponse,
}
const AUTHENTICATE_MS = 2500

interface Waiter {
  resolve(session: Session): void
  reject(error: GomsError): void
}

export function createSessions(options: SessionOptions): Sessions {
  const { clock, random } = options
  const waiters = new Set<Waiter>()
  const listeners = new Set<() => void>()
  let current: Session | undefined
  let connecting = false
  let closed = false
  let everConnected = false
  let next = 0
  let failedTries = 0
  let lastFailure: GomsError | undefined
  let openedAtMs = 0
  /** Sessions in a row that ended as soon as they were open: waited for like ones that could not be opened. */
  let shortLives = 0
  let pause: { timer: Timer; end(): void } | undefined
  let token: string | undefined
  let renewing: Promise<void> | undefined

  async function authenticate(connection: EtcdConnection): Promise<void> {
    const { user, password = '' } = options
    if (user === undefined) return
    try {
      // Without the old token: an expired one would have the very request refused that replaces it.
      const asked = { name: user, password }
      token = (await connection.unary(AUTHENTICATE, asked, { timeoutMs: AUTHENTICATE_MS, token: undefined })).token
    } catch (thrown) {
      const error = GomsError.from(thrown)
      // Authentication is not enabled there: then no token is needed either.
      if (error.code === 'FAILED_PRECONDITION') token = undefined
      else if (error.code === 'INVALID_ARGUMENT' || error.code === 'PERMISSION_DENIED')
        throw new GomsError('UNAUTHENTICATED', error.message, { cause: error })
      else throw error
    }
  }

  async function open(endpoint: string): Promise<Session> {
    const connection = await connectEtcd(endpoint, {
      tls: options.tls,
      connectTimeoutMs: options.connectTimeoutMs,
      clock,
      closed(cause) {
        if (current?.connection !== connection) return
        current = undefined
        lastFailure = cause
        shortLives = clock.now() - openedAtMs < SHORT_LIFE_MS ? shortLives + 1 : 0
        void run()
      },
    })
    try {
      await authenticate(connection)
    } catch (error) {
      connection.destroy(GomsError.from(error))
      throw error
    }
    const streams = { clock, token: () => token, overdue: (cause: GomsError) => connection.destroy(cause) }
    return {
      connection,
      keepAlives: createKeepAlives(connection, streams),
      watches: createWatches(connection, streams),
    }
  }

  /** One round over all endpoints. Returns who refused us, if anybody did. */
  async function round(): Promise<GomsError | undefined> {
    const endpoints = typeof options.endpoints === 'function' ? options.endpoints() : options.endpoints
    let refused: GomsError | undefined
    for (let n = 0; n < endpoints.length && !closed; n++) {
      const endpoint = endpoints[next++ % endpoints.length] as string
      try {
        const session = await open(endpoint)
        if (closed) session.connection.destroy(isClosed())
        else {
          current = session
          openedAtMs = clock.now()
        }
        return undefined
      } catch (thrown) {
        lastFailure = GomsError.from(thrown)
        failedTries++
        if (lastFailure.code !== 'UNAVAILABLE' && lastFailure.code !== 'DEADLINE_EXCEEDED') refused = lastFailure
      }
    }
    return refused
  }

  function wait(ms: number): Promise<void> {
    return new Promise((end) => {
      pause = { timer: clock.after(ms, end), end }
    })
  }

  async function run(): Promise<void> {
    if (connecting) return
    connecting = true
    if (shortLives > 0) await wait(10 + fullJitterMs(shortLives, { ...BACKOFF, random }))
    for (let n = 0; !closed; n++) {
      const refused = await round()
      if (current) break
      if (refused) for (const waiter of [...waiters]) waiter.reject(refused)
      const waitMs = 10 + fullJitterMs(n, { ...(refused ? REFUSED_BACKOFF : BACKOFF), random })
      if (!closed) await wait(refused ? 500 + waitMs : waitMs)
    }
    connecting = false
    if (!current) return
    failedTries = 0
    for (const waiter of [...waiters]) waiter.resolve(current)
    const isAgain = everConnected
    everConnected = true
    if (isAgain) for (const listener of [...listeners]) listener()
  }

  return {
    ready(timeoutMs) {
      if (current) return Promise.resolve(current)
      if (closed) return Promise.reject(isClosed())
      return new Promise((resolve, reject) => {
        const settle = () => {
          waiters.delete(waiter)
          timer.cancel()
        }
        const waiter: Waiter = {
          resolve(session) {
            settle()
            resolve(session)
          },
          reject(error) {
            settle()
            reject(error)
          },
        }
        const timer = clock.after(timeoutMs, () =>
          waiter.reject(
            lastFailure ?? new GomsError('UNAVAILABLE', `etcd: no endpoint answered within ${timeoutMs} ms`),
          ),
        )
        waiters.add(waiter)
        void run()
      })
    },
    get current() {
      return current
    },
    get token() {
      return token
    },
    renewToken(session, stale) {
      if (token !== stale) return Promise.resolve()
      renewing ??= authenticate(session.connection).finally(() => {
        renewing = undefined
      })
      return renewing
    },
    onReconnect(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    get failedTries() {
      return failedTries
    },
    close() {
      closed = true
      for (const waiter of [...waiters]) waiter.reject(isClosed())
      pause?.timer.cancel()
      pause?.end()
      const last = current
      current = undefined
      last?.connection.destroy(isClosed())
    },
  }
}

function isClosed(): GomsError {
  return new GomsError('UNAVAILABLE', 'etcd: the client was closed')
}
