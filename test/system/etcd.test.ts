/** L400 on a real etcd, and what happens when it goes away and comes back. */
import { afterAll, describe, expect, test } from 'vitest'
import { keysIn, type Member } from '../support/cluster.ts'
import { type EtcdCluster, etcdMissing, startEtcd } from '../support/etcd.ts'
import { expectClean, LEASE_MS, nodesOf, restartSuite, settled, useShop, wait } from './load.suite.ts'

describe.skipIf(etcdMissing !== undefined)('on etcd', () => {
  let etcd: EtcdCluster
  const use = useShop(async () => {
    etcd = await startEtcd()
    return { args: ['-etcd_addr', etcd.endpoints.join('|')] }
  })
  afterAll(async () => {
    await etcd?.close()
  })

  restartSuite(use)

  test('etcd stopped for longer than a lease loses nothing, and all are registered again within 3 s', async () => {
    const shop = use()
    const load = shop.load(30_000)
    await wait(300)
    etcd.member.freeze()
    await wait(2.5 * LEASE_MS)
    // The last view is served.
    expect(await nodesOf(shop.gateways[1] as Member, 'echo')).toHaveLength(3)
    etcd.member.thaw()
    const backMs = Date.now()
    await expect.poll(() => keysIn(etcd, 'goms_echo_'), { timeout: 5000 }).toHaveLength(3)
    expect(Date.now() - backMs).toBeLessThanOrEqual(3000)
    await settled(shop, 3000)
    load.stop()
    expectClean(await shop.verdict(load))
  })
})
