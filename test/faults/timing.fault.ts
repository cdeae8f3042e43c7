/** How long the steps of a cluster's life take, held to their bars: medians, on a machine that nobody else uses. */
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { allPrint, type Backend, createCluster, type Member, nodeLine } from '../support/cluster.ts'
import { type EtcdCluster, startEtcd } from '../support/etcd.ts'
import { freePort, killAll, startProcess } from '../support/processes.ts'

const ROUNDS = 5
const root = join(import.meta.dirname, '..', '..')

let etcd: EtcdCluster | undefined

afterEach(async () => {
  await killAll()
  await etcd?.close()
})

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number
}

function say(what: string, values: readonly number[]): number {
  console.log(`${what}: median ${median(values).toFixed(0)} ms (${values.map((it) => it.toFixed(0)).join(', ')})`)
  return median(values)
}

test('the demo is ready within 2.5 s once built', async () => {
  const took: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const env = { GOMS_EMBEDDED_PORT: String(await freePort(4)) }
    const began = performance.now()
    const demo = startProcess(process.execPath, [join(root, 'scripts', 'start.mjs')], { name: 'npm start', env })
    await demo.waitForLine(/try: curl/, 15_000)
    took.push(performance.now() - began)
    demo.signal('SIGINT')
    await demo.exited
  }
  expect(say('demo ready', took)).toBeLessThanOrEqual(2500)
})

describe.each(['embedded', 'etcd'] as const)('on %s', (kind) => {
  const backend = async (): Promise<Backend> => {
    if (kind === 'embedded') return { args: ['--registry', 'embedded', '--embedded-port', String(await freePort(4))] }
    etcd = await startEtcd()
    return { args: ['-etcd_addr', etcd.endpoints.join('|')] }
  }

  test('a node is ready within 0.6 s; all see a join and a leave within 200 ms', async () => {
    const cluster = createCluster({ backend: await backend() })
    const all: Member[] = [await cluster.gateway('gateway1')]
    for (const name of ['echo1', 'echo2', 'echo3']) all.push(await cluster.node(name))
    const ready: number[] = []
    const joins: number[] = []
    const leaves: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const [httpPort, rpcPort] = [await freePort(), await freePort()]
      const node = `127.0.0.1:${rpcPort}_127.0.0.1:${httpPort}`
      const joined = allPrint(all, nodeLine('late', node, 'join'))
      const late = await cluster.node('late1', { service: 'late', httpPort, rpcPort })
      const readyMs = Date.now()
      ready.push(late.readyAfterMs)
      joins.push((await joined) - readyMs)
      const left = allPrint(all, nodeLine('late', late.node, 'leave'))
      const signalledMs = Date.now()
      const stopped = late.process.stop()
      leaves.push((await left) - signalledMs)
      await stopped
    }
    await cluster.close()
    expect(say(`${kind}: node ready`, ready)).toBeLessThanOrEqual(600)
    expect(say(`${kind}: join seen by all, after ready`, joins)).toBeLessThanOrEqual(200)
    expect(say(`${kind}: leave seen by all, after the signal`, leaves)).toBeLessThanOrEqual(200)
  })
})
