/** Full-length L400 while one node, or a gateway, misbehaves: what users may see of it. */
import { expect, test } from 'vitest'
import type { Member } from '../support/cluster.ts'
import { toText, type Verdict } from '../support/judge.ts'
import { freePort } from '../support/processes.ts'
import { expectClean, type Shop, settled, useShop, wait } from '../system/load.suite.ts'

const LOAD_MS = 12_000
const STRIKE_MS = 4000

const use = useShop(async () => ({ args: ['--registry', 'embedded', '--embedded-port', String(await freePort(4))] }), {
  leaseMs: 10_000,
  lbDrainMs: 500,
})

async function turn(node: Member, mode: string): Promise<void> {
  const response = await fetch(`${node.url}/mode/${mode}`, { headers: { 'call-key': 'a key for the tests' } })
  expect(await response.text()).toBe(mode)
}

/** L400 while a node is in that mode for 5 s. Not always the same node: how long one is left out grows each time. */
async function during(shop: Shop, mode: string, at: number): Promise<Verdict> {
  const victim = shop.nodes[at] as Member
  const load = shop.load(LOAD_MS)
  await wait(STRIKE_MS)
  await turn(victim, mode)
  await wait(5000)
  await turn(victim, 'well')
  const verdict = await shop.verdict(load)
  console.log(`${mode}:\n${toText(verdict)}`)
  expect(verdict.twice).toEqual([])
  expect(verdict.crossTalk).toEqual([])
  return verdict
}

test('a node stopped for 6 s: at most 4 lost, at most 8 slow, used again', async () => {
  const shop = use()
  const victim = shop.nodes[1] as Member
  const load = shop.load(LOAD_MS + 3000)
  await wait(STRIKE_MS)
  victim.process.signal('SIGSTOP')
  await wait(6000)
  victim.process.signal('SIGCONT')
  const continuedMs = Date.now()
  const history = await load.done
  const verdict = await shop.verdict(load)
  console.log(`stopped:\n${toText(verdict)}`)
  expect(verdict.lost.length, toText(verdict)).toBeLessThanOrEqual(4)
  expect(verdict.slow.length, toText(verdict)).toBeLessThanOrEqual(8)
  expect(verdict.twice).toEqual([])
  const ids = new Set(history.map(({ id }) => id))
  const again = shop.cluster
    .executed()
    .filter((it) => it.node === victim.name && ids.has(it.id) && it.atMs > continuedMs + 500)
  expect((again[0]?.atMs ?? Number.POSITIVE_INFINITY) - continuedMs).toBeLessThanOrEqual(3000)
})

test('a node that answers 503 to all: at most 12 lost, no POST twice', async () => {
  const verdict = await during(use(), 'busy', 0)
  expect(verdict.lost.length, toText(verdict)).toBeLessThanOrEqual(12)
})

test('a node whose handler hangs: at most 9 lost', async () => {
  const verdict = await during(use(), 'hang', 2)
  expect(verdict.lost.length, toText(verdict)).toBeLessThanOrEqual(9)
})

test('a node that breaks off its answers: at most 15 lost, and none of them looks complete', async () => {
  const verdict = await during(use(), 'cut', 1)
  expect(verdict.lost.length, toText(verdict)).toBeLessThanOrEqual(15)
  expect(verdict.lost.filter((it) => it.status === 200)).toEqual([])
})

test('gateways restarted one after another behind a client that knows both: nothing lost, nothing twice', async () => {
  const shop = use()
  const load = shop.load(60_000, shop.gateways, { checksReady: true })
  for (let round = 0; round < 4; round++) {
    await wait(500)
    const gateway = shop.gateways[round % 2] as Member
    const { exit, member } = await shop.cluster.restart(gateway)
    expect(exit, gateway.process.text()).toEqual({ code: 0, signal: null })
    shop.gateways[round % 2] = member
    await settled(shop)
  }
  load.stop()
  const verdict = await shop.verdict(load)
  console.log(`gateways restarted:\n${toText(verdict)}`)
  expectClean(verdict)
})
