import { createClient } from '@redis/client'
import { expect, test } from 'vitest'
import { redisIsMissing, startRedis } from './redis.ts'

test.skipIf(redisIsMissing)('a Redis of our own answers, and is gone after', async () => {
  const redis = await startRedis()
  const client = createClient({ url: redis.url })
  await client.connect()
  await client.set('a', '1')
  expect(await client.get('a')).toBe('1')
  await client.close()
  await redis.close()
  expect((await redis.process.exited).code).toBe(0)
})
