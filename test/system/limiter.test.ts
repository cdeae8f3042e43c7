/** A limit that a project shares: several gateways, one of them with workers, and one count; routes gain and lose it as they run. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { startLoad } from '../support/load.ts'
import { freePort } from '../support/processes.ts'
import { type Redis, redisIsMissing, startRedis } from '../support/redis.ts'
import { mostInAnyWindow } from '../support/windows.ts'

const CALLS = 100
const PER_MS = 500

const routes = (limiter: string): string =>
  [
    'services:',
    '  echo:',
    `    echo: { path: /echo, limiter: { calls: ${CALLS}, per: ${PER_MS}, shared: true, timeout: 1000 } }`,
    `    other: { path: /echo${limiter} }`,
    '',
  ].join('\n')

describe.skipIf(redisIsMissing)('a limit that the project shares', () => {
  let redis: Redis
  let cluster: Cluster
  let gateways: Member[]

  beforeAll(async () => {
    redis = await startRedis()
    cluster = createCluster({
      backend: { args: ['-registry', 'embedded', '-embedded_port', String(await freePort(4))] },
      config: `redisAddr: 127.0.0.1:${redis.port}`,
      services: routes(''),
    })
    gateways = [
      await cluster.gateway('gateway1', { service: 'gateway' }),
      await cluster.gateway('gateway2', { service: 'gateway', args: ['-workers', '2'] }),
    ]
    await cluster.node('echo1', { env: { GOMS_TEST_HANDLER_MS: '0' } })
    for (const { url } of gateways) {
      await vi.waitFor(async () => expect((await fetch(`${url}/api/echo/other?id=1`)).status).toBe(200), 10_000)
    }
  }, 60_000)
  afterAll(async () => {
    await cluster?.close()
    await redis?.close()
  })

  const status = async ({ url }: Member): Promise<number> => (await fetch(`${url}/api/echo/other?id=1`)).status
  const reload = async (limiter: string): Promise<void> => {
    const seen = gateways.map(({ process }) => process.lines.length)
    writeFileSync(join(cluster.dir, 'configs', 'services.yml'), routes(limiter))
    const said = gateways.map(({ process }, i) => process.waitForLine(/reloaded \(routes\)/, 5000, seen[i]))
    await Promise.all(said)
  }

  test('is one count for all of them: no more in all, and hardly less', async () => {
    const durationMs = 3000
    const load = startLoad({ origins: gateways.map(({ url }) => url), rate: 600, durationMs, prefix: 'a' })
    const history = await load.done
    const admitted = history.filter((it) => it.status === 200)
    expect(new Set(history.map((it) => it.status))).toEqual(new Set([200, 429]))
    const wanted = (CALLS * durationMs) / PER_MS
    expect(admitted.length).toBeLessThanOrEqual(wanted + CALLS * 0.1)
    expect(admitted.length).toBeGreaterThanOrEqual(wanted * 0.85)
    const ids = new Set(admitted.map(({ id }) => id))
    const executed = cluster.executed().flatMap(({ id, atMs }) => (ids.has(id) ? [atMs] : []))
    // Two bursts at the edge of a window would be twice as many; what moves calls here is the machine.
    expect(mostInAnyWindow(executed, PER_MS)).toBeLessThan(CALLS * 1.5)
    const refused = await fetch(`${gateways[0]?.url}/api/echo/echo?id=1`)
    if (refused.status === 429) expect(refused.headers.get('retry-after')).toBe('1')
  })

  test('is gained and lost by a route as its file is saved', async () => {
    await reload(', limiter: { calls: 2, per: 60000, shared: true }')
    const [first, second] = gateways as [Member, Member]
    // Its workers hear of it a moment later than who says so.
    const soon = (wanted: number) => vi.waitFor(async () => expect(await status(second)).toBe(wanted), 5000)
    expect([await status(first), await status(first), await status(first)]).toEqual([200, 200, 429])
    await soon(429)
    // The count is that of the route, whatever is allowed of it.
    await reload(', limiter: { calls: 3, per: 60000, shared: true }')
    await soon(200)
    expect(await status(first)).toBe(429)
    await reload('')
    expect(await status(first)).toBe(200)
    await soon(200)
  })

  test('is not counted while Redis is away, and again when it is back', async () => {
    const { port } = redis
    await reload(', limiter: { calls: 1, per: 60000, shared: true }')
    await redis.close()
    const says = /limiter: nobody counts \(127\.0\.0\.1:\d+: .*\); calls of echo\/other, .* are let through/
    for (const gateway of gateways) {
      await vi.waitFor(async () => {
        expect(await status(gateway)).toBe(200)
        expect(gateway.process.text()).toMatch(says)
      }, 5000)
      for (let i = 0; i < 5; i++) expect(await status(gateway)).toBe(200)
    }
    redis = await startRedis(port)
    await vi.waitFor(
      async () =>
        expect([await status(gateways[0] as Member), await status(gateways[1] as Member)]).toEqual([429, 429]),
      10_000,
    )
  })
})
