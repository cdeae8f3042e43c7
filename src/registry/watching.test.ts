import { afterEach, describe, expect, it } from 'vitest'
import { type ManualClock, manualClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { KeyValue, Kv } from './kv.ts'
import { createMemoryKv } from './memory-kv.ts'
import { keptLog, registrationOf } from './registry.suite.ts'
import type { Registration, Registry } from './registry.ts'
import { createRegistryOver } from './registry-over-kv.ts'
import { createStore } from './store.ts'

const A = 'goms_user_10.0.0.1:1_10.0.0.1:2'
const B = 'goms_user_10.0.0.2:1_10.0.0.2:2'

/** Lets everything that waits for nothing but promises come to rest. */
async function settle(): Promise<void> {
  for (let n = 0; n < 50; n++) await Promise.resolve()
}

async function advance(clock: ManualClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(50)
    await settle()
  }
}

describe('watching a registry', () => {
  /** How to end the watches that were opened. */
  const ends: (() => void)[] = []
  const opened: Registry[] = []
  afterEach(async () => {
    await Promise.all(opened.map((registry) => registry.close()))
    opened.length = 0
  })

  async function begin(change: (kv: Kv) => Partial<Kv> = () => ({})) {
    const clock = manualClock()
    const store = createStore({ clock })
    const kv = createMemoryKv(store)
    const log = keptLog()
    const registry = createRegistryOver(
      { ...kv, ...change(kv) },
      {
        kind: 'memory',
        project: 'goms',
        dialect: 'goms',
        leaseTtlMs: 3000,
        connectTimeoutMs: 1000,
        clock,
        log,
        random: () => 0.5,
      },
    )
    opened.push(registry)
    const changes: string[] = []
    registry.view.subscribe(({ type, node }) => changes.push(`${type} ${node.id}`))
    await registry.start()
    return { clock, kv, log, registry, changes }
  }

  const silentWatch = () => ({ watch: () => ({ progress() {}, close() {} }) })

  it('finds what a silent watch kept back, joins and leaves, when it compares', async () => {
    const { clock, kv, changes } = await begin(silentWatch)
    await kv.put(A, '{"id":"a"}')
    await settle()
    expect(changes).toEqual([])
    await advance(clock, 12_000)
    expect(changes).toEqual(['join a'])
    await kv.delete(A)
    await kv.put(B, '{"id":"b"}')
    await advance(clock, 12_000)
    expect(changes).toEqual(['join a', 'join b', 'leave a'])
  })

  it('registers again when another epoch shows that the registry started over', async () => {
    const { clock, kv, registry, changes } = await begin(silentWatch)
    const registered = await registry.register(registrationOf('user', 'mine'))
    await kv.put(A, '{"id":"a"}')
    await advance(clock, 12_000)
    changes.length = 0
    await kv.delete(registered.key)
    await kv.delete(A)
    await kv.put('/goms/v1/goms/epoch', 'another')
    await advance(clock, 12_000)
    // Ours is back, the other one stays for its lease and a second more, then goes.
    expect((await kv.range(registered.key)).kvs).toHaveLength(1)
    expect(registry.view.nodes('user').some((node) => node.id === 'mine')).toBe(true)
    await advance(clock, 7000)
    expect(changes).toEqual(['leave a'])
  })

  it('says once in 10 s that the registry is away, goes on with what it knows, and says when it is back', async () => {
    let away = false
    let tries = 0
    const { clock, kv, log, registry } = await begin((inner) => ({
      txn: (...all) => {
        if (!away) return inner.txn(...all)
        tries++
        return Promise.reject(new GomsError('UNAVAILABLE', 'gone'))
      },
      watch: (prefix, from, handler) => {
        const watch = inner.watch(prefix, from, handler)
        ends.push(() => handler.closed(new GomsError('UNAVAILABLE', 'cut')))
        return watch
      },
    }))
    await kv.put(A, '{"id":"a"}')
    await settle()
    away = true
    for (const end of ends.splice(0)) end()
    await advance(clock, 25_000)
    expect(tries).toBeGreaterThan(20)
    expect(tries).toBeLessThan(80)
    expect(registry.status().connected).toBe(false)
    expect(registry.status().ageMs).toBeGreaterThan(24_000)
    expect(registry.view.nodes('user')).toHaveLength(1)
    expect(log.lines.filter((line) => line.startsWith('warn registry: away for'))).toHaveLength(3)
    away = false
    await advance(clock, 1200)
    expect(registry.status().connected).toBe(true)
    expect(log.lines.at(-1)).toMatch(/^info registry: back after 25/)
  })
  it('believes a registry that was away only after a while that nodes have gone', async () => {
    let away = false
    const { clock, kv, registry, changes } = await begin((inner) => ({
      txn: (...all) => (away ? Promise.reject(new GomsError('UNAVAILABLE', 'gone')) : inner.txn(...all)),
      watch: (prefix, from, handler) => {
        const watch = inner.watch(prefix, from, handler)
        ends.push(() => handler.closed(new GomsError('UNAVAILABLE', 'cut')))
        return watch
      },
    }))
    await kv.put(A, '{"id":"a"}')
    await kv.put(B, '{"id":"b"}')
    await settle()
    changes.length = 0
    away = true
    for (const end of ends.splice(0)) end()
    await advance(clock, 3000)
    await kv.delete(A)
    away = false
    await advance(clock, 1100)
    await kv.delete(B)
    await settle()
    expect(registry.view.nodes('user')).toHaveLength(2)
    await kv.put(A, '{"id":"a"}')
    await advance(clock, 2500)
    expect(changes).toEqual(['leave b'])
    await kv.delete(A)
    await settle()
    expect(changes).toEqual(['leave b', 'leave a'])
  })

  it('doubts a registry whose watch does not answer', async () => {
    let answers = true
    const { clock, kv, changes } = await begin((inner) => ({
      watch: (prefix, from, handler) => {
        const watch = inner.watch(prefix, from, handler)
        return { close: () => watch.close(), progress: () => answers && watch.progress() }
      },
    }))
    await kv.put(A, '{"id":"a"}')
    await advance(clock, 5000)
    answers = false
    await advance(clock, 5000)
    await kv.delete(A)
    await settle()
    expect(changes).toEqual(['join a'])
    answers = true
    await advance(clock, 2500)
    expect(changes).toEqual(['join a', 'leave a'])
  })

  it('does not list in a tight loop when watches end as soon as they begin', async () => {
    let lists = 0
    const { clock } = await begin((inner) => ({
      txn: (...all) => {
        lists++
        return inner.txn(...all)
      },
      watch: (_prefix, _from, handler) => {
        queueMicrotask(() => handler.closed(new GomsError('UNAUTHENTICATED', 'no')))
        return { progress() {}, close() {} }
      },
    }))
    lists = 0
    await advance(clock, 10_000)
    expect(lists).toBeGreaterThan(10)
    expect(lists).toBeLessThan(40)
  })
})

describe('staying registered', () => {
  async function begin(change: (kv: Kv) => Partial<Kv> = () => ({}), more: Partial<Registration> = {}) {
    const clock = manualClock()
    const kv = createMemoryKv(createStore({ clock }))
    const log = keptLog()
    const registry = createRegistryOver(
      { ...kv, ...change(kv) },
      {
        kind: 'memory',
        project: 'goms',
        dialect: 'goms',
        leaseTtlMs: 3000,
        connectTimeoutMs: 1000,
        clock,
        log,
        random: () => 0.5,
      },
    )
    await registry.start()
    const registered = await registry.register(registrationOf('user', 'mine', more))
    const held = async (): Promise<KeyValue | undefined> => (await kv.range(registered.key)).kvs[0]
    return { clock, kv, log, registry, registered, held }
  }

  it('keeps trying while keep-alives fail, and is back within a second after', async () => {
    let away = false
    const gone = () => Promise.reject(new GomsError('UNAVAILABLE', 'gone'))
    const { clock, registry, held } = await begin((inner) => ({
      keepAlive: (lease) => (away ? gone() : inner.keepAlive(lease)),
      grant: (ttl) => (away ? gone() : inner.grant(ttl)),
    }))
    const before = await held()
    away = true
    await advance(clock, 20_000)
    expect(await held()).toBeUndefined()
    away = false
    await advance(clock, 1100)
    expect((await held())?.value).toBe(before?.value)
    expect((await held())?.lease).not.toBe(before?.lease)
    await registry.close()
  })

  it('grants one lease however many reasons there are', async () => {
    let grants = 0
    const { clock, kv, registry, registered, held } = await begin((inner) => ({
      grant: (ttl) => {
        grants++
        return inner.grant(ttl)
      },
    }))
    grants = 0
    const lease = (await held())?.lease ?? 0n
    await kv.delete(registered.key)
    await kv.revoke(lease)
    await advance(clock, 5000)
    expect(await held()).toBeDefined()
    expect(grants).toBeLessThanOrEqual(2)
    await registry.close()
  })

  it('writes a state that could not be written later', async () => {
    let away = false
    const { clock, kv, registry, registered } = await begin((inner) => ({
      put: (...all) => (away ? Promise.reject(new GomsError('UNAVAILABLE', 'gone')) : inner.put(...all)),
    }))
    away = true
    const setting = registered.setState({ draining: true })
    await advance(clock, 1100)
    await setting
    away = false
    await advance(clock, 1100)
    expect((await kv.range(`/goms/v1/goms/state/${registered.key}`)).kvs[0]?.value).toBe(
      '{"id":"mine","draining":true}',
    )
    await registry.close()
    expect((await kv.range('/goms/v1/goms/state/', { prefix: true })).kvs).toEqual([])
  })

  it('leaves a key alone that somebody else has taken, and returns when it is free', async () => {
    const { clock, kv, log, registry, registered, held } = await begin()
    await kv.put(registered.key, '{"id":"other"}')
    await advance(clock, 30_000)
    expect((await held())?.value).toBe('{"id":"other"}')
    const said = log.lines.filter((line) => line.startsWith('error') && line.includes('id other, ours mine'))
    expect(said.length).toBeGreaterThanOrEqual(1)
    expect(said.length).toBeLessThanOrEqual(3)
    await kv.delete(registered.key)
    await advance(clock, 100)
    expect((await held())?.value).toContain('"mine"')
    await kv.put(registered.key, '{"id":"other"}')
    await registry.close()
    expect((await held())?.value).toBe('{"id":"other"}')
  })

  it('gives up a start against a key that changes all the time', async () => {
    const clock = manualClock()
    const kv = createMemoryKv(createStore({ clock }))
    const registration = registrationOf('user', 'mine')
    const registry = createRegistryOver(
      {
        ...kv,
        async txn(compare, success, failure) {
          const isTakeOver = compare.some((one) => one.key.startsWith('goms_user'))
          if (isTakeOver) await kv.put(compare[0]?.key ?? '', '{"id":"other"}')
          return kv.txn(compare, success, failure)
        },
      },
      {
        kind: 'memory',
        project: 'goms',
        dialect: 'goms',
        leaseTtlMs: 3000,
        connectTimeoutMs: 1000,
        clock,
        log: keptLog(),
      },
    )
    await registry.start()
    await expect(registry.register(registration)).rejects.toMatchObject({
      code: 'GOMS_ADDRESS_CONFLICT',
      detail: { found: expect.stringContaining('other') },
    })
    await registry.close()
  })
})
