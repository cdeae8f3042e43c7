/** Full-length L400 on a real etcd with the default lease: what users may see when things break. */
import { afterAll, expect, test } from 'vitest'
import { keysIn, type Member } from '../support/cluster.ts'
import { type EtcdCluster, startEtcd } from '../support/etcd.ts'
import { toText } from '../support/judge.ts'
import { expectClean, nodesOf, settled, useShop, wait } from '../system/load.suite.ts'

const LOAD_MS = 12_000
const STRIKE_MS = 4000

let etcd: EtcdCluster
const use = useShop(
  async () => {
    etcd = await startEtcd()
    return { args: ['-etcd_addr', etcd.endpoints.join('|')] }
  },
  { leaseMs: 10_000, lbDrainMs: 500 },
)
afterAll(async () => {
  await etcd?.close()
})

test('no fault: 0 lost, spread within 1 %', async () => {
  const shop = use()
  const verdict = await shop.verdict(shop.load(LOAD_MS))
  expectClean(verdict)
  expect(verdict.spread, toText(verdict)).toBeLessThanOrEqual(0.01)
  console.log(toText(verdict))
})

test('a node killed: at most 2 lost, none of them idempotent, none twice', async () => {
  const shop = use()
  const victim = shop.nodes[1] as Member
  const load = shop.load(LOAD_MS)
  await wait(STRIKE_MS)
  victim.process.signal('SIGKILL')
  const verdict = await shop.verdict(load)
  console.log(toText(verdict))
  expect(verdict.lost.length, toText(verdict)).toBeLessThanOrEqual(2)
  expect(verdict.lost.filter((it) => it.method === 'GET')).toEqual([])
  expect(verdict.twice).toEqual([])
  shop.nodes[1] = (await shop.cluster.restart(victim)).member
  await settled(shop)
})

test('a node stopped for 6 s and continued: at most 4 lost and 8 slow, used again within 3 s', async () => {
  const shop = use()
  const victim = shop.nodes[2] as Member
  const load = shop.load(STRIKE_MS + 6000 + 6000)
  await wait(STRIKE_MS)
  victim.process.signal('SIGSTOP')
  await wait(6000)
  victim.process.signal('SIGCONT')
  const continuedMs = Date.now()
  const verdict = await shop.verdict(load)
  console.log(toText(verdict))
  expect(verdict.lost.length, toText(verdict)).toBeLessThanOrEqual(4)
  expect(verdict.slow.length, toText(verdict)).toBeLessThanOrEqual(8)
  expect(verdict.twice).toEqual([])
  const used = shop.cluster.executed().filter((it) => it.node === victim.name && it.atMs > continuedMs + 100)
  expect((used[0]?.atMs ?? Number.POSITIVE_INFINITY) - continuedMs).toBeLessThanOrEqual(3000)
})

test('nodes and gateways restarted in turn, three rounds: 0 lost, 0 twice', async () => {
  const shop = use()
  const load = shop.load(240_000, shop.gateways, { checksReady: true })
  for (let round = 0; round < 3; round++) {
    for (const list of [shop.nodes, shop.gateways]) {
      for (const [at, old] of list.entries()) {
        const { exit, member } = await shop.cluster.restart(old)
        expect(exit, old.process.text()).toEqual({ code: 0, signal: null })
        list[at] = member
        await settled(shop)
      }
    }
  }
  load.stop()
  const verdict = await shop.verdict(load)
  console.log(toText(verdict))
  expectClean(verdict)
})

test('etcd away for 15 s: 0 lost, all back within 3 s', async () => {
  const shop = use()
  const load = shop.load(120_000)
  await wait(STRIKE_MS)
  etcd.member.freeze()
  await wait(15_000)
  expect(await nodesOf(shop.gateways[1] as Member, 'echo')).toHaveLength(3)
  etcd.member.thaw()
  const backMs = Date.now()
  await expect.poll(() => keysIn(etcd, 'goms_echo_'), { timeout: 10_000 }).toHaveLength(3)
  expect(Date.now() - backMs).toBeLessThanOrEqual(3000)
  await settled(shop)
  load.stop()
  const verdict = await shop.verdict(load)
  console.log(toText(verdict))
  expectClean(verdict)
})

test('etcd away and a node killed meanwhile: at most 2 lost', async () => {
  const shop = use()
  const victim = shop.nodes[0] as Member
  const load = shop.load(LOAD_MS)
  await wait(1000)
  etcd.member.freeze()
  await wait(STRIKE_MS)
  victim.process.signal('SIGKILL')
  const verdict = await shop.verdict(load)
  etcd.member.thaw()
  console.log(toText(verdict))
  expect(verdict.lost.length, toText(verdict)).toBeLessThanOrEqual(2)
  expect(verdict.twice).toEqual([])
  shop.nodes[0] = (await shop.cluster.restart(victim)).member
  await settled(shop, 15_000)
})
