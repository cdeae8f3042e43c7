/**
 * A gateway with three workers: one node to everybody else, one page, one set of limits; nobody's requests but a killed
 * worker's own are lost, and none when they are restarted.
 */
import { writeFileSync } from 'node:fs'
import { Agent, type ClientRequest, get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, createCluster, type Member, nodeLine } from '../support/cluster.ts'
import { judge } from '../support/judge.ts'
import { startLoad } from '../support/load.ts'
import { familyOf, freePort, isFree, living } from '../support/processes.ts'
import { SLACK } from '../support/timing.ts'

const WORKERS = 3
/** So many that each worker has some of them, however they are distributed. */
const CLIENTS = 24

interface Status {
  readonly ready: boolean
  readonly workers: readonly { pid: number; state: string; connections: number; inFlight: number }[]
}

let cluster: Cluster
let gateway: Member
let admin: string

beforeAll(async () => {
  cluster = createCluster({
    backend: { args: ['-registry', 'embedded', '-embedded_port', String(await freePort())] },
    config: 'gateway: { parser: fast }',
    services: [
      'services:',
      '  echo:',
      '    echo: /echo',
      '    limited: { path: /limited, limiter: 60/31 }',
      '    few: { path: /few, callLimit: 60/2 }',
      '    some: { path: /some, callLimit: 60/20 }',
      '  slow: { echo: /echo }',
      '',
    ].join('\n'),
  })
  gateway = await cluster.gateway('gateway1', { args: ['-workers', String(WORKERS), '-drain', '500'] })
  const { match } = await gateway.process.waitForLine(/admin at (\S+)/)
  admin = `http://${match[1]}`
})
afterAll(() => cluster?.close())

const status = async (): Promise<Status> => (await (await fetch(`${admin}/-/ready`)).json()) as Status
const pids = async (): Promise<number[]> => (await status()).workers.map(({ pid }) => pid)

/** Requests for the echo of all workers there ever were, and who tells of its own memory. */
async function measured(): Promise<{ requests: number; processes: string[] }> {
  const page = await (await fetch(`${admin}/metrics`)).text()
  const counts = page.matchAll(/^goms_gateway_requests_total\{service="echo",action="echo",status="\d+"\} (\d+)$/gm)
  const processes = page.matchAll(/^process_resident_memory_bytes\{worker="([^"]+)"\} \d+$/gm)
  return {
    requests: [...counts].reduce((sum, [, count]) => sum + Number(count), 0),
    processes: [...processes].map(([, process]) => process as string),
  }
}

interface Client {
  ask(path: string): Promise<{ readonly status: number; readonly body: string }>
  close(): void
}

/** One connection each, kept; nothing is tried again. */
function clientOf(): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    ask: (path) => answerOf(get(`${gateway.url}${path}`, { agent })),
    close: () => agent.destroy(),
  }
}

function answerOf(request: ClientRequest): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    request.once('error', reject)
    request.once('response', async (response: IncomingMessage) => {
      resolve({ status: response.statusCode ?? 0, body: (await text(response).catch(reject)) as string })
    })
  })
}

async function withClients<T>(work: (clients: readonly Client[]) => Promise<T>): Promise<T> {
  const clients = Array.from({ length: CLIENTS }, clientOf)
  try {
    return await work(clients)
  } finally {
    for (const client of clients) client.close()
  }
}

const statuses = async (clients: readonly Client[], path: string, times = 1): Promise<number[]> => {
  const asked = clients.map(async (client) => {
    const got = []
    for (let n = 0; n < times; n++) got.push((await client.ask(path)).status)
    return got
  })
  return (await Promise.all(asked)).flat()
}

test('each worker has some of the connections, and all of them see a node join at once', async () => {
  await withClients(async (clients) => {
    expect(new Set(await statuses(clients, '/api/echo/echo?id=1'))).toEqual(new Set([503]))
    await expect.poll(async () => (await status()).workers.every((it) => it.connections > 0)).toBe(true)

    const firsts = clients.map(async (client) => {
      while ((await client.ask('/api/echo/echo?id=1')).status !== 200)
        await new Promise((resolve) => setTimeout(resolve, 10))
      return Date.now()
    })
    const node = await cluster.node('echo1')
    const joined = await gateway.process.waitForLine(nodeLine('echo', node.node, 'join'))
    expect(Math.max(...(await Promise.all(firsts))) - joined.line.atMs).toBeLessThan(200 * SLACK)
    expect(gateway.process.text().match(/node \[.*\] join$/gm)).toHaveLength(1)
  })
})

test('limits are those of all together', async () => {
  await withClients(async (clients) => {
    const admitted = async (path: string, times: number): Promise<number> =>
      (await statuses(clients, path, times)).filter((it) => it === 200).length
    expect(await admitted('/api/echo/limited?id=1', 31)).toBe(31)
    expect(await admitted('/api/echo/some?id=1', 20)).toBe(20)
    // Fewer than there are workers: one each.
    expect(await admitted('/api/echo/few?id=1', 3)).toBe(WORKERS)
  })
})

test('/cluster shows one gateway, and what all of them did', async () => {
  interface Page {
    readonly services: Record<string, { readonly Nodes: readonly string[]; readonly RequestFinish: number }>
  }
  await withClients(async (clients) => {
    const pages = async (): Promise<Page[]> =>
      Promise.all(clients.map(async (client) => JSON.parse((await client.ask('/cluster')).body) as Page))
    const finished = (page: Page | undefined): number => page?.services.echo?.RequestFinish ?? 0
    const [before] = await pages()
    await statuses(clients, '/api/echo/echo?id=1', 5)
    for (const page of await pages()) {
      expect(page.services.gateway?.Nodes).toEqual([gateway.node])
      expect(finished(page)).toBe(finished(before) + 5 * CLIENTS)
      expect(page).not.toHaveProperty('partial')
    }
  })
})

test('/metrics is one page too, with the numbers of all of them', async () => {
  await withClients(async (clients) => {
    const before = await measured()
    expect(before.processes).toEqual(['primary', '1', '2', '3'])
    await statuses(clients, '/api/echo/echo?id=1', 5)
    expect(await measured()).toEqual({ ...before, requests: before.requests + 5 * CLIENTS })
  })
})

test('a worker that is killed costs its own calls only, and is replaced at once', async () => {
  const slow = await cluster.node('slow1', { service: 'slow', env: { GOMS_TEST_HANDLER_MS: '1500' } })
  await gateway.process.waitForLine(nodeLine('slow', slow.node, 'join'))
  const inFlight = async (): Promise<number> => (await status()).workers.reduce((sum, it) => sum + it.inFlight, 0)
  // Workers report one after the other: only counts that rise from nothing are true together when their sum is.
  await expect.poll(inFlight, { interval: 20 }).toBe(0)
  await withClients(async (clients) => {
    const calls = clients.map((client) =>
      client.ask('/api/slow/echo?id=1').then(
        ({ status }) => status,
        () => 0,
      ),
    )
    await expect.poll(inFlight, { interval: 20 }).toBe(CLIENTS)
    const before = await status()
    const countedBefore = (await measured()).requests
    const victim = before.workers[1]
    process.kill(victim?.pid ?? -1, 'SIGKILL')
    const got = await Promise.all(calls)
    expect(got.filter((it) => it === 0)).toHaveLength(victim?.inFlight ?? 0)
    expect(got.filter((it) => it === 200)).toHaveLength(CLIENTS - (victim?.inFlight ?? 0))
    await gateway.process.waitForLine(/error: worker 2 \(pid \d+\) ended: SIGKILL/)
    await expect
      .poll(async () => (await status()).workers.map(({ state }) => state))
      .toEqual(Array(WORKERS).fill('serving'))
    expect(await pids()).not.toContain(victim?.pid)
    expect((await measured()).requests).toBe(countedBefore)
  })
  await withClients(async (clients) => {
    expect(new Set(await statuses(clients, '/api/echo/echo?id=1'))).toEqual(new Set([200]))
    await expect.poll(async () => (await status()).workers.every((it) => it.connections > 0)).toBe(true)
  })
})

test('a restart loses no request, of kept connections or new ones, and no count', async () => {
  const before = await pids()
  const countedBefore = (await measured()).requests
  const ranBefore = cluster.executed().length
  const load = startLoad({ origins: [gateway.url], durationMs: 60_000, rate: 300, prefix: 'restart-' })
  const short: Promise<number>[] = []
  const knocking = setInterval(() => {
    const request = get(`${gateway.url}/api/echo/echo?id=short`, { agent: false })
    short.push(
      answerOf(request).then(
        ({ status }) => status,
        (error) => error.code,
      ),
    )
  }, 5)
  const seen = gateway.process.lines.length
  await new Promise((resolve) => setTimeout(resolve, 500))
  gateway.process.signal('SIGHUP')
  // Another one meanwhile is not lost.
  await gateway.process.waitForLine(/are restarted, one after the other/, 5000, seen)
  gateway.process.signal('SIGHUP')
  await gateway.process.waitForLine(/workers: restarted/, 20_000, seen)
  await gateway.process.waitForLine(/workers: restarted/, 20_000, gateway.process.lines.length)
  await new Promise((resolve) => setTimeout(resolve, 500))
  load.stop()
  clearInterval(knocking)
  const sent = await load.done
  const ran = cluster
    .executed()
    .slice(ranBefore)
    .filter(({ id }) => id.startsWith('restart-'))
  const { lost, twice } = judge(sent, ran)
  expect({ lost, twice }).toEqual({ lost: [], twice: [] })
  expect(new Set(await Promise.all(short))).toEqual(new Set([200]))
  // Connections that are idle are left to those that go, as their next request may be on its way.
  const serving = (await status()).workers.filter(({ state }) => state === 'serving')
  expect(serving).toHaveLength(WORKERS)
  expect(serving.filter(({ pid }) => before.includes(pid))).toEqual([])
  const page = (await (await fetch(`${gateway.url}/cluster`)).json()) as {
    services: { echo: { RequestFinish: number } }
  }
  expect(page.services.echo.RequestFinish).toBeGreaterThanOrEqual(sent.length + short.length)
  expect((await measured()).requests).toBe(countedBefore + sent.length + short.length)
})

test('changed settings reach all workers', async () => {
  const seen = gateway.process.lines.length
  writeFileSync(join(cluster.dir, 'configs', 'services.yml'), 'services:\n  echo:\n    late: { path: /late }\n')
  await gateway.process.waitForLine(/reloaded \(routes\)/, 2000, seen)
  await withClients(async (clients) => {
    const all = async (path: string): Promise<unknown> => [...new Set(await statuses(clients, path))]
    await expect.poll(() => all('/api/echo/late?id=1')).toEqual([200])
    expect(await all('/api/echo/echo?id=1')).toEqual([404])
  })
})

test('when the primary stops no process is left, and requests until then are answered', async () => {
  const family = familyOf(gateway.process.pid)
  expect(family.length).toBeGreaterThan(WORKERS)
  // As load balancers do: until they are told to go.
  let served = 0
  const asking = Array.from({ length: 8 }, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const got: number[] = []
    for (let told = false; !told; ) {
      const request = get(`${gateway.url}/api/echo/late?id=1`, { agent })
      request.once('response', ({ headers }: IncomingMessage) => {
        told = headers.connection === 'close'
      })
      got.push((await answerOf(request)).status)
      served++
    }
    return got
  })
  await expect.poll(() => served).toBeGreaterThan(100)
  const exit = await gateway.process.stop()
  expect(new Set((await Promise.all(asking)).flat())).toEqual(new Set([200]))
  expect(exit).toEqual({ code: 0, signal: null })
  expect(living(family)).toEqual([])
  expect(await isFree(gateway.httpPort)).toBe(true)
})

test('workers end with their primary, however it ended', async () => {
  const { process: running } = await cluster.gateway('gateway2', { args: ['-workers', '2'] })
  const family = familyOf(running.pid)
  running.signal('SIGKILL')
  await running.exited
  await expect.poll(() => living(family), { timeout: 3000 }).toEqual([])
})
