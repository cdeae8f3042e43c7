/** Where names and sessions are kept: in Redis when `redisAddr` is configured, for all user nodes; else in memory. */
import { type RedisClient, redis } from 'goms/redis'

export interface Accounts {
  add(username: string): Promise<void>
  has(username: string): Promise<boolean>
  openSession(token: string, username: string): Promise<void>
}

const SESSION_SECONDS = 3600
const MOST_IN_MEMORY = 100_000
/** They always exist, whatever Redis has lost. */
const KNOWN = ['test', 'bob']

/** What the user service uses. */
export const cache = redis({ optional: true })

let opened: Accounts | undefined

export function accounts(): Accounts {
  opened ??= cache.value === undefined ? inMemory() : inRedis(cache.value)
  return opened
}

function inRedis(client: RedisClient): Accounts {
  return {
    async add(username) {
      await client.sAdd('shop:users', username)
    },
    has: async (username) => KNOWN.includes(username) || (await client.sIsMember('shop:users', username)) === 1,
    async openSession(token, username) {
      await client.set(`shop:session:${token}`, username, { EX: SESSION_SECONDS })
    },
  }
}

function inMemory(): Accounts {
  const names = new Set(KNOWN)
  const sessions = new Map<string, string>()
  return {
    async add(username) {
      if (names.size < MOST_IN_MEMORY) names.add(username)
    },
    has: async (username) => names.has(username),
    async openSession(token, username) {
      if (sessions.size < MOST_IN_MEMORY) sessions.set(token, username)
    },
  }
}
