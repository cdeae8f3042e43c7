/** What has been handled already, in Redis: one memory for all nodes of a service. */
import { randomBytes } from 'node:crypto'
import type { Component } from '../core/component.ts'
import { settings } from '../core/running.ts'
import type { SeenStore } from '../events/seen.ts'
import type { RedisClient } from './redis-connection.ts'
import { redisScript, runScript } from './redis-script.ts'

/** Options of `seenInRedis()`. */
export interface SeenInRedisOptions {
  /** Before each id in Redis. @default `goms:<project>:seen:` */
  readonly prefix?: string
}

const DONE = 'done'

/** 0: claimed; 1: somebody has the claim; 2: it was handled. */
const CLAIM = redisScript(`
local held = redis.call('GET', KEYS[1])
if held == '${DONE}' then return 2 end
if held then return 1 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
`)

/** What was claimed again meanwhile, because the time of the claim was over, is another's. */
const RELEASE = redisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`)

const ANSWERS = ['new', 'busy', 'done'] as const

/**
 * The memory of `once` in a Redis of `uses`. One round trip each; they reject while Redis is away, and the event is delivered
 * again.
 * @example submitted: (order, { event }) => once(event, () => save(order), { seen: seenInRedis(cache) })
 */
export function seenInRedis(component: Component<RedisClient>, options: SeenInRedisOptions = {}): SeenStore {
  const owner = randomBytes(12).toString('base64url')
  const keyOf = (id: string): string => `${options.prefix ?? `goms:${settings().project}:seen:`}${id}`
  return {
    async claim(id, claimMs) {
      const answer = await runScript(component.value, CLAIM, ['1', keyOf(id), owner, whole(claimMs)])
      return ANSWERS[Number(answer)] ?? 'busy'
    },
    async done(id, keepMs) {
      // Whoever has the claim by now: it was handled.
      await component.value.sendCommand(['SET', keyOf(id), DONE, 'PX', whole(keepMs)])
    },
    async release(id) {
      await runScript(component.value, RELEASE, ['1', keyOf(id), owner])
    },
  }
}

function whole(ms: number): string {
  return String(Math.max(1, Math.ceil(ms)))
}
