/** What becomes of nodes and view when a real etcd fails. */
import { describe, expect, it } from 'vitest'
import { startCut } from '../../test/support/cut.ts'
import { etcdMissing } from '../../test/support/etcd.ts'
import { useRegistries, wait } from '../../test/support/registries.ts'
import { registrationOf, until } from './registry.suite.ts'

const TTL_MS = 2000

describe.skipIf(etcdMissing !== undefined)(
  `a registry whose etcd fails${etcdMissing ? ` (${etcdMissing})` : ''}`,
  () => {
    const world = useRegistries(TTL_MS)
    it('writes the key as the original does, seen with etcdctl', async () => {
      await world.begin()
      const { key } = await world.pair()
      expect(key).toMatch(/^goms_user_127\.0\.0\.1:\d+_127\.0\.0\.1:\d+$/)
      expect(await world.keysThere()).toBe(key)
      await world.opened[1]?.close()
      expect(await world.keysThere()).toBe('')
      expect(await world.etcd.etcdctl('lease', 'list')).toContain('found 0 leases')
    })

    it('writes go-garden keys when it is told to', async () => {
      await world.begin()
      const { key } = await world.pair({ dialect: 'go-garden' })
      expect(key).toMatch(/^goms_user_127\.0\.0\.1:\d+:\d+$/)
      expect(world.opened[0]?.view.nodes('user')[0]).toMatchObject({
        id: 'id-1',
        dialect: 'go-garden',
        protocols: ['http', 'rpc'],
      })
    })

    it('sees a node that vanished without a word within TTL + 1 s', async () => {
      await world.begin()
      const { watcher } = await world.pair()
      // What a killed process leaves: a lease that nobody keeps alive.
      const lease = (await world.etcd.etcdctl('lease', 'grant', '2')).split(' ')[1] as string
      await world.etcd.etcdctl('put', `--lease=${lease}`, 'goms_user_10.0.0.1:1_10.0.0.1:2', '{"id":"dead"}')
      await until('join', () => watcher.view.nodes('user').length === 2)
      const tookMs = await until('leave', () => watcher.view.nodes('user').length === 1, TTL_MS + 2000)
      expect(tookMs).toBeLessThan(TTL_MS + 1000)
    })

    it('is there again within 3 s after etcd was killed and restarted, and shows no change meanwhile', async () => {
      await world.begin()
      const { watcher, key, changes } = await world.pair()
      await world.etcd.member.kill()
      await wait(4000)
      expect(watcher.status().connected).toBe(false)
      expect(watcher.view.nodes('user')).toHaveLength(1)
      await world.etcd.member.start()
      const back = performance.now()
      await until('connected', () => watcher.status().connected, 3000)
      await world.untilThere(key, Math.max(500, 3000 - (performance.now() - back)))
      // The lease of before lives on: etcd extends leases over a restart.
      await wait(TTL_MS + 1000)
      expect(changes).toEqual([])
      expect(await world.keysThere()).toBe(key)
      const warnings = world.lines.filter((line) => line.includes('away for'))
      expect(warnings.length).toBeGreaterThanOrEqual(1)
      // Two registries write to this log, each at most one line in 10 s.
      expect(warnings.length).toBeLessThanOrEqual(2)
    })

    it('shows no change when etcd sleeps longer than a lease', async () => {
      await world.begin()
      const { watcher, key, changes, least } = await world.pair()
      world.etcd.member.freeze()
      await wait(TTL_MS * 3)
      expect(watcher.view.nodes('user')).toHaveLength(1)
      world.etcd.member.thaw()
      await until('connected', () => watcher.status().connected, 3000)
      await world.untilThere(key, 3000)
      await wait(2500)
      expect(await world.keysThere()).toBe(key)
      expect(changes).toEqual([])
      expect(least()).toBe(1)
    })

    it('lets go of a node that died while etcd slept, and at once of one that leaves', async () => {
      await world.begin()
      const { watcher } = await world.pair()
      const node = world.make()
      await node.start()
      const leaving = await node.register(registrationOf('user', 'leaving'))
      const dead = (await world.etcd.etcdctl('lease', 'grant', '2')).split(' ')[1] as string
      await world.etcd.etcdctl('put', `--lease=${dead}`, 'goms_user_10.0.0.1:1_10.0.0.1:2', '{"id":"dead"}')
      await until('all', () => watcher.view.nodes('user').length === 3)
      world.etcd.member.freeze()
      await wait(TTL_MS * 2)
      world.etcd.member.thaw()
      const thawed = performance.now()
      await until('connected', () => watcher.status().connected, 3000)
      await wait(300)
      await leaving.close()
      await until('the one that leaves', () => !watcher.view.nodes('user').some(({ id }) => id === 'leaving'), 200)
      await until('the dead one', () => watcher.view.nodes('user').length === 1, 4000)
      expect(performance.now() - thawed).toBeLessThan(4000)
      expect(watcher.view.nodes('user')[0]?.id).toBe('id-1')
    })

    it('registers again within 5 s in an etcd that came back empty, and never shows an empty set', async () => {
      await world.begin()
      const { watcher, key, changes, least } = await world.pair()
      await world.etcd.member.kill()
      world.etcd.member.wipe()
      await world.etcd.member.start()
      await world.untilThere(key, 5000)
      await wait(1000)
      expect(watcher.view.nodes('user')).toHaveLength(1)
      expect(least()).toBe(1)
      expect(changes).toEqual([])
    })

    it('notices an empty etcd that others have written past our revision, and holds what is missing for a while', async () => {
      await world.begin()
      const cut = await startCut(world.etcd.member.endpoint)
      const { watcher, key, changes, least } = await world.pair({ endpoints: [cut.endpoint] })
      await world.etcd.etcdctl('put', 'goms_user_10.0.0.1:1_10.0.0.1:2', '0')
      await until('join', () => watcher.view.nodes('user').length === 2)
      changes.length = 0
      const before = watcher.status().revision
      cut.cut()
      await world.etcd.member.kill()
      world.etcd.member.wipe()
      await world.etcd.member.start()
      for (let n = 0n; n < before; n++) await world.etcd.etcdctl('put', 'other', String(n))
      cut.mend()
      await world.untilThere(key, 5000)
      await until('seen', () => watcher.status().revision > before, 2000)
      expect(watcher.view.nodes('user')).toHaveLength(2)
      const tookMs = await until('the missing one goes', () => watcher.view.nodes('user').length === 1, 8000)
      expect(tookMs).toBeGreaterThan(1000)
      expect(changes).toEqual([expect.stringMatching(/^leave 10\.0\.0\.1/)])
      expect(least()).toBe(1)
      await cut.close()
    })

    it('misses nothing when history was compacted while it was away', async () => {
      await world.begin()
      const cut = await startCut(world.etcd.member.endpoint)
      const { watcher, changes } = await world.pair({ endpoints: [cut.endpoint] })
      await world.etcd.etcdctl('put', 'goms_user_10.0.0.1:1_10.0.0.1:2', '0')
      await until('join', () => watcher.view.nodes('user').length === 2)
      cut.cut()
      await world.etcd.etcdctl('put', 'goms_user_10.0.0.2:1_10.0.0.2:2', '0')
      await world.etcd.etcdctl('del', 'goms_user_10.0.0.1:1_10.0.0.1:2')
      await world.etcd.etcdctl('put', 'other', '1')
      const { revision } = JSON.parse(await world.etcd.etcdctl('get', 'other', '-w', 'json')).header
      await world.etcd.etcdctl('compact', String(revision))
      cut.mend()
      await until('what it missed', () => watcher.view.nodes('user').some(({ id }) => id.startsWith('10.0.0.2')), 3000)
      await until('who left meanwhile', () => watcher.view.nodes('user').length === 2, 3000)
      await world.etcd.etcdctl('put', 'goms_user_10.0.0.3:1_10.0.0.3:2', '0')
      await until('a fresh one', () => watcher.view.nodes('user').length === 3, 1000)
      expect(changes.map((change) => change.slice(0, 14))).toEqual(
        expect.arrayContaining(['join 10.0.0.2:', 'leave 10.0.0.1', 'join 10.0.0.3:']),
      )
      expect(changes).toHaveLength(4)
      await cut.close()
    })

    it('names addresses, tries, time and ways out when no etcd answers', async () => {
      await world.begin()
      await world.etcd.member.kill()
      const began = performance.now()
      const error = await world
        .make({ connectTimeoutMs: 1000 })
        .start()
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        )
      expect(performance.now() - began).toBeLessThan(4500)
      expect(error).toMatchObject({
        code: 'GOMS_REGISTRY_UNAVAILABLE',
        message: expect.stringMatching(
          new RegExp(`${world.etcd.endpoints[0]} \\(tried \\d+ times in [\\d.]+ s; .*ECONNREFUSED`),
        ),
        detail: { fix: [expect.stringContaining('etcd_addr'), expect.stringContaining('embedded')] },
      })
    })

    it('closes in about a second while etcd is away', async () => {
      await world.begin()
      await world.pair()
      await world.etcd.member.kill()
      const began = performance.now()
      await world.opened[1]?.close()
      expect(performance.now() - began).toBeLessThan(1500)
    })
  },
)
