/** The shop of `examples/`, with a real Redis: what one node learns all know, and an order asks who its buyer is. */

import { join } from 'node:path'
import { createClient } from '@redis/client'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { untilReady } from '../support/cluster.ts'
import { type Elasticsearch, elasticsearchIsMissing, startElasticsearch } from '../support/elasticsearch.ts'
import { freePort, killAll, type Running, startGoms } from '../support/processes.ts'
import { rabbitmqMissing, startRabbitMq } from '../support/rabbitmq.ts'
import { type Redis, redisIsMissing, startRedis } from '../support/redis.ts'

const shop = join(import.meta.dirname, '..', '..', 'examples', 'shop')
const configs = join(shop, 'configs')

interface Shop {
  readonly url: string
  readonly mail: Running
}

/** Resolves when the gateway knows all of its nodes: itself, one for mail, and those of these services. */
async function startShop(services: readonly string[], settings: Readonly<Record<string, string>>): Promise<Shop> {
  const env = { GOMS_EMBEDDED_PORT: String(await freePort(4)), ...settings }
  const start = (file: string, ...args: string[]): Running =>
    startGoms(['start', join(shop, file), '-configs', configs, ...args], { name: file, env })
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const gateway = start('gateway.ts', '-http_port', String(port), '-rpc_port', '0')
  for (const service of services) start(`services/${service}.ts`)
  const mail = start('services/mail.ts')
  await untilReady(url, gateway)
  const known = async (): Promise<void> => {
    const cluster = JSON.stringify(await (await fetch(`${url}/cluster`)).json())
    expect(cluster.match(/_127\.0\.0\.1/g)).toHaveLength(services.length + 2)
  }
  await vi.waitFor(known, { timeout: 20_000, interval: 100 })
  return { url, mail }
}

interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: { readonly code?: unknown; readonly data?: { readonly orderId?: string } }
}

describe.each([
  { where: 'in memory', withRedis: false },
  { where: 'with Redis', withRedis: true },
])('the shop $where', ({ withRedis }) => {
  let url = ''
  let redis: Redis | undefined
  let redisUrl = ''
  let mail: Running | undefined

  beforeAll(async () => {
    if (withRedis && redisIsMissing) return
    redis = withRedis ? await startRedis() : undefined
    redisUrl = redis?.url ?? ''
    const settings = withRedis ? { GOMS_REDIS_ADDR: redisUrl } : {}
    ;({ url, mail } = await startShop(['user', 'user', 'order'], settings))
  })
  afterAll(killAll)

  async function post(path: string, json: object, token?: string): Promise<Answer> {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
      body: JSON.stringify(json),
    })
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] }
  }

  test.skipIf(withRedis && redisIsMissing)('takes orders of those who logged in, and of nobody else', async () => {
    expect(await post('/api/order/submit', {})).toMatchObject({ status: 401, body: { code: 'UNAUTHENTICATED' } })
    expect(await post('/api/order/submit', {}, 'made.up')).toMatchObject({ status: 401 })
    const login = await post('/api/user/login?a=1&b=3', { username: 'test', password: 'test' })
    expect(login).toMatchObject({ status: 200, body: { code: 0, data: { urlParam: '?a=1&b=3', method: 'POST' } } })
    const token = login.headers.get('x-session-token') ?? ''
    const order = await post('/api/order/submit', {}, token)
    expect(order).toMatchObject({ status: 200, body: { status: true, data: { username: 'test' } } })
    const { orderId = '' } = order.body.data ?? {}
    expect(orderId).toMatch(/^[\da-f-]{36}$/)
    await mail?.waitForLine(new RegExp(`mail to test: thank you for your order ${orderId}`))
    const stranger = (await post('/api/user/login', { username: 'nobody' })).headers.get('x-session-token') ?? ''
    expect(await post('/api/order/submit', {}, stranger)).toMatchObject({ status: 404 })
  })

  test.runIf(withRedis && !redisIsMissing)('shares what one node learns, and keeps the session in Redis', async () => {
    await post('/api/user/register', { username: 'carol' })
    for (let node = 0; node < 2; node++) {
      const reply = await fetch(`${url}/api/user/exists?username=carol`)
      expect(await reply.json()).toMatchObject({ data: { exists: true } })
    }
    const token = (await post('/api/user/login', { username: 'carol' })).headers.get('x-session-token') ?? ''
    const client = await createClient({ url: redisUrl }).connect()
    expect(await client.get(`shop:session:${token}`)).toBe('carol')
    expect(await client.ttl(`shop:session:${token}`)).toBeGreaterThan(3000)
    client.destroy()
  })

  test('answers bad JSON as the mistake that it is', async () => {
    const response = await fetch(`${url}/api/user/register`, { method: 'POST', body: '{"username' })
    expect([response.status, await response.json()]).toEqual([400, expect.objectContaining({ code: 400 })])
  })

  test.runIf(withRedis && !redisIsMissing)('says so while Redis is away, and goes on when it is back', async () => {
    const token = (await post('/api/user/login', { username: 'carol' })).headers.get('x-session-token') ?? ''
    await redis?.close()
    for (let node = 0; node < 2; node++) {
      expect(await post('/api/user/login', { username: 'carol' })).toMatchObject({ status: 503, body: { code: 503 } })
      expect(await post('/api/order/submit', {}, token)).toMatchObject({ status: 503, body: { code: 503 } })
    }
    await startRedis(Number(new URL(redisUrl).port))
    await vi.waitFor(
      async () => {
        for (let node = 0; node < 2; node++) {
          expect(await post('/api/user/register', { username: 'carol' })).toMatchObject({ status: 200 })
        }
      },
      { timeout: 10_000, interval: 200 },
    )
    expect(await post('/api/order/submit', {}, token)).toMatchObject({ status: 200 })
  })
})

/** All that it can have, as in production. */
describe.skipIf(redisIsMissing || rabbitmqMissing !== undefined || elasticsearchIsMissing)('the whole shop', () => {
  let url = ''
  const servers: { close(): Promise<void> }[] = []
  let search: Elasticsearch['search']
  let mail: Running

  beforeAll(async () => {
    const [redis, rabbit, elastic] = await Promise.all([startRedis(), startRabbitMq(), startElasticsearch()])
    servers.push(redis, rabbit, elastic)
    search = elastic.search
    const settings = { GOMS_REDIS_ADDR: redis.url, GOMS_AMQP_ADDR: rabbit.url, GOMS_ES_ADDR: elastic.url }
    ;({ url, mail } = await startShop(['user', 'order'], settings))
  }, 120_000)
  afterAll(async () => {
    await killAll()
    await Promise.all(servers.map((server) => server.close()))
  }, 30_000)

  test('thanks for an order by mail, and finds it again', async () => {
    const json = { 'content-type': 'application/json' }
    const body = JSON.stringify({ username: 'bob', password: 'x' })
    const login = await fetch(`${url}/api/user/login`, { method: 'POST', headers: json, body })
    const headers = { ...json, authorization: `Bearer ${login.headers.get('x-session-token')}` }
    const order = await fetch(`${url}/api/order/submit`, { method: 'POST', headers, body: '{}' })
    const { data } = (await order.json()) as { data: { orderId: string } }
    await mail.waitForLine(new RegExp(`mail to bob: thank you for your order ${data.orderId}`), 10_000)
    await vi.waitFor(
      async () => expect(await search('orders', { match_all: {} })).toMatchObject([{ ...data, username: 'bob' }]),
      { timeout: 10_000, interval: 200 },
    )
  })
})
