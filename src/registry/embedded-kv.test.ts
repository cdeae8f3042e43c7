/** Whoever uses the switching store goes on over a change of the store beneath, and learns that it happened. */
import { describe, expect, it } from 'vitest'
import { type ManualClock, manualClock } from '../core/clock.ts'
import { createSwitchingKv } from './embedded-kv.ts'
import type { Kv } from './kv.ts'
import { createMemoryKv } from './memory-kv.ts'
import { createStore } from './store.ts'

const clock: ManualClock = manualClock()
const fresh = (): Kv => createMemoryKv(createStore({ clock }))
const turn = (): Promise<void> => new Promise(setImmediate)

describe('a switching store', () => {
  it('ends the watches of the store before, once, and counts the next one as a reconnect', async () => {
    const kv = createSwitchingKv(clock)
    const seen: string[] = []
    kv.onReconnect(() => seen.push('reconnect'))
    kv.use(fresh())
    const watch = (): unknown =>
      kv.watch('a', 0n, { events() {}, compacted: () => seen.push('compacted'), closed: () => seen.push('closed') })
    const { revision } = await kv.put('a', '')
    kv.watch('a', revision, { events: () => seen.push('event'), compacted() {}, closed: () => seen.push('closed') })
    await turn()
    kv.use(undefined)
    kv.use(fresh())
    await turn()
    expect(seen).toEqual(['reconnect', 'event', 'closed', 'reconnect'])
    watch()
    await turn()
    kv.use(undefined)
    expect(seen.slice(4)).toEqual(['compacted'])
  })

  it('lets calls wait for the next store, and fail when there is none for too long', async () => {
    const kv = createSwitchingKv(clock)
    const early = kv.put('a', '1')
    kv.use(fresh())
    await early
    expect((await kv.range('a')).kvs).toHaveLength(1)
    kv.use(undefined)
    const late = kv.range('a')
    clock.advance(1500)
    await expect(late).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    const atClose = kv.range('a')
    await kv.close()
    await expect(atClose).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('tells a watch that is asked for without a store that it is over', async () => {
    const kv = createSwitchingKv(clock)
    const cause = await new Promise((resolve) => kv.watch('a', 0n, { events() {}, compacted() {}, closed: resolve }))
    expect(cause).toMatchObject({ code: 'UNAVAILABLE' })
  })
})
