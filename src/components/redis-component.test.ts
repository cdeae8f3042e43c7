import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { freePort } from '../../test/support/processes.ts'
import { type Redis, redisIsMissing, startRedis } from '../../test/support/redis.ts'
import { SLACK } from '../../test/support/timing.ts'
import { resolveSettings } from '../config/resolve.ts'
import { systemClock } from '../core/clock.ts'
import type { Component, ComponentContext } from '../core/component.ts'
import { createLogger, silentLog } from '../core/log.ts'
import { service } from '../service/service.ts'
import { testMesh } from '../testing/test-mesh.ts'
import { type RedisClient, type RedisOptions, redis } from './redis.ts'

function context(redisAddr: string | undefined, lines: string[] = []): ComponentContext {
  const say = (line: string): void => void lines.push(line)
  const settings = { ...resolveSettings({}, {} as never), redisAddr }
  return { settings, log: createLogger({ ...silentLog, info: say, warn: say }), clock: systemClock }
}

describe('redis()', () => {
  it('says what is missing, or wrong, without what is secret', async () => {
    await expect(redis().start(context(undefined))).rejects.toMatchObject({
      code: 'GOMS_CONFIG_INVALID',
      message: 'component "redis": `redisAddr` is missing',
    })
    expect(await redis({ optional: true }).start(context(undefined))).toBeUndefined()
    await expect(redis().start(context('http://me:hunter2@cache'))).rejects.toMatchObject({
      code: 'GOMS_CONFIG_INVALID',
      message: expect.not.stringContaining('hunter2'),
    })
    await expect(redis({ url: 'cache:x' }).start(context('cache'))).rejects.toThrow(/^expected `url` to be an address/)
  })

  it.each<[RedisOptions, string]>([
    [{ timeoutMs: 9 }, 'expected `timeoutMs` to be an integer from 10 to 600000, got `9` (number)'],
    [{ startMs: 1.5 }, 'expected `startMs` to be an integer from 1 to 60000'],
    [{ maxPending: '5' as never }, 'expected `maxPending` to be an integer from 16 to 1000000, got `5` (string)'],
    [{ url: new URL('redis://cache') as never }, 'expected `url` to be an address'],
    [{ name: 'a b' }, 'component: expected `name` to be letters'],
  ])('refuses %j', (options, message) => {
    expect(() => redis(options)).toThrow(expect.objectContaining({ code: 'GOMS_OPTION_INVALID' }))
    expect(() => redis(options)).toThrow(message)
  })

  it('does not start while Redis is away, and says where it looked, and for how long', async () => {
    const at = `127.0.0.1:${await freePort()}`
    const starting = redis({ startMs: 200 }).start(context(`redis://me:hunter2@${at}/3`))
    await expect(starting).rejects.toThrow(
      new RegExp(`^${at}/3 was not there within 200 ms \\(tries: \\d+\\): connect ECONNREFUSED ${at}$`),
    )
  })
})

describe.skipIf(redisIsMissing)('redis() with a real Redis', () => {
  let server: Redis
  let port: number
  let lines: string[]
  const opened: { component: Component<RedisClient>; client: RedisClient }[] = []
  beforeAll(async () => {
    server = await startRedis()
    port = server.port
  })
  afterAll(async () => {
    for (const { component, client } of opened) await component.close(client)
    await server.close()
  })

  async function open(options: RedisOptions = {}): Promise<{ component: Component<RedisClient>; client: RedisClient }> {
    lines = []
    const component = redis(options)
    const one = { component, client: await component.start(context(`127.0.0.1:${port}`, lines)) }
    opened.push(one)
    return one
  }

  it('is a connected client in the context of handlers', async () => {
    const cache = redis({ url: server.url })
    const shop = service('shop', {
      uses: { cache },
      rpc: {
        visit: (name: string, { cache }) => cache.incr(`visits:${name}`),
      },
    })
    const mesh = await testMesh({ services: [shop] })
    const { visit } = mesh.client(shop.contract)
    expect([await visit('a'), await visit('a'), await cache.value.get('visits:a')]).toEqual([1, 2, '2'])
    await mesh.close()
    expect(() => cache.value).toThrow('it is not up')
  })

  it('has what was sent answered before it closes, and does not wait for ever', async () => {
    const { component, client } = await open()
    const popped = client.blPop('nothing', 0.2)
    await component.close(client)
    expect(await popped).toBeNull()
    await component.close(client)
    expect(client.isOpen).toBe(false)
  })

  it('is refused at once where the password is wrong', async () => {
    const { client } = await open()
    await client.sendCommand(['ACL', 'SETUSER', 'bob', 'on', '>right', '~*', '+@all'])
    const began = performance.now()
    const wrong = redis({ url: `redis://bob:hunter2@127.0.0.1:${port}` }).start(context(undefined))
    await expect(wrong).rejects.toThrow(`127.0.0.1:${port}: WRONGPASS invalid username-password pair`)
    expect(performance.now() - began).toBeLessThan(500 * SLACK)
    const right = redis({ url: `redis://bob:right@127.0.0.1:${port}/1` })
    const bob = await right.start(context(undefined))
    expect(await bob.aclWhoAmI()).toBe('bob')
    await right.close(bob)
  })

  it('refuses commands beyond its bound', async () => {
    const { client } = await open({ maxPending: 16 })
    const all = await Promise.allSettled(Array.from({ length: 18 }, () => client.get('a')))
    expect(all.map((one) => one.status).slice(15)).toEqual(['fulfilled', 'rejected', 'rejected'])
  })

  it('fails commands at once while Redis is away, says so once, and comes back by itself', async () => {
    const { component, client } = await open()
    expect(component.ready(client)).toBeUndefined()
    await server.close()
    await expect.poll(() => component.ready(client)).toMatch(new RegExp(`^127.0.0.1:${port}: `))
    const began = performance.now()
    await expect(client.get('a')).rejects.toThrow()
    expect(performance.now() - began).toBeLessThan(50)

    const late = await open({ startAnyway: true, startMs: 50 })
    await expect(late.client.get('a')).rejects.toThrow()
    expect(late.component.ready(late.client)).toContain('ECONNREFUSED')

    server = await startRedis(port)
    await vi.waitFor(async () => expect(await late.client.get('a')).toBeNull(), 3000 * SLACK)
    await vi.waitFor(async () => expect(await client.get('a')).toBeNull(), 3000 * SLACK)
    expect([component.ready(client), late.component.ready(late.client)]).toEqual([undefined, undefined])
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`^127.0.0.1:${port} is away \\(connect ECONNREFUSED .*\\); connecting again$`)),
      `127.0.0.1:${port} is back`,
    ])
  })

  it('finds a Redis that stands still when nothing more may wait', async () => {
    const { client } = await open({ timeoutMs: 400, maxPending: 16 })
    server.process.signal('SIGSTOP')
    const began = performance.now()
    const waits = Array.from({ length: 17 }, () => client.get('a').catch((error: Error) => error.message))
    const [first] = await Promise.all(waits)
    expect(first).not.toBe('The queue is full')
    expect(performance.now() - began).toBeLessThan(600 * SLACK)
    server.process.signal('SIGCONT')
    await vi.waitFor(async () => expect(await client.get('a')).toBeNull(), 3000 * SLACK)
  })

  it('fails what a Redis that stands still does not answer, whatever is sent meanwhile, and goes on when it does', async () => {
    const { component, client } = await open({ timeoutMs: 400 })
    server.process.signal('SIGSTOP')
    const began = performance.now()
    const waits = client.get('a').then(
      () => 0,
      () => performance.now() - began,
    )
    const others = setInterval(() => client.get('b').catch(() => {}), 5)
    expect(await waits).toBeLessThan(500 * SLACK)
    expect(component.ready(client)).toContain('no answer within 400 ms')
    expect(await client.get('a').catch(() => 'refused')).toBe('refused')
    server.process.signal('SIGCONT')
    clearInterval(others)
    await vi.waitFor(async () => expect(await client.get('a')).toBeNull(), 3000 * SLACK)
    expect(lines.map((line) => line.replace(/\(.*\)/, ''))).toEqual([
      `127.0.0.1:${port} is away ; connecting again`,
      `127.0.0.1:${port} is back`,
    ])
  })
})
