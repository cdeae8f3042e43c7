/** L400 on the embedded registry, and what happens when the process that hosts it goes. */
import { expect, test } from 'vitest'
import { allPrint, type Member, nodeLine } from '../support/cluster.ts'
import { toText } from '../support/judge.ts'
import { freePort } from '../support/processes.ts'
import { SLACK } from '../support/timing.ts'
import { expectClean, LEASE_MS, loadSuite, nodesOf, settled, useShop, wait } from './load.suite.ts'

const use = useShop(async () => ({
  args: ['--registry', 'embedded', '--embedded-port', String(await freePort(4))],
}))

test('a join is seen by all within 200 ms, a leave too', async () => {
  const shop = use()
  const { cluster } = shop
  const first = await cluster.node('late1', { service: 'late' })
  const gone = allPrint(shop.all, nodeLine('late', first.node, 'leave'))
  const signalledMs = Date.now()
  await Promise.all([first.process.stop(), gone])
  expect((await gone) - signalledMs).toBeLessThanOrEqual(200 * SLACK)

  const came = allPrint(shop.all, nodeLine('late', first.node, 'join'))
  const again = await cluster.node('late1', { service: 'late', httpPort: first.httpPort, rpcPort: first.rpcPort })
  expect((await came) - Date.now()).toBeLessThanOrEqual(200 * SLACK)
  await again.process.stop()
})

loadSuite(use)

// The first gateway was the first process, so it hosts.
test('the host stopped for longer than a lease: nobody else is seen to leave, and all goes on', async () => {
  const shop = use()
  const [host, other] = shop.gateways as [Member, Member]
  const load = shop.load(6000, [other])
  await wait(500)
  const before = shop.all.map((it) => it.process.lines.length)
  host.process.signal('SIGSTOP')
  await wait(2 * LEASE_MS)
  host.process.signal('SIGCONT')
  const verdict = await shop.verdict(load)
  expectClean(verdict)
  await settled(shop)
  expect(leavesSince(shop.all, before).filter((line) => !line.includes(host.node))).toEqual([])
})

test('the host killed: nothing is lost, another takes over, and only the host is seen to leave', async () => {
  const shop = use()
  const [host, other] = shop.gateways as [Member, Member]
  const others = shop.all.filter((it) => it !== host)
  const before = others.map((it) => it.process.lines.length)
  const left = allPrint(others, nodeLine('gateway', host.node, 'leave'), LEASE_MS + 4000)
  const load = shop.load(4000, [other])
  await wait(500)
  host.process.signal('SIGKILL')
  await wait(1500)
  // Within 3 s of the kill a new node registers and is seen.
  const late = await shop.cluster.node('late2', { service: 'late' })
  expect(await nodesOf(other, 'late')).toEqual([late.node])
  const verdict = await shop.verdict(load)
  expectClean(verdict)
  await left
  expect(leavesSince(others, before), toText(verdict)).toHaveLength(others.length)
  await late.process.stop()
})

function leavesSince(members: readonly Member[], from: readonly number[]): string[] {
  return members.flatMap((it, at) =>
    it.process.lines.slice(from[at]).flatMap(({ text }) => (text.endsWith('] leave') ? [`${it.name}: ${text}`] : [])),
  )
}
