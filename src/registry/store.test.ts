/** The store keeps etcd's promises: revisions, leases, all-or-nothing writes, a bounded history. */
import { describe, expect, it } from 'vitest'
import { type ManualClock, manualClock } from '../core/clock.ts'
import { createStore, type Store } from './store.ts'
import { answerRange, answerTxn } from './store-api.ts'

const START = 1000n

function setup(history?: { maxEvents?: number; maxBytes?: number }): { store: Store; clock: ManualClock } {
  const clock = manualClock()
  return { clock, store: createStore({ clock, startRevision: START, history }) }
}

const put = (store: Store, key: string, value = '', lease = 0n): void =>
  void store.write((write) => write.put(key, value, { lease }))
const remove = (store: Store, key: string, end?: string): number =>
  store.write((write) => write.delete(key, end)).length
const keys = (store: Store, key: string, end?: string): string[] => store.range(key, end).map((kv) => kv.key)

describe('revisions', () => {
  it('rise by one with each write, and tell creation from change', () => {
    const { store } = setup()
    put(store, 'a', '1')
    put(store, 'a', '2')
    expect(store.range('a')).toEqual([
      { key: 'a', value: '2', createRevision: START + 1n, modRevision: START + 2n, version: 2n, lease: 0n },
    ])
    expect(store.revision).toBe(START + 2n)
  })

  it('stay when a delete finds nothing', () => {
    const { store } = setup()
    expect(remove(store, 'a')).toBe(0)
    expect(store.revision).toBe(START)
  })

  it('of a later incarnation begin above those of an earlier one', () => {
    const clock = manualClock()
    const first = createStore({ clock })
    for (let n = 0; n < 500; n++) put(first, 'a')
    clock.advance(2)
    expect(createStore({ clock }).startRevision).toBeGreaterThan(first.revision)
  })

  it('let a past picture be read, until it is compacted', () => {
    const { store } = setup({ maxEvents: 3 })
    put(store, 'a', '1')
    put(store, 'b', '1')
    put(store, 'a', '2')
    remove(store, 'b')
    expect(store.range('a', 'c', START + 2n).map((kv) => kv.key + kv.value)).toEqual(['a1', 'b1'])
    expect(() => store.range('a', 'c', START + 1n)).toThrow('compacted')
    expect(() => store.range('a', 'c', START + 9n)).toThrow('future')
  })
})

describe('ranges', () => {
  it('are sorted, end before their end, and know the two special ends', () => {
    const { store } = setup()
    for (const key of ['b', 'c', 'a', 'ab']) put(store, key)
    expect(keys(store, 'a', 'b')).toEqual(['a', 'ab'])
    expect(keys(store, 'b', '\0')).toEqual(['b', 'c'])
    expect(keys(store, '\0', '\0')).toEqual(['a', 'ab', 'b', 'c'])
    remove(store, 'a', 'b')
    expect(keys(store, '\0', '\0')).toEqual(['b', 'c'])
  })

  it('are limited, sorted, counted and stripped as asked', () => {
    const { store } = setup()
    put(store, 'a', '3')
    put(store, 'b', '1')
    put(store, 'c', '2')
    const all = { key: 'a', rangeEnd: 'z' }
    const limited = answerRange(store, { ...all, limit: 2n, sortOrder: 2 })
    expect(limited).toMatchObject({ more: true, count: 3n, kvs: [{ key: 'c' }, { key: 'b' }] })
    expect(answerRange(store, { ...all, sortTarget: 4, sortOrder: 1 }).kvs.map((kv) => kv.key)).toEqual(['b', 'c', 'a'])
    expect(answerRange(store, { ...all, countOnly: true })).toEqual({ kvs: [], more: false, count: 3n })
    expect(answerRange(store, { ...all, keysOnly: true }).kvs.every((kv) => kv.value === '')).toBe(true)
  })
})

describe('transactions', () => {
  const absent = { key: 'a', target: 1, createRevision: 0n }

  it('write everything under one revision, and see their own writes', () => {
    const { store } = setup()
    const answer = answerTxn(store, {
      compare: [absent],
      success: [{ put: { key: 'a', value: '1' } }, { put: { key: 'b' } }, { range: { key: 'a', rangeEnd: 'z' } }],
    })
    expect(answer.succeeded).toBe(true)
    expect(answer.responses[2]?.range?.kvs?.map((kv) => kv.modRevision)).toEqual([START + 1n, START + 1n])
    expect(store.revision).toBe(START + 1n)
  })

  it('take the other branch when one comparison fails', () => {
    const { store } = setup()
    put(store, 'a', '1')
    const answer = answerTxn(store, {
      compare: [absent],
      success: [{ put: { key: 'a' } }],
      failure: [{ range: { key: 'a' } }],
    })
    expect(answer.succeeded).toBe(false)
    expect(answer.responses[0]?.range?.kvs?.[0]?.value).toBe('1')
    expect(store.revision).toBe(START + 1n)
  })

  it('leave no trace when one operation is refused', () => {
    const { store } = setup()
    put(store, 'a', 'old')
    const success = [
      { put: { key: 'a', value: 'new' } },
      { deleteRange: { key: 'a' } },
      { put: { key: 'b', lease: 7n } },
    ]
    expect(() => answerTxn(store, { success })).toThrow('lease not found')
    expect(store.range('a', 'z')).toMatchObject([{ key: 'a', value: 'old', version: 1n }])
    expect(store.revision).toBe(START + 1n)
    expect(store.since(START, 'a', 'z')).toHaveLength(1)
  })

  it('compare value, version, lease and absence as etcd does', () => {
    const { store } = setup()
    put(store, 'a', 'm')
    const ok = (compare: object): boolean => answerTxn(store, { compare: [{ key: 'a', ...compare }] }).succeeded
    expect(ok({ target: 3, value: 'm' })).toBe(true)
    expect(ok({ target: 3, value: 'l', result: 1 })).toBe(true)
    expect(ok({ target: 3, value: 'n', result: 2 })).toBe(true)
    expect(ok({ target: 3, value: 'm', result: 3 })).toBe(false)
    expect(ok({ target: 0, version: 1n })).toBe(true)
    expect(ok({ target: 4, lease: 1n })).toBe(false)
    expect(ok({ key: 'none', target: 3, value: '', result: 0 })).toBe(false)
    expect(ok({ key: 'none', target: 0, version: 0n })).toBe(true)
  })

  it('are refused with a key put twice or too many operations', () => {
    const { store } = setup()
    const twice = { put: { key: 'a' } }
    expect(() => answerTxn(store, { success: [twice, twice] })).toThrow('duplicate key')
    const many = Array.from({ length: 129 }, (_, n) => ({ put: { key: `k${n}` } }))
    expect(() => answerTxn(store, { success: many })).toThrow('too many operations')
  })
})

describe('leases', () => {
  it('take their keys with them when nobody renews them', () => {
    const { store, clock } = setup()
    const lease = store.leases.grant(2)
    put(store, 'a', '', lease.id)
    put(store, 'b', '', lease.id)
    clock.advance(1500)
    expect(store.leases.keepAlive(lease.id)).toBe(2)
    clock.advance(1900)
    expect(keys(store, 'a', 'z')).toEqual(['a', 'b'])
    clock.advance(200)
    expect(keys(store, 'a', 'z')).toEqual([])
    expect(store.leases.keepAlive(lease.id)).toBe(0)
    const gone = store.since(START + 3n, 'a', 'z')
    expect(gone.map((event) => [event.type, event.kv.key, event.kv.modRevision])).toEqual([
      ['delete', 'a', START + 3n],
      ['delete', 'b', START + 3n],
    ])
  })

  it('let go of a key that moved to another lease or lost its own', () => {
    const { store } = setup()
    const [one, two] = [store.leases.grant(5), store.leases.grant(5)]
    put(store, 'a', '', one.id)
    put(store, 'a', '', two.id)
    put(store, 'b', '', one.id)
    put(store, 'b')
    store.revoke(one.id)
    expect(keys(store, 'a', 'z')).toEqual(['a', 'b'])
    store.revoke(two.id)
    expect(keys(store, 'a', 'z')).toEqual(['b'])
    expect(() => store.revoke(two.id)).toThrow('lease not found')
  })

  it('are extended by the time in which the store itself stood still', () => {
    const clock = manualClock()
    let stoodMs = 0
    const store = createStore({ clock: { ...clock, now: () => clock.now() + stoodMs }, startRevision: START })
    const lease = store.leases.grant(2)
    put(store, 'a', '', lease.id)
    clock.advance(1000)
    stoodMs = 10_000
    clock.advance(900)
    expect(keys(store, 'a')).toEqual(['a'])
    clock.advance(300)
    expect(keys(store, 'a')).toEqual([])
  })

  it('can be named by the client, once', () => {
    const { store } = setup()
    expect(store.leases.grant(5, 42n).id).toBe(42n)
    expect(() => store.leases.grant(5, 42n)).toThrow('lease already exists')
    expect(() => store.leases.grant(1e10)).toThrow('too large lease TTL')
  })
})

describe('bounds', () => {
  it('of the history cut whole revisions and say from where it can be read', () => {
    const { store } = setup({ maxEvents: 3 })
    store.write((write) => {
      write.put('a', '')
      write.put('b', '')
    })
    put(store, 'c')
    expect(store.compactRevision).toBe(START)
    put(store, 'd')
    expect(store.compactRevision).toBe(START + 2n)
    expect(store.since(START + 2n, '\0', '\0').map((event) => event.kv.key)).toEqual(['c', 'd'])
  })

  it('of the history hold for bytes too, without losing track over many writes', () => {
    const { store } = setup({ maxBytes: 5000 })
    for (let n = 0; n < 5000; n++) put(store, 'a', 'x'.repeat(100))
    const events = store.since(store.compactRevision, 'a', '')
    expect(events.length).toBeGreaterThan(5)
    expect(events.length).toBeLessThan(50)
    expect(events.at(-1)?.kv.modRevision).toBe(store.revision)
    expect(events[0]?.kv.modRevision).toBe(store.compactRevision)
  })

  it('of the whole store refuse a write and give room back after a delete', () => {
    const store = createStore({ clock: manualClock(), maxBytes: 100 })
    put(store, 'a', 'x'.repeat(90))
    expect(() => put(store, 'b', 'x'.repeat(90))).toThrow('database space exceeded')
    remove(store, 'a')
    put(store, 'b', 'x'.repeat(90))
    expect(store.sizeBytes).toBe(91)
  })
})
