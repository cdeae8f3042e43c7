/** Routes pushed a hundred times a second under load: nothing is lost, and no call is under two numbers at once. */
import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSettings } from '../../src/config/load.ts'
import { systemClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import type { RegistryOptions } from '../../src/core/options.ts'
import { findEmbedded } from '../../src/registry/embedded-guest.ts'
import { createEtcdRegistry } from '../../src/registry/etcd.ts'
import type { Registry, RoutesDocument } from '../../src/registry/registry.ts'
import { allPrint, type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { type EtcdCluster, startEtcd } from '../support/etcd.ts'
import { judge, toText, type Verdict } from '../support/judge.ts'
import { type Answered, startLoad } from '../support/load.ts'
import { freePort } from '../support/processes.ts'
import { expectClean } from '../system/load.suite.ts'

const RATE = 400
const PUSHES_PER_SECOND = 100
const PUSHING_MS = 10_000
/** Sets that take turns. What a set says of path and time agrees: `/v3` has 5000 ms. */
const VERSIONS = 8
const timeoutOf = (version: number): number => 2000 + 1000 * version

function setOf(version: number): Readonly<Record<string, unknown>> {
  const tell = { path: `/v${version}`, timeout: timeoutOf(version) }
  // With an attempt to come a node is told of half of the time.
  return { retries: 0, services: { routed: { tell }, caller: { ask: { path: '/ask', timeout: 20_000 } } } }
}

interface World {
  readonly cluster: Cluster
  readonly gateways: readonly Member[]
  readonly registry: Registry
  close(): Promise<void>
}

async function open(kind: 'embedded' | 'etcd'): Promise<World> {
  const etcd: EtcdCluster | undefined = kind === 'etcd' ? await startEtcd() : undefined
  const port = await freePort(4)
  const args = etcd
    ? ['-etcd_addr', etcd.endpoints.join('|')]
    : ['-registry', 'embedded', '-embedded_port', String(port)]
  const cluster = createCluster({
    backend: { args },
    services: 'services:\n  routed: { tell: /file }\n  caller: { ask: /ask }\n',
  })
  const gateways = [
    await cluster.gateway('gateway1', { service: 'gateway' }),
    await cluster.gateway('gateway2', { service: 'gateway', args: ['-workers', '2'] }),
  ]
  const { settings } = await loadSettings({ cwd: '/nowhere', env: {}, role: 'tool' })
  const options = { ...settings.registry, kind, endpoints: etcd?.endpoints ?? [], embeddedPort: port }
  const registry = await join(options)
  return {
    ...{ cluster, gateways, registry },
    async close() {
      await registry.close()
      await cluster.close()
      await etcd?.close()
    },
  }
}

async function join(options: RegistryOptions): Promise<Registry> {
  const deps = { project: 'goms', clock: systemClock, log: silentLog }
  const found =
    options.kind === 'etcd' ? { registry: createEtcdRegistry(options, deps) } : await findEmbedded(options, deps)
  if (!('registry' in found)) throw new Error(found.met)
  await found.registry.start()
  return found.registry
}

async function push({ routes }: Registry, version: number): Promise<RoutesDocument> {
  const written = await routes.write(await routes.read(), { by: 'the storm', set: setOf(version) })
  if (written === undefined) throw new Error('somebody else pushes')
  return written
}

/** On time, whatever each takes. Resolves to the last number. */
async function storm(registry: Registry): Promise<RoutesDocument> {
  const began = performance.now()
  let last: RoutesDocument | undefined
  for (let n = 0; n < (PUSHING_MS / 1000) * PUSHES_PER_SECOND; n++) {
    const dueMs = (n * 1000) / PUSHES_PER_SECOND - (performance.now() - began)
    if (dueMs > 0) await pause(dueMs)
    last = await push(registry, n % VERSIONS)
  }
  console.log(`pushed to number ${last?.number} within ${Math.round(performance.now() - began)} ms`)
  return last as RoutesDocument
}

interface Told {
  readonly id: string
  readonly path: string
  readonly leftMs: number
}

/** What path and time tell of the number that a call was under; undefined where they do not agree. */
function versionOf({ path, leftMs }: Told): number | undefined {
  const version = Number(/^\/v(\d)$/.exec(path)?.[1])
  const spentMs = timeoutOf(version) - leftMs
  return spentMs >= 0 && spentMs < 1000 ? version : undefined
}

/** Asks a route at all gateways in turn, and keeps what was told. */
function asker(gateways: readonly Member[], path: string, told: Told[]) {
  const agent = new Agent({ keepAlive: true, maxSockets: 128 })
  let turn = 0
  const ask = async (id: string, method: 'GET' | 'POST'): Promise<Answered> => {
    const { httpPort: port } = gateways[turn++ % gateways.length] as Member
    const get = method === 'GET'
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const target = get ? `${path}?id=${id}` : path
      request({ agent, host: '127.0.0.1', port, method, path: target }, resolve)
        .once('error', reject)
        .end(get ? undefined : JSON.stringify({ id }))
    })
    const body = await text(response)
    if (response.statusCode === 200) told.push(JSON.parse(body) as Told)
    return { status: response.statusCode ?? 0, body }
  }
  return { ask, close: () => agent.destroy() }
}

describe.each(['embedded', 'etcd'] as const)('on %s', (kind) => {
  let world: World
  beforeAll(async () => {
    world = await open(kind)
  }, 60_000)
  afterAll(() => world?.close(), 60_000)

  test('100 pushes a second for 10 s under L400: 0 lost, and no call under two numbers', async () => {
    const { cluster, gateways, registry } = world
    const fixture = 'routed.mjs'
    const nodes = ['routed1', 'routed2', 'routed3', 'caller1']
    const members = await Promise.all(nodes.map((name) => cluster.node(name, { fixture })))
    await push(registry, 0)
    await pause(1000)

    const [outside, inside]: [Told[], Told[]] = [[], []]
    const [direct, through] = [asker(gateways, '/api/routed/tell', outside), asker(gateways, '/api/caller/ask', inside)]
    const durationMs = PUSHING_MS + 2000
    const loads = [
      startLoad({ origins: [], durationMs, rate: RATE, ask: direct.ask, prefix: 'o' }),
      // Its answers come from the nodes that the caller asks, by routes of its own process.
      startLoad({ origins: [], durationMs, rate: RATE / 8, ask: (id) => through.ask(id, 'GET'), prefix: 'i' }),
    ]
    const last = await storm(registry)
    const histories = await Promise.all(loads.map(({ done }) => done))
    for (const one of [direct, through]) one.close()

    const executed = cluster.executed()
    const verdicts = histories.map((history): Verdict => {
      const ids = new Set(history.map(({ id }) => id))
      return judge(
        history,
        executed.filter(({ id }) => ids.has(id)),
      )
    })
    // A call through the caller runs at two nodes, which is no repetition.
    const [verdict, nested] = verdicts as [Verdict, Verdict]
    const mixed = [...outside, ...inside].filter((told) => versionOf(told) === undefined)
    const seen = (told: readonly Told[]): number => new Set(told.map(versionOf)).size
    const applied = [...gateways, ...members].map(
      ({ name, process }) => `${name} ${process.lines.filter((line) => / is in force /.test(line.text)).length}`,
    )
    console.log(
      `${kind}: ${outside.length} calls from outside, ${inside.length} between services, ${mixed.length} mixed; applied: ${applied.join(', ')}\n${toText(verdict)}`,
    )
    expectClean(verdict)
    expect([nested.lost, nested.crossTalk]).toEqual([[], []])
    expect(mixed.slice(0, 5)).toEqual([])
    expect([seen(outside), seen(inside)]).toEqual([VERSIONS, VERSIONS])
    for (const { process } of [...gateways, ...members]) {
      expect(process.text()).toContain(`routes: number ${last.number} is in force`)
      expect(process.text()).not.toMatch(/error|warn: routes/)
    }
    const after = asker(gateways, '/api/routed/tell', outside)
    for (let n = 0; n < 12; n++) await after.ask(`a${n}`, 'GET')
    after.close()
    expect(new Set(outside.slice(-12).map(({ path }) => path))).toEqual(
      new Set([(last.set as { services: { routed: { tell: { path: string } } } }).services.routed.tell.path]),
    )
  })

  test('20 processes have a push in force within a second', async () => {
    const { cluster, gateways, registry } = world
    const many: Member[] = [...gateways]
    for (let n = 0; many.length < 20; n++) many.push(await cluster.node(`many${n}`, { service: 'many' }))
    const tookMs: number[] = []
    for (let round = 0; round < 10; round++) {
      await pause(300)
      const next = (registry.routes.current?.number ?? 0) + 1
      const seen = allPrint(many, new RegExp(`routes: number ${next} is in force`))
      const beganMs = Date.now()
      await push(registry, round % VERSIONS)
      tookMs.push((await seen) - beganMs)
    }
    tookMs.sort((a, b) => a - b)
    console.log(`${kind}: the last of 20 processes had a push in force after ${tookMs.join(', ')} ms`)
    expect(tookMs.at(-1)).toBeLessThanOrEqual(1000)
  })
})
