/** What becomes of nodes and view with three members of etcd, with passwords, and with certificates. */
import { describe, expect, it } from 'vitest'
import { etcdMissing } from '../../test/support/etcd.ts'
import { useRegistries, wait } from '../../test/support/registries.ts'
import { createEtcdClient } from './etcd-client.ts'
import { until } from './registry.suite.ts'

const TTL_MS = 2000

describe.skipIf(etcdMissing !== undefined)(
  `a registry on a guarded or threefold etcd${etcdMissing ? ` (${etcdMissing})` : ''}`,
  () => {
    const world = useRegistries(TTL_MS)
    const leaseOf = async (key: string) =>
      JSON.parse(await world.etcd.etcdctl('get', key, '-w', 'json')).kvs?.[0]?.lease

    it('loses nobody when the leader of three is lost, and goes on at another member', async () => {
      await world.begin({ members: 3 })
      const { watcher, key, changes } = await world.pair({ leaseTtlMs: 5000 })
      const lease = await leaseOf(key)
      const status = JSON.parse(await world.etcd.etcdctl('endpoint', 'status', '-w', 'json')) as {
        Endpoint: string
        Status: { header: { member_id: number }; leader: number }
      }[]
      const leader = status.find(({ Status }) => Status.header.member_id === Status.leader)?.Endpoint
      const member = world.etcd.members.find(({ endpoint }) => endpoint === leader)
      await member?.kill()
      await until('connected', () => watcher.status().connected && watcher.status().endpoint !== leader, 5000)
      await wait(6000)
      expect(changes).toEqual([])
      expect(await leaseOf(key)).toBe(lease)
      await world.etcd.etcdctl('put', 'goms_user_10.0.0.2:1_10.0.0.2:2', '0')
      await until('a fresh one', () => watcher.view.nodes('user').length === 2, 1000)
    })

    it('leaves a frozen member of three for another', async () => {
      await world.begin({ members: 3 })
      const { watcher, key, changes } = await world.pair({ leaseTtlMs: 5000 })
      const endpoint = watcher.status().endpoint
      world.etcd.members.find((one) => one.endpoint === endpoint)?.freeze()
      await until(
        'another member',
        () => {
          const { connected, endpoint: now } = watcher.status()
          return connected && now !== undefined && now !== endpoint
        },
        15_000,
      )
      await wait(2000)
      expect(changes).toEqual([])
      expect(await leaseOf(key)).toBeDefined()
    })

    it('goes on when its token expires, and says a wrong password at once', async () => {
      await world.begin({ auth: { password: 'secret', tokenTtlSeconds: 1 } })
      const { watcher, key, changes } = await world.pair({ user: 'root', password: 'secret' })
      await wait(3000)
      await world.etcd.etcdctl('put', 'goms_user_10.0.0.2:1_10.0.0.2:2', '0')
      await until('a fresh one', () => watcher.view.nodes('user').length === 2, 1000)
      // A new registration and a new lease need a token that is valid now.
      await world.etcd.etcdctl('del', key)
      await until('registered again', () => changes.includes('join id-1'), 2000)
      const wrong = world.make({ user: 'root', password: 'wrong' })
      const began = performance.now()
      await expect(wrong.start()).rejects.toMatchObject({ code: 'GOMS_REGISTRY_AUTH' })
      expect(performance.now() - began).toBeLessThan(1500)
      await expect(world.make().start()).rejects.toMatchObject({ code: 'GOMS_REGISTRY_AUTH' })
    })

    it('does not hammer an etcd that refuses it', async () => {
      await world.begin({ auth: { password: 'secret', tokenTtlSeconds: 60 } })
      const kv = createEtcdClient({
        endpoints: world.etcd.endpoints,
        user: 'root',
        password: 'wrong',
        random: () => 0.5,
      })
      await expect(kv.range('a')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
      await wait(2000)
      expect(kv.failedTries).toBeGreaterThanOrEqual(1)
      expect(kv.failedTries).toBeLessThanOrEqual(3)
      await kv.close()
    })

    it('recovers its watch when the token expired while it was away', async () => {
      await world.begin({ auth: { password: 'secret', tokenTtlSeconds: 1 } })
      const { watcher, key } = await world.pair({ user: 'root', password: 'secret' })
      await world.etcd.member.kill()
      await wait(1500)
      await world.etcd.member.start()
      await until('connected', () => watcher.status().connected, 3000)
      await world.untilThere(key, 3000)
      await world.etcd.etcdctl('put', 'goms_user_10.0.0.2:1_10.0.0.2:2', '0')
      await until('a fresh one', () => watcher.view.nodes('user').length === 2, 1000)
    })

    it('speaks TLS with a client certificate, and is told when it has none', async () => {
      await world.begin({ tls: true })
      const { watcher } = await world.pair()
      expect(watcher.view.nodes('user')).toHaveLength(1)
      const nameless = world.make({ tls: { ca: world.etcd.tls?.ca } })
      await expect(nameless.start()).rejects.toMatchObject({
        code: 'GOMS_REGISTRY_AUTH',
        // One line, without the places in OpenSSL's sources.
        message: expect.stringMatching(/^registry: etcd \S+: [^\n]*(certificate|alert)[^\n:]*$/),
      })
      const plain = world.make({ tls: undefined, connectTimeoutMs: 100 })
      await expect(plain.start()).rejects.toMatchObject({
        code: 'GOMS_REGISTRY_UNAVAILABLE',
        detail: { fix: expect.arrayContaining([expect.stringContaining('etcdTls')]) },
      })
      const trustless = world.make({ tls: { cert: world.etcd.tls?.cert, key: world.etcd.tls?.key } })
      await expect(trustless.start()).rejects.toMatchObject({ code: 'GOMS_REGISTRY_AUTH' })
      await expect(world.make({ tls: { ca: '/nowhere.pem' } }).start()).rejects.toMatchObject({
        code: 'GOMS_CONFIG_UNREADABLE',
      })
    })
  },
)
