import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from '../../test/support/processes.ts'
import { type Redis, redisIsMissing, startRedis } from '../../test/support/redis.ts'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import { silentLog } from '../core/log.ts'
import { toHostPort } from '../core/node.ts'
import { gateway } from '../gateway/gateway.ts'
import { client } from '../mesh/client.ts'
import { service } from '../service/service.ts'
import { type Served, serve } from './serve.ts'

const limiter = { calls: 3, perMs: 60_000, shared: true } as const
const Shop = contract('shop', {
  rpc: {
    count: rpc<void, number>({ limiter, expose: 'POST' }),
    closed: rpc<void, number>({ limiter: { ...limiter, onError: 'closed' }, expose: 'POST' }),
    free: rpc<void, number>({ expose: 'POST' }),
  },
})
const shop = service(Shop, { rpc: { count: () => 1, closed: () => 1, free: () => 1 } })

let lines: string[] = []
const served: Served[] = []
beforeEach(() => {
  lines = []
})
afterEach(async () => {
  for (const one of served.splice(0).reverse()) await one.close('now')
})

async function start(definitions: Parameters<typeof serve>[0], redisAddr?: string): Promise<Served> {
  const one = await serve(definitions, {
    flags: { registry: 'memory', httpPort: '0', rpcPort: '0', drain: '0', lbDrain: '0' },
    env: redisAddr === undefined ? {} : { GOMS_REDIS_ADDR: redisAddr },
    cwd: import.meta.dirname,
    log: { ...silentLog, warn: (line) => void lines.push(line) },
  })
  served.push(one)
  return one
}

const nodeOf = (one: Served, name: string) => one.nodes.find((node) => node.service === name)

async function post(
  one: Served,
  method: string,
): Promise<{ status: number; retryAfter: string | null; body: unknown }> {
  const { http } = nodeOf(one, 'gateway') ?? {}
  const response = await fetch(`http://${http && toHostPort(http)}/api/shop/${method}`, {
    method: 'POST',
    body: 'null',
  })
  return { status: response.status, retryAfter: response.headers.get('retry-after'), body: await response.json() }
}

async function metric(one: Served, name: string): Promise<string[]> {
  const { admin } = nodeOf(one, 'gateway') ?? {}
  const page = await (await fetch(`http://${admin && toHostPort(admin)}/metrics`)).text()
  return page.split('\n').filter((line) => line.startsWith(`${name}{`))
}

describe('a limiter that the project shares', () => {
  it('needs an address of Redis, in the service that has it and in who calls it', async () => {
    const user = service('user', { uses: { shop: Shop }, rpc: { hi: () => 'hi' } })
    for (const one of [shop, user, gateway({ contracts: [Shop] })]) {
      await expect(start(one)).rejects.toMatchObject({
        code: 'GOMS_CONFIG_INVALID',
        message: 'contract("shop"): the limiter of rpc.count is shared by the project, and `redisAddr` is missing',
      })
    }
  })

  it('is written in a contract as it should be', () => {
    const method = (given: unknown) => () =>
      contract('shop', { rpc: { count: rpc<void, void>({ limiter: given as never }) } })
    expect(method({ calls: 1, perMs: 1, shared: true })).not.toThrow()
    for (const wrong of [
      { calls: 1 },
      { calls: 1, perMs: 0.5 },
      { ...limiter, per: 1 },
      { calls: 1, perMs: 1, onError: 'open' },
    ]) {
      expect(method(wrong)).toThrow(/limiter: expected "<seconds>\/<calls>", like "5\/100", or \{ calls, perMs \}/)
    }
  })
})

describe.skipIf(redisIsMissing)('a limiter that the project shares, with Redis', () => {
  let redis: Redis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.close())

  it('is one count for gateways and typed clients, told as any other limit is', async () => {
    const one = await start([gateway(), shop], redis.url)
    expect(await post(one, 'count')).toMatchObject({ status: 200, body: { data: 1 } })
    const { count } = client(Shop)
    expect([await count(), await count()]).toEqual([1, 1])
    await expect(count()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', data: { reason: 'limiter' } })
    const refused = await post(one, 'count')
    expect(refused).toMatchObject({ status: 429, body: { status: false } })
    expect(Number(refused.retryAfter)).toBeGreaterThan(50)
    expect(await post(one, 'free')).toMatchObject({ status: 200 })
    expect(await metric(one, 'goms_limiter_refusals_total')).toEqual([
      'goms_limiter_refusals_total{service="shop",action="count"} 2',
    ])
    expect(await metric(one, 'goms_limiter_unanswered_total')).toEqual([])
  })

  it('lets calls through, or refuses them, while Redis is away; the process starts without it', async () => {
    const one = await start([gateway(), shop], `127.0.0.1:${await freePort()}`)
    for (let i = 0; i < 5; i++) expect(await post(one, 'count')).toMatchObject({ status: 200 })
    expect(await post(one, 'closed')).toMatchObject({ status: 503, retryAfter: '1' })
    expect((await metric(one, 'goms_limiter_unanswered_total')).sort()).toEqual([
      'goms_limiter_unanswered_total{service="shop",action="closed",on_error="closed"} 1',
      'goms_limiter_unanswered_total{service="shop",action="count",on_error="open"} 5',
    ])
    expect(lines.filter((line) => line.startsWith('limiter: nobody counts'))).toHaveLength(1)
  })
})
