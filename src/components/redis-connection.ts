/** A supervised connection to Redis: it comes back by itself, queues nothing while it is away, and says so once. */
import type { ConnectionOptions } from 'node:tls'
import type { RedisClientType } from '@redis/client'
import { fullJitterMs } from '../core/backoff.ts'
import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { RedisAddress } from '../core/redis-address.ts'
import { importPeer } from './peer.ts'
import { Presence, reasonOf } from './presence.ts'
import { watchAnswers } from './redis-watch.ts'

/** A client of `@redis/client`, connected. */
export type RedisClient = RedisClientType

export interface RedisConnection {
  readonly client: RedisClient
  /**
   * Resolves once it can be used.
   * @throws Error after `withinMs`, and at once for what no waiting mends, such as a wrong password
   */
  opened(withinMs: number): Promise<void>
  /** Why it cannot be used now; undefined: it can. */
  away(): string | undefined
  /** What was sent is answered, within that time; then it is cut. Never rejects. */
  close(withinMs: number): Promise<void>
}

export interface RedisConnectionOptions {
  readonly address: RedisAddress
  readonly tls?: ConnectionOptions | undefined
  /** What a command waits for its answer at most. */
  readonly timeoutMs: number
  /** Commands that wait for their answers; one more is refused. */
  readonly maxPending: number
  /** For the message where the package is missing. */
  readonly neededBy: string
  /** It can be used, for the first time or again. */
  readonly back?: () => void
}

export interface RedisConnectionDeps {
  readonly clock: Clock
  readonly log: Log
  readonly random?: () => number
}

const CONNECT_MS = 5000
/** A Redis that is back is found within two seconds, and not by all at the same moment. */
const AGAIN = { baseMs: 100, maxMs: 2000 } as const
const LEAST_WAIT_MS = 20
/** What Redis says while it starts or changes its role: it goes by. */
const PASSING = /^(LOADING|MASTERDOWN|BUSY|TRYAGAIN|CLUSTERDOWN)\b/

/** Begins to connect. @throws GomsError GOMS_PEER_MISSING */
export async function openRedis(options: RedisConnectionOptions, deps: RedisConnectionDeps): Promise<RedisConnection> {
  const peer = { name: '@redis/client', version: '^6', neededBy: options.neededBy }
  const { createClient, ErrorReply } = await importPeer(peer, () => import('@redis/client'))
  const { address, timeoutMs, maxPending } = options
  const { clock, log, random } = deps
  const presence = new Presence(address.shown, { clock, log })
  const waiting = new Set<(refused: Error | undefined) => void>()
  let tries = 0

  const client: RedisClient = createClient({
    username: address.username ?? '',
    password: address.password ?? '',
    database: address.database,
    socket: {
      host: address.host,
      port: address.port,
      connectTimeout: Math.min(timeoutMs, CONNECT_MS),
      socketTimeout: timeoutMs,
      reconnectStrategy: (n) => LEAST_WAIT_MS + fullJitterMs(n, random === undefined ? AGAIN : { ...AGAIN, random }),
      ...(address.tls && { ...options.tls, tls: true as const }),
    },
    disableOfflineQueue: true,
    commandsQueueMaxLength: maxPending,
    // A timer for each command, and of no use once it is written: the watch below bounds all of them.
    commandOptions: { timeout: 0 },
  })

  function lost(why: string): void {
    tries++
    presence.lost(why)
  }

  client.on('error', (error: Error) => {
    lost(messageOf(error, address.password))
    if (!(error instanceof ErrorReply) || PASSING.test(error.message)) return
    for (const tell of waiting) tell(new Error(presence.away()))
  })
  client.on('ready', () => {
    tries = 0
    presence.back()
    for (const tell of waiting) tell(undefined)
    options.back?.()
  })
  const watch = watchAnswers(client, {
    clock,
    boundMs: timeoutMs,
    silent() {
      lost(`no answer within ${timeoutMs} ms`)
      // What waits is rejected with it; the client's own way to connect again begins with a failure of the socket.
      client.destroy()
      client.connect().catch(() => {})
    },
  })
  client.connect().catch(() => {})

  return {
    client,
    away: () => presence.away(),
    opened: (withinMs) =>
      new Promise((resolve, reject) => {
        if (client.isReady) return resolve()
        const tell = (refused: Error | undefined): void => {
          timer.cancel()
          waiting.delete(tell)
          if (refused === undefined) resolve()
          else reject(refused)
        }
        const timer = clock.after(withinMs, () =>
          tell(
            new Error(`${address.shown} was not there within ${withinMs} ms (tries: ${tries}): ${presence.failure}`),
          ),
        )
        waiting.add(tell)
      }),
    async close(withinMs) {
      watch.stop()
      if (!client.isOpen) return
      const late = clock.after(client.isReady ? withinMs : 0, () => client.destroy())
      await client.close().catch(() => {})
      late.cancel()
    },
  }
}

/** Without the password. */
function messageOf(error: Error, password: string | undefined): string {
  const message = reasonOf(error)
  return password === undefined ? message : message.replaceAll(password, '***')
}
