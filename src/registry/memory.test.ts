/** The registry in memory keeps every registry's promises, and is shared by project name. */
import { afterEach, describe, expect, it } from 'vitest'
import { manualClock, systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { RegistryOptions } from '../core/options.ts'
import type { WatchEvent } from './kv.ts'
import { createMemoryRegistry } from './memory.ts'
import { createMemoryKv } from './memory-kv.ts'
import { registrationOf, registrySuite } from './registry.suite.ts'
import type { Registry } from './registry.ts'
import { createStore } from './store.ts'

function optionsOf(leaseTtlMs: number): RegistryOptions {
  const none = { endpoints: [], user: undefined, password: undefined, tls: undefined }
  return { kind: 'memory', ...none, embeddedPort: 0, dialect: 'goms', leaseTtlMs, connectTimeoutMs: 1000 }
}

registrySuite('memory', async () => {
  const store = createStore({ clock: systemClock })
  return {
    kv: createMemoryKv(store),
    open: ({ project, leaseTtlMs, log }) =>
      createMemoryRegistry(optionsOf(leaseTtlMs), { project, clock: systemClock, log, store }),
    async close() {
      store.close()
    },
  }
})

describe('registries in memory', () => {
  const opened: Registry[] = []
  afterEach(() => Promise.all(opened.splice(0).map((registry) => registry.close())))
  const open = async (project: string): Promise<Registry> => {
    const registry = createMemoryRegistry(optionsOf(2000), { project, clock: systemClock, log: silentLog })
    opened.push(registry)
    await registry.start()
    return registry
  }

  it('of one project share a store, those of another see nothing of it', async () => {
    const [a, b, other] = [await open('one'), await open('one'), await open('two')]
    await a.register(registrationOf('user', 'id-1'))
    await new Promise(setImmediate)
    expect(b.view.nodes('user').map((node) => node.id)).toEqual(['id-1'])
    expect(other.view.nodes('user')).toEqual([])
    expect(await a.sharedKey()).toBe(await b.sharedKey())
    expect(await other.sharedKey()).not.toBe(await a.sharedKey())
  })

  it('forget everything with the last of a project', async () => {
    const first = await open('one')
    const key = await first.sharedKey()
    await Promise.all([first.close(), first.close()])
    expect(await (await open('one')).sharedKey()).not.toBe(key)
  })
})

describe('a watch in memory', () => {
  function setup() {
    const store = createStore({ clock: manualClock(), history: { maxEvents: 3 } })
    const kv = createMemoryKv(store)
    const seen: string[] = []
    const watch = (from: bigint) =>
      kv.watch('a/', from, {
        events: (events: readonly WatchEvent[]) => seen.push(events.map((e) => e.type + e.kv.key).join() || 'notice'),
        compacted: (revision) => seen.push(`compacted ${revision - store.startRevision}`),
        closed: () => seen.push('closed'),
      })
    return { store, kv, seen, watch }
  }
  const turn = (): Promise<void> => new Promise(setImmediate)

  it('brings the past from its revision on, then what happens, and only of its prefix', async () => {
    const { kv, seen, watch } = setup()
    const { revision } = await kv.put('a/1', '')
    await kv.put('b/1', '')
    const one = watch(revision)
    await turn()
    await kv.delete('a/1')
    await turn()
    one.progress()
    await turn()
    one.close()
    await kv.put('a/2', '')
    await turn()
    expect(seen).toEqual(['puta/1', 'deletea/1', 'notice'])
  })

  it('is over when its revision is compacted', async () => {
    const { store, kv, seen, watch } = setup()
    for (let n = 0; n < 5; n++) await kv.put(`a/${n}`, '')
    watch(store.startRevision + 1n)
    await turn()
    await kv.put('a/9', '')
    await turn()
    expect(seen).toEqual(['compacted 3'])
  })
})
