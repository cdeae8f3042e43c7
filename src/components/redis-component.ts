/** Redis as a component of services: a connected client of `@redis/client` with a life and bounds. */
import type { ConnectionOptions } from 'node:tls'
import { type Component, type ComponentContext, component } from '../core/component.ts'
import { integerOption, wrongOption } from '../core/option-check.ts'
import { toRedisAddress } from '../core/redis-address.ts'
import { noAddress } from './no-address.ts'
import { openRedis, type RedisClient, type RedisConnection } from './redis-connection.ts'

/** Options of `redis()`. */
export interface RedisOptions {
  /** In `uses` of several services the same component is one connection; another name is another. @default 'redis' */
  readonly name?: string
  /** `host:6379`, `redis://user:password@host:6379/0`, `rediss://host`. @default `redisAddr` of the settings */
  readonly url?: string
  /** Without an address its value is undefined, and nothing is opened; else the start fails. @default false */
  readonly optional?: boolean
  /** A Redis that is away at the start is connected to later; else the start fails. @default false */
  readonly startAnyway?: boolean
  /** How long a start waits for it, 1 to 60000. @default 5000 */
  readonly startMs?: number
  /** What a command waits for its answer at most, 10 to 600000: then all that wait fail, and it connects anew. @default 5000 */
  readonly timeoutMs?: number
  /** Commands that wait for their answers, 16 to 1000000; one more fails at once. @default 10000 */
  readonly maxPending?: number
  /** For `rediss://`: certificates and the like, as `node:tls` takes them. */
  readonly tls?: ConnectionOptions
}

const SAID = {
  setting: ['redisAddr', '127.0.0.1:6379', 'GOMS_REDIS_ADDR'],
  instead: 'redis({ optional: true })',
} as const
/** Less than a component's close may take. */
const CLOSE_MS = 3000
/** To load the package. */
const LOAD_MS = 10_000

/** A client may be closed by who opened it only. */
const connections = new WeakMap<RedisClient, RedisConnection>()

/**
 * A Redis to stand in `uses`; its value is a client of `@redis/client`, which is to be installed beside goms. While Redis is
 * away commands fail at once: nothing is queued, and the client comes back by itself.
 *
 * The start fails with GOMS_CONFIG_INVALID without an address, GOMS_PEER_MISSING without the package, and GOMS_COMPONENT_FAILED
 * while Redis is away.
 * @example service('user', { uses: { cache: redis() }, rpc: { get: ({ id }, { cache }) => cache.get(id) } })
 * @throws GomsError GOMS_OPTION_INVALID
 */
export function redis(options: RedisOptions & { readonly optional: true }): Component<RedisClient | undefined>
export function redis(options?: RedisOptions): Component<RedisClient>
export function redis(options: RedisOptions = {}): Component<RedisClient | undefined> {
  const bounds = checked(options)
  return component<RedisClient | undefined>({
    name: options.name ?? 'redis',
    startTimeoutMs: bounds.startMs + LOAD_MS,
    start: (context) => start(options, bounds, context),
    ready: (client) => client && connections.get(client)?.away(),
    async close(client) {
      if (client !== undefined) await connections.get(client)?.close(CLOSE_MS)
    },
  })
}

async function start(
  options: RedisOptions,
  { startMs, timeoutMs, maxPending }: Bounds,
  { settings, log, clock }: ComponentContext,
): Promise<RedisClient | undefined> {
  const { name = 'redis', url = settings.redisAddr, tls } = options
  if (url === undefined) {
    if (options.optional === true) return undefined
    throw noAddress({ ...SAID, name })
  }
  const address = toRedisAddress(url, options.url === undefined ? 'redisAddr' : 'url')
  const connection = await openRedis(
    { address, tls, timeoutMs, maxPending, neededBy: `component "${name}"` },
    { clock, log },
  )
  try {
    await connection.opened(startMs)
  } catch (thrown) {
    if (options.startAnyway !== true) {
      await connection.close(0)
      throw thrown
    }
  }
  connections.set(connection.client, connection)
  return connection.client
}

type Bounds = Readonly<Required<Pick<RedisOptions, 'startMs' | 'timeoutMs' | 'maxPending'>>>

function checked(options: RedisOptions): Bounds {
  if (options.url !== undefined && typeof options.url !== 'string') {
    // Not itself: it may hold a password.
    throw wrongOption('redis', 'url', 'an address such as redis://host:6379', typeof options.url)
  }
  const { startMs = 5000, timeoutMs = 5000, maxPending = 10_000 } = options
  return {
    startMs: integerOption('redis', 'startMs', startMs, [1, 60_000]),
    timeoutMs: integerOption('redis', 'timeoutMs', timeoutMs, [10, 600_000]),
    maxPending: integerOption('redis', 'maxPending', maxPending, [16, 1_000_000]),
  }
}
