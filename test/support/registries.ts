/** Registries on a real etcd of one test: opened in pairs, watched, and closed afterwards. */
import { afterEach } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import type { RegistryOptions } from '../../src/core/options.ts'
import { createEtcdRegistry } from '../../src/registry/etcd.ts'
import { keptLog, registrationOf, until } from '../../src/registry/registry.suite.ts'
import type { Registry } from '../../src/registry/registry.ts'
import { type EtcdCluster, type EtcdOptions, startEtcd } from './etcd.ts'

export interface Pair {
  readonly watcher: Registry
  /** Of the one `user` node, id `id-1`. */
  readonly key: string
  /** What the watcher saw since both were up, `join id-1`. */
  readonly changes: string[]
  /** The fewest nodes of `user` that the view has shown since. */
  least(): number
}

export interface Registries {
  readonly etcd: EtcdCluster
  readonly opened: readonly Registry[]
  readonly lines: readonly string[]
  begin(options?: EtcdOptions): Promise<void>
  /** A registry that is not started yet. */
  make(more?: Partial<RegistryOptions>): Registry
  pair(more?: Partial<RegistryOptions>): Promise<Pair>
  /** Node keys as `etcdctl` lists them, one a line. */
  keysThere(): Promise<string>
  /** Waits until that key is the only one there. Returns after how many milliseconds. */
  untilThere(key: string, withinMs: number): Promise<number>
}

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Call it in a `describe`; everything is closed after each test. */
export function useRegistries(leaseTtlMs: number): Registries {
  let etcd: EtcdCluster | undefined
  let opened: Registry[] = []
  let log = keptLog()

  afterEach(async () => {
    await Promise.all(opened.map((registry) => registry.close()))
    opened = []
    await etcd?.close()
    etcd = undefined
  })

  const self: Registries = {
    get etcd() {
      return etcd as EtcdCluster
    },
    get opened() {
      return opened
    },
    get lines() {
      return log.lines
    },
    async begin(options = {}) {
      etcd = await startEtcd(options)
      log = keptLog()
    },
    make(more = {}) {
      const registry = createEtcdRegistry(
        {
          kind: 'etcd',
          endpoints: self.etcd.endpoints,
          user: undefined,
          password: undefined,
          tls: self.etcd.tls,
          embeddedPort: 0,
          dialect: 'goms',
          leaseTtlMs,
          connectTimeoutMs: 3000,
          ...more,
        },
        { project: 'goms', clock: systemClock, log },
      )
      opened.push(registry)
      return registry
    },
    async pair(more) {
      const [watcher, node] = [self.make(more), self.make(more)]
      await Promise.all([watcher.start(), node.start()])
      const { key } = await node.register(registrationOf('user', 'id-1'))
      await until('join', () => watcher.view.nodes('user').length === 1)
      const changes: string[] = []
      let least = 1
      watcher.view.subscribe(({ type, node: { id } }) => {
        changes.push(`${type} ${id}`)
        least = Math.min(least, watcher.view.nodes('user').length)
      })
      return { watcher, key, changes, least: () => least }
    },
    keysThere: async () => (await self.etcd.etcdctl('get', '--prefix', '--keys-only', 'goms_')).trim(),
    async untilThere(key, withinMs) {
      const began = performance.now()
      for (;;) {
        const keys = await self.keysThere().catch(() => '')
        if (keys === key) return performance.now() - began
        if (performance.now() - began > withinMs) throw new Error(`${key} was not there within ${withinMs} ms: ${keys}`)
        await wait(50)
      }
    },
  }
  return self
}
