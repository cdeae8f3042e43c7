/** `goms/redis`: the public names. */
export { type RedisOptions, redis } from './redis-component.ts'
export type { RedisClient } from './redis-connection.ts'
export { type SeenInRedisOptions, seenInRedis } from './redis-seen.ts'
