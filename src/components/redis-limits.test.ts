import { createClient } from '@redis/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { freePort } from '../../test/support/processes.ts'
import { type Redis, redisIsMissing, startRedis } from '../../test/support/redis.ts'
import { SLACK } from '../../test/support/timing.ts'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { SharedRate } from '../core/options.ts'
import { openRedisLimits, type RedisLimits } from './redis-limits.ts'

const LIMIT: SharedRate = { calls: 5, perMs: 60_000, shared: true, onError: 'open', timeoutMs: 50 }

type Answer = number | 'failed' | 'nobody'

describe.skipIf(redisIsMissing)('limits counted in Redis', () => {
  let server: Redis | undefined
  let lines: string[]
  const open: RedisLimits[] = []
  beforeEach(() => {
    lines = []
  })
  afterEach(async () => {
    for (const limits of open.splice(0)) await limits.close()
    await server?.close()
    server = undefined
  })

  async function start(at: string, withinMs = 2000): Promise<RedisLimits> {
    const log = {
      ...silentLog,
      warn: (line: string) => void lines.push(line),
      info: (line: string) => void lines.push(line),
    }
    const limits = await openRedisLimits(at, { project: 'shop', clock: systemClock, log, random: () => 0.5 })
    open.push(limits)
    await limits.opened(withinMs)
    return limits
  }

  function ask(limits: RedisLimits, limit = LIMIT, action = 'login'): Promise<Answer> {
    return new Promise((resolve) => {
      const waitMs = limits.ask('user', action, limit, { answered: resolve, failed: () => resolve('failed') })
      if (waitMs === 0) resolve('nobody')
      else expect(waitMs).toBe(limit.timeoutMs)
    })
  }

  it('is one count for all who ask, by route', async () => {
    server = await startRedis()
    const [here, there] = [await start(server.url), await start(server.url)]
    const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => ask(i % 2 ? here : there)))
    expect(answers.filter((answer) => answer === 0)).toHaveLength(5)
    for (const answer of answers) if (answer !== 0) expect(answer).toBeGreaterThan(59_000)
    expect(await ask(here, LIMIT, 'exists')).toBe(0)
    expect(lines).toEqual([])
  })

  it('is one command for each call', async () => {
    server = await startRedis()
    const limits = await start(server.url)
    const client = await createClient({ url: server.url }).connect()
    const commands = async (): Promise<number> =>
      Number(/total_commands_processed:(\d+)/.exec(await client.info('stats'))?.[1])
    const before = await commands()
    await Promise.all(Array.from({ length: 100 }, () => ask(limits)))
    // Those of the script are counted too: TIME, LINDEX twice, and what changes the list. One is our own.
    expect((await commands()) - before).toBeLessThanOrEqual(1 + 100 * 4 + 20)
    const [, calls] = /cmdstat_evalsha:calls=(\d+)/.exec(await client.info('commandstats')) ?? []
    expect(Number(calls)).toBe(101)
    await client.close()
  })

  it('goes on after Redis forgot the script', async () => {
    server = await startRedis()
    const limits = await start(server.url)
    const client = await createClient({ url: server.url }).connect()
    await client.scriptFlush()
    expect(await Promise.all([ask(limits), ask(limits)])).toEqual([0, 0])
    await client.close()
  })

  it('asks nobody while Redis is away, says what becomes of calls, and comes back by itself', async () => {
    server = await startRedis()
    const { port } = server
    const limits = await start(server.url)
    expect(await ask(limits)).toBe(0)
    await server.close()
    await expect.poll(() => ask(limits)).not.toBe(0)
    const began = performance.now()
    for (let i = 0; i < 100; i++) {
      expect(await ask(limits)).toBe('nobody')
      limits.missed('user', 'login', LIMIT, false)
    }
    expect(performance.now() - began).toBeLessThan(50 * SLACK)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(
      new RegExp(
        `^limiter: nobody counts \\(127.0.0.1:${port}: .*\\); calls of user/login, and maybe others, are let through$`,
      ),
    )
    server = await startRedis(port)
    await vi.waitFor(async () => expect(await ask(limits)).toBe(0), 3000 * SLACK)
    expect(lines.slice(1)).toEqual([`limiter: 127.0.0.1:${port} counts again`])
  })

  it('does not wait at the start for a Redis that is away, and finds it later', async () => {
    const port = await freePort()
    const limits = await start(`127.0.0.1:${port}`, 50)
    expect(await ask(limits)).toBe('nobody')
    server = await startRedis(port)
    await vi.waitFor(async () => expect(await ask(limits)).toBe(0), 3000 * SLACK)
  })

  it('costs a call its time once when Redis stands still, and is asked again when that has answered a probe', async () => {
    server = await startRedis()
    const limits = await start(server.url)
    server.process.signal('SIGSTOP')
    const waits = ask(limits)
    await new Promise((resolve) => setTimeout(resolve, 50))
    limits.missed('user', 'login', LIMIT, true)
    for (let i = 0; i < 100; i++) expect(await ask(limits)).toBe('nobody')
    server.process.signal('SIGCONT')
    expect(await waits).toBe(0)
    await vi.waitFor(async () => expect(await ask(limits)).toBe(0), 3000 * SLACK)
    expect(lines).toEqual([
      expect.stringContaining('no answer within 50 ms'),
      `limiter: 127.0.0.1:${server.port} counts again`,
    ])
  })

  it('gives up a connection that stands still, whoever waits on it', async () => {
    server = await startRedis()
    const limits = await start(server.url)
    server.process.signal('SIGSTOP')
    const waits = ask(limits)
    limits.missed('user', 'login', LIMIT, true)
    expect(await waits).toBe('failed')
    server.process.signal('SIGCONT')
    await vi.waitFor(async () => expect(await ask(limits)).toBe(0), 3000 * SLACK)
  })

  it('asks nobody where Redis refuses, and says why', async () => {
    server = await startRedis()
    const limits = await start(server.url)
    const client = await createClient({ url: server.url }).connect()
    await client.configSet('maxmemory', '1')
    expect(await ask(limits)).toBe('failed')
    limits.missed('user', 'login', { ...LIMIT, onError: 'closed' }, false)
    expect(await ask(limits)).toBe('nobody')
    expect(lines[0]).toMatch(/OOM .* are refused$/)
    await client.configSet('maxmemory', '0')
    await vi.waitFor(async () => expect(await ask(limits)).toBe(0), 3000 * SLACK)
    await client.close()
  })

  it('lets no more wait than it should', async () => {
    server = await startRedis()
    const limits = await start(server.url)
    server.process.signal('SIGSTOP')
    const asked = Array.from({ length: 10_001 }, () => ask(limits))
    expect(await asked.at(-1)).toBe('nobody')
    server.process.signal('SIGCONT')
    expect((await Promise.all(asked)).filter((answer) => answer === 0)).toHaveLength(5)
  })
})
