/**
 * A limit that a project shares: ten gateways, a thousand calls a second allowed and three thousand offered; what it costs a
 * call beside no limit and one of each process; and what becomes of calls when Redis is killed or stands still.
 */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { cpuUs } from '../../bench/common/cpu.mjs'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import type { Sent } from '../support/judge.ts'
import { startLoad } from '../support/load.ts'
import { freePort } from '../support/processes.ts'
import { type Redis, startRedis } from '../support/redis.ts'
import { countsByWindow, mostInAnyWindow, quantile } from '../support/windows.ts'

const GATEWAYS = 10
const ALLOWED = 1000
const OFFERED = 3000
const LOAD_MS = 10_000
/** For connections and compilers, which take their time on a machine with two cores. */
const WARM_MS = 3000

let redis: Redis
let cluster: Cluster
let gateways: Member[]

beforeAll(async () => {
  redis = await startRedis()
  cluster = createCluster({
    backend: { args: ['--registry', 'embedded', '--embedded-port', String(await freePort(4))] },
    config: `redisAddr: 127.0.0.1:${redis.port}`,
    services: [
      'services:',
      '  echo:',
      '    none: /echo',
      '    local: { path: /echo, limiter: 1/1000000 }',
      '    shared: { path: /echo, limiter: { calls: 1000000, per: 1000, shared: true } }',
      // Whether it counts rightly is another question than what becomes of calls when this machine has no time for them.
      `    second: { path: /echo, limiter: { calls: ${ALLOWED}, per: 1000, shared: true, timeout: 2000 } }`,
      `    tenth: { path: /echo, limiter: { calls: ${ALLOWED / 10}, per: 100, shared: true, timeout: 2000 } }`,
      '',
    ].join('\n'),
  })
  gateways = []
  // The first one has the registry.
  for (let i = 1; i <= GATEWAYS; i++) gateways.push(await cluster.gateway(`gateway${i}`, { service: 'gateway' }))
  await Promise.all(['echo1', 'echo2'].map((name) => cluster.node(name, { env: { GOMS_TEST_HANDLER_MS: '0' } })))
  for (const gateway of gateways) {
    const knows = async (): Promise<void> => {
      const page = await (await fetch(`${gateway.url}/cluster`)).text()
      expect(page.match(/_127\.0\.0\.1/g)).toHaveLength(GATEWAYS + 2)
    }
    await vi.waitFor(knows, { timeout: 10_000 })
  }
  await run('none', OFFERED, WARM_MS)
}, 120_000)
afterAll(async () => {
  await cluster?.close()
  await redis?.close()
})

let loads = 0
function begin(action: string, rate: number, durationMs: number, through: readonly Member[] = gateways) {
  const origins = through.map(({ url }) => url)
  return startLoad({ origins, rate, durationMs, path: `/api/echo/${action}`, prefix: `${++loads}-` })
}

async function run(action: string, rate: number, durationMs: number): Promise<readonly Sent[]> {
  return begin(action, rate, durationMs).done
}

function statuses(history: readonly Sent[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const { status } of history) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

/** When its answer came, since the load began. */
const endedMs = ({ sentMs, tookMs = 0 }: Sent): number => sentMs + tookMs

test.each([
  ['second', 1000, 0.01],
  // Windows that short are lost where a process stands still for one, and none of them may be made up for.
  ['tenth', 100, 0.1],
])('ten gateways let a thousand calls a second through, counted by the %s', async (action, windowMs, leastLess) => {
  const history = await run(action, OFFERED, LOAD_MS)
  const admitted = history.filter(({ status }) => status === 200)
  const bySecond = countsByWindow(admitted.map(endedMs), 1000, LOAD_MS)
  const ids = new Set(admitted.map(({ id }) => id))
  const executed = cluster.executed().flatMap(({ id, atMs }) => (ids.has(id) ? [atMs] : []))
  const wanted = (ALLOWED * LOAD_MS) / 1000
  console.log(
    [
      `${action}: ${GATEWAYS} gateways, ${OFFERED} calls/s offered for ${LOAD_MS / 1000} s, ${ALLOWED} calls/s allowed`,
      `  admitted ${admitted.length} of ${wanted} (${(((admitted.length - wanted) / wanted) * 100).toFixed(2)} %)`,
      `  by second of their answers: ${bySecond.join(' ')} (min ${Math.min(...bySecond)}, max ${Math.max(...bySecond)})`,
      `  most in any ${windowMs} ms as they reached the nodes: ${mostInAnyWindow(executed, windowMs)}`,
      `  statuses ${JSON.stringify(statuses(history))}`,
    ].join('\n'),
  )
  expect(Object.keys(statuses(history)).sort()).toEqual(['200', '429'])
  expect(admitted.length).toBeLessThanOrEqual(wanted * 1.01)
  expect(admitted.length).toBeGreaterThanOrEqual(wanted * (1 - leastLess))
})

interface Cost {
  readonly gatewayUs: number[]
  readonly redisUs: number[]
  readonly tookMs: number[]
}

test('what it costs a call, beside no limit and one of each process', async () => {
  const [gateway] = gateways as [Member]
  const costs = new Map<string, Cost>()
  for (let round = 0; round < 5; round++) {
    for (const action of ['none', 'local', 'shared']) {
      const cpu = (): readonly [number, number] => [cpuUs(gateway.process.pid), cpuUs(redis.process.pid)]
      const before = cpu()
      const history = await begin(action, 1500, 4000, [gateway]).done
      const after = cpu()
      expect(statuses(history)).toEqual({ 200: history.length })
      const cost = costs.get(action) ?? { gatewayUs: [], redisUs: [], tookMs: [] }
      costs.set(action, cost)
      cost.gatewayUs.push((after[0] - before[0]) / history.length)
      cost.redisUs.push((after[1] - before[1]) / history.length)
      cost.tookMs.push(...history.map(({ tookMs }) => tookMs ?? Number.NaN))
    }
  }
  const show = ([action, { gatewayUs, redisUs, tookMs }]: [string, Cost]): string => {
    const latency = [0.5, 0.9, 0.99].map((part) => quantile(tookMs, part).toFixed(2)).join(' / ')
    const [ours, theirs] = [quantile(gatewayUs, 0.5).toFixed(0), quantile(redisUs, 0.5).toFixed(0)]
    return `  ${action.padEnd(6)} gateway ${ours} µs CPU, Redis ${theirs} µs CPU; p50/p90/p99 ${latency} ms`
  }
  console.log(
    ['cost of a call (1500 calls/s through one gateway, medians of 5 rounds):', ...[...costs].map(show)].join('\n'),
  )
  const p50 = (action: string): number => quantile(costs.get(action)?.tookMs ?? [], 0.5)
  expect(p50('shared') - p50('none')).toBeLessThan(10)
})

test('a Redis that is killed, or stands still, loses no call, and costs few of them their 50 ms', async () => {
  const { port } = redis
  const strike = async (what: string, begins: () => Promise<unknown>, ends: () => Promise<unknown>): Promise<void> => {
    const load = begin('shared', 1000, 9000)
    await new Promise((resolve) => setTimeout(resolve, 3000))
    await begins()
    await new Promise((resolve) => setTimeout(resolve, 3000))
    await ends()
    const history = await load.done
    const slow = history.filter(({ tookMs }) => (tookMs ?? Number.POSITIVE_INFINITY) > 45)
    const times = [0.5, 0.99, 0.999].map((part) =>
      quantile(
        history.map(({ tookMs }) => tookMs ?? Number.NaN),
        part,
      ).toFixed(2),
    )
    console.log(
      `${what} for 3 s: ${JSON.stringify(statuses(history))}, ${slow.length} of ${history.length} over 45 ms, p50/p99/p99.9 ${times.join(' / ')} ms`,
    )
    expect(statuses(history)).toEqual({ 200: history.length })
    expect(slow.length).toBeLessThanOrEqual(200)
  }
  await strike(
    'killed',
    async () => redis.process.signal('SIGKILL'),
    async () => {
      redis = await startRedis(port)
    },
  )
  await strike(
    'stopped',
    async () => redis.process.signal('SIGSTOP'),
    async () => redis.process.signal('SIGCONT'),
  )
  const lines = gateways.flatMap(({ process }) => process.lines.filter(({ text }) => text.includes('limiter:')))
  const [away, back] = ['nobody counts', 'counts again'].map(
    (what) => lines.filter(({ text }) => text.includes(what)).length,
  )
  expect(away).toBeGreaterThanOrEqual(2 * GATEWAYS)
  expect(away).toBeLessThanOrEqual(4 * GATEWAYS)
  expect(back).toBeGreaterThanOrEqual(2 * GATEWAYS)
  // And it counts again.
  expect(statuses(await run('second', OFFERED, 1000))).toHaveProperty('429')
})
