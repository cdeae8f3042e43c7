import { createClient, type RedisClientType } from '@redis/client'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Redis, redisIsMissing, startRedis } from '../../test/support/redis.ts'
import type { Rate } from '../core/options.ts'
import { LIMIT_SCRIPT, limitArguments, limitKey } from './limit-script.ts'

/** The script with a time that is told instead of Redis' own. */
const TIMED = LIMIT_SCRIPT.text.replace("redis.call('TIME')", '{ ARGV[4], ARGV[5] }')
const START = 1_790_000_000_000_000

/** A generator of a sequence that is the same each time. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}

describe.skipIf(redisIsMissing)('the count of a shared limit', () => {
  let server: Redis
  let client: RedisClientType
  beforeAll(async () => {
    server = await startRedis()
    client = createClient({ url: server.url })
    await client.connect()
  })
  beforeEach(() => client.flushAll())
  afterAll(async () => {
    await client?.close()
    await server?.close()
  })

  const KEY = limitKey('shop', 'user', 'login')
  const ask = async (rate: Rate, atMicros: number): Promise<number> => {
    const time = [Math.floor(atMicros / 1e6), Math.floor(atMicros % 1e6)].map(String)
    return Number(await client.sendCommand(['EVAL', TIMED, ...limitArguments(KEY, rate), ...time]))
  }
  /** When each of these was let through. */
  const admitted = async (rate: Rate, times: readonly number[]): Promise<readonly number[]> => {
    const answers = await Promise.all(times.map((at) => ask(rate, at)))
    return times.filter((_, i) => answers[i] === 0)
  }
  /** Most that any window had, wherever it begins. */
  const mostInAWindow = (times: readonly number[], micros: number): number =>
    times.reduce((most, start, i) => {
      const beyond = times.findIndex((at, j) => j >= i && at >= start + micros)
      return Math.max(most, (beyond === -1 ? times.length : beyond) - i)
    }, 0)

  it('has a key that says whose it is, and goes to one node of a cluster', () => {
    expect(KEY).toBe('goms:shop:limit:{user:login}')
  })

  it('lets exactly so many through, and says when the next one may come', async () => {
    const rate = { calls: 3, perMs: 1000 }
    expect(
      await admitted(
        rate,
        [0, 1, 2, 3, 999_999].map((at) => START + at),
      ),
    ).toHaveLength(3)
    const waitMs = await ask(rate, START + 400_000)
    expect(waitMs).toBeGreaterThanOrEqual(600)
    expect(waitMs).toBeLessThanOrEqual(604)
    expect(await ask(rate, START + 400_000 + waitMs * 1000)).toBe(0)
  })

  it.each([
    ['steadily', { calls: 100, perMs: 1000 }, () => 2500],
    ['in bursts', { calls: 50, perMs: 500 }, (i: number) => (i % 120 === 0 ? 240_000 : 10)],
    ['at random', { calls: 20, perMs: 200 }, (_: number, random: () => number) => random() * 15_000],
    ['by few', { calls: 1, perMs: 100 }, () => 7000],
    ['in short windows', { calls: 5, perMs: 1 }, () => 70],
  ])('never lets more through in any window, and at most one in a hundred less: %s', async (_, rate, gap) => {
    const random = randomOf(7)
    const times: number[] = []
    for (let i = 0, at = START; i < 3000; i++, at += Math.round(gap(i, random))) times.push(at)
    const through = await admitted(rate, times)
    expect(mostInAWindow(through, rate.perMs * 1000)).toBeLessThanOrEqual(rate.calls)
    // Against one that knows each time, and is offered the same.
    const exact: number[] = []
    for (const at of times) {
      const nth = exact[exact.length - rate.calls]
      if (nth === undefined || at >= nth + rate.perMs * 1000) exact.push(at)
    }
    expect(through.length / exact.length).toBeGreaterThanOrEqual(0.99)
    expect(through.length).toBeLessThanOrEqual(exact.length)
  })

  it('does not admit two bursts at the edge of a window', async () => {
    const rate = { calls: 100, perMs: 1000 }
    const burst = (at: number): number[] => Array.from({ length: 150 }, (_, i) => START + at + i)
    const through = await admitted(rate, [...burst(990_000), ...burst(1_010_000), ...burst(1_500_000)])
    expect(through).toHaveLength(100)
    expect(await ask(rate, START + 1_995_000)).toBe(0)
  })

  it('has a bounded size, and is gone a while after the last call', async () => {
    const rate = { calls: 1_000_000, perMs: 1000 }
    await admitted(
      rate,
      Array.from({ length: 4000 }, (_, i) => START + i * 1000),
    )
    expect(await client.lLen(KEY)).toBeLessThanOrEqual(258)
    const bytes = Number(await client.sendCommand(['MEMORY', 'USAGE', KEY]))
    expect(bytes).toBeLessThan(16_384)
    const ttl = await client.pTTL(KEY)
    expect(ttl).toBeGreaterThan(1900)
    expect(ttl).toBeLessThan(2100)
  })

  it('keeps the count when the number changes, and counts for windows of another length too', async () => {
    const times = Array.from({ length: 10 }, (_, i) => START + i * 1000)
    expect(await admitted({ calls: 10, perMs: 1000 }, times)).toHaveLength(10)
    expect(await ask({ calls: 5, perMs: 1000 }, START + 20_000)).toBeGreaterThan(900)
    expect(await ask({ calls: 11, perMs: 1000 }, START + 20_000)).toBe(0)
    expect(await ask({ calls: 11, perMs: 5000 }, START + 500_000)).toBeGreaterThan(4000)
    expect(await ask({ calls: 11, perMs: 100 }, START + 500_000)).toBe(0)
  })

  it('goes on when the clock of Redis goes back', async () => {
    const rate = { calls: 2, perMs: 1000 }
    expect(await admitted(rate, [START, START + 1])).toHaveLength(2)
    // By less than a window: nothing is forgotten.
    expect(await ask(rate, START - 500_000)).toBeGreaterThan(1000)
    expect(await ask(rate, START - 3_600_000_000)).toBe(0)
  })

  it('goes by Redis’ own clock', async () => {
    const take = async () =>
      Number(await client.sendCommand(['EVAL', LIMIT_SCRIPT.text, ...limitArguments(KEY, { calls: 2, perMs: 200 })]))
    expect([await take(), await take()]).toEqual([0, 0])
    const waitMs = await take()
    expect(waitMs).toBeGreaterThan(100)
    await new Promise((resolve) => setTimeout(resolve, waitMs + 5))
    expect(await take()).toBe(0)
  })
})
