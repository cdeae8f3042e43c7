import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Redis, redisIsMissing, startRedis } from '../../test/support/redis.ts'
import { contract } from '../contract/contract.ts'
import { event } from '../contract/event.ts'
import { rpc } from '../contract/method.ts'
import { once } from '../events/once.ts'
import { service } from '../service/service.ts'
import { mock } from '../testing/mock.ts'
import { type TestMesh, testMesh } from '../testing/test-mesh.ts'
import { redis, seenInRedis } from './redis.ts'

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe.skipIf(redisIsMissing)('seenInRedis()', () => {
  let server: Redis
  let mesh: TestMesh
  let cache: ReturnType<typeof redis>
  beforeAll(async () => {
    server = await startRedis()
    cache = redis({ url: server.url })
    const idle = service('idle', { uses: { cache }, rpc: { idle: () => 1 } })
    mesh = await testMesh({ services: [idle] })
  })
  afterAll(async () => {
    await mesh?.close()
    await server?.close()
  })

  it('lets one claim an id, and all know once it was handled', async () => {
    const [here, there] = [seenInRedis(cache), seenInRedis(cache)]
    const claims = await Promise.all(Array.from({ length: 8 }, (_, i) => (i % 2 ? here : there).claim('a', 60_000)))
    expect(claims.sort()).toEqual([...Array.from({ length: 7 }, () => 'busy'), 'new'])
    await here.done('a', 60_000)
    expect(await there.claim('a', 60_000)).toBe('done')
    expect(await cache.value.pTTL('goms:goms:seen:a')).toBeGreaterThan(50_000)
  })

  it('gives an id back that was not handled, and forgets a claim whose time is over', async () => {
    const [here, there] = [seenInRedis(cache), seenInRedis(cache)]
    expect(await here.claim('b', 60_000)).toBe('new')
    await there.release('b')
    expect(await there.claim('b', 60_000)).toBe('busy')
    await here.release('b')
    expect(await there.claim('b', 30)).toBe('new')
    await sleep(60)
    expect(await here.claim('b', 60_000)).toBe('new')
    // Too late: it is another's by now.
    await there.release('b')
    expect(await there.claim('b', 60_000)).toBe('busy')
  })

  it('remembers what was handled no longer than it should', async () => {
    const seen = seenInRedis(cache, { prefix: 'mine:' })
    await seen.done('c', 30)
    expect(await cache.value.get('mine:c')).toBe('done')
    await sleep(60)
    expect(await seen.claim('c', 1000)).toBe('new')
  })

  it('is the memory of events that a service handles once, whichever node has them', async () => {
    let handled: string[] = []
    const Order = contract('order', { rpc: { submit: rpc<string, void>() }, events: { submitted: event<string>() } })
    const order = service(Order, { rpc: { submit: (id, { emit }) => emit('submitted', id) } })
    const seen = seenInRedis(cache)
    const mail = service('mail', {
      uses: { order: Order },
      on: {
        order: {
          submitted: async (id, { event }) => {
            await once(event, () => handled.push(id), { seen })
            await once(event, () => handled.push(`again ${id}`), { seen })
          },
        },
      },
    })
    const orders = await testMesh({ services: [order, mail, mail] })
    for (const id of ['1', '2', '3']) await orders.client(Order).submit(id)
    await expect.poll(() => handled.length).toBe(3)
    await orders.close()
    expect(handled.sort()).toEqual(['1', '2', '3'])
    handled = []
    expect(await cache.value.keys('goms:goms:seen:mail/order.submitted/*')).toHaveLength(3)
  })

  it('goes on after the server forgot its scripts', async () => {
    const seen = seenInRedis(cache, { prefix: 'mine:' })
    await cache.value.scriptFlush()
    expect(await seen.claim('e', 1000)).toBe('new')
    expect(await seen.claim('e', 1000)).toBe('busy')
  })

  it('takes what stands in for Redis in tests', async () => {
    const held = new Map<string, string>()
    const fake = { sendCommand: async ([, key, value]: string[]) => void held.set(key as string, value as string) }
    const other = redis({ name: 'other' })
    const one = service('one', { uses: { other }, rpc: { done: () => seenInRedis(other).done('f', 1000) } })
    const tested = await testMesh({ services: [one, mock(other, fake as never)] })
    await tested.client(one.contract).done(undefined)
    expect([...held]).toEqual([['goms:goms:seen:f', 'done']])
    await tested.close()
  })
})
