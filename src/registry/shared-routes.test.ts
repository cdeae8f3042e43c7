import { afterEach, describe, expect, it } from 'vitest'
import { type ManualClock, manualClock } from '../core/clock.ts'
import { GomsError } from '../core/errors.ts'
import type { Kv } from './kv.ts'
import { createMemoryKv } from './memory-kv.ts'
import { keptLog } from './registry.suite.ts'
import type { Registry, RoutesDocument } from './registry.ts'
import { createRegistryOver } from './registry-over-kv.ts'
import { parseRoutes, toRoutesText } from './routes-value.ts'
import { createStore } from './store.ts'

const ROUTES = '/goms/v1/goms/routes'
const document = (number: number, more: Partial<RoutesDocument> = {}): RoutesDocument => ({
  ...{ format: 1, number, line: 'l1', at: '2026-11-26T10:00:00.000Z', by: 'bob@laptop', set: { timeout: number } },
  ...more,
})

/** Lets everything that waits for nothing but promises come to rest. */
async function settle(): Promise<void> {
  for (let n = 0; n < 200; n++) await Promise.resolve()
}

describe('a registry that started over', () => {
  const opened: Registry[] = []
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((registry) => registry.close()))
  })

  /** Watches that are silent, so that a process learns of anything only when it compares. */
  async function begin() {
    const clock = manualClock()
    const kv = createMemoryKv(createStore({ clock }))
    const open = async (change: Partial<Kv> = {}): Promise<Registry> => {
      const log = keptLog()
      const registry = createRegistryOver(
        { ...kv, watch: () => ({ progress() {}, close() {} }), ...change },
        {
          ...{ kind: 'memory', project: 'goms', dialect: 'goms', leaseTtlMs: 3000, connectTimeoutMs: 1000 },
          ...{ clock, log, random: () => 0.5 },
        },
      )
      opened.push(registry)
      await registry.start()
      return registry
    }
    /** What is left of it when it comes back: nothing, or what somebody else has written already. */
    const startOver = async (held?: RoutesDocument): Promise<void> => {
      await kv.delete(ROUTES)
      await kv.put('/goms/v1/goms/epoch', `another ${Math.random()}`)
      if (held) await kv.put(ROUTES, toRoutesText(held))
    }
    return { clock, kv, open, startOver }
  }

  async function compare(clock: ManualClock): Promise<void> {
    for (let passed = 0; passed < 12_000; passed += 500) {
      clock.advance(500)
      await settle()
    }
  }

  const held = async (kv: Kv): Promise<number | undefined> => {
    const value = (await kv.range(ROUTES)).kvs[0]?.value
    return value === undefined ? undefined : parseRoutes(value)?.number
  }

  it('gets back what it held, history and all that is known of it', async () => {
    const { clock, kv, open, startOver } = await begin()
    await kv.put(ROUTES, toRoutesText(document(7)))
    const a = await open()
    await startOver()
    await compare(clock)
    expect(await held(kv)).toBe(7)
    expect(a.routes.current?.number).toBe(7)
    expect((await a.routes.read()).history.map(({ number }) => number)).toEqual([7])
    expect(await a.routes.write(await a.routes.read(), { by: 'bob' })).toMatchObject({ number: 8, line: 'l1' })
  })

  it('ends with the latest, whoever comes first', async () => {
    const { clock, kv, open, startOver } = await begin()
    await kv.put(ROUTES, toRoutesText(document(6)))
    const behind = await open()
    await kv.put(ROUTES, toRoutesText(document(7)))
    const ahead = await open()
    expect([behind, ahead].map(({ routes }) => routes.current?.number)).toEqual([6, 7])
    await startOver()
    await compare(clock)
    await compare(clock)
    expect([behind, ahead].map(({ routes }) => routes.current?.number)).toEqual([7, 7])
    await startOver(document(6))
    await compare(clock)
    await compare(clock)
    expect(await held(kv)).toBe(7)
  })

  it('keeps what was written into it meanwhile, whatever its number', async () => {
    const { clock, kv, open, startOver } = await begin()
    await kv.put(ROUTES, toRoutesText(document(7)))
    const a = await open()
    await startOver(document(1, { line: 'l2' }))
    await compare(clock)
    expect(await held(kv)).toBe(1)
    expect(a.routes.current).toMatchObject({ number: 1, line: 'l2' })
  })

  it('is asked again until it answers', async () => {
    const { clock, kv, open, startOver } = await begin()
    await kv.put(ROUTES, toRoutesText(document(7)))
    let away = true
    const range: Kv['range'] = (key, options) =>
      away && key === ROUTES ? Promise.reject(new GomsError('UNAVAILABLE', 'away')) : kv.range(key, options)
    const a = await open({ range })
    await startOver()
    await compare(clock)
    expect([await held(kv), a.routes.current?.number]).toEqual([undefined, 7])
    away = false
    await compare(clock)
    expect(await held(kv)).toBe(7)
  })

  it('does not take a listing that is late for a deletion', async () => {
    const { clock, kv, open } = await begin()
    await kv.put(ROUTES, toRoutesText(document(7)))
    let late = false
    const txn: Kv['txn'] = async (...args) => {
      const result = await kv.txn(...args)
      return late ? { ...result, ranges: result.ranges.map((kvs) => kvs.filter(({ key }) => key !== ROUTES)) } : result
    }
    const a = await open({ txn })
    late = true
    await compare(clock)
    expect(a.routes.current?.number).toBe(7)
  })
})

describe('a value', () => {
  it('is read as it was written', () => {
    expect(parseRoutes(toRoutesText(document(3, { message: '登录改道' })))).toEqual(
      document(3, { message: '登录改道' }),
    )
    const { set: _, ...withdrawn } = document(4)
    expect(parseRoutes(toRoutesText(withdrawn))?.set).toBeUndefined()
    // Of a newer version the frame is known, and its set is nobody's here.
    expect(parseRoutes(toRoutesText(document(5, { format: 2, set: { anything: [] } })))?.format).toBe(2)
  })

  it.each([
    ['a number of 0', { number: 0 }],
    ['a number with a fraction', { number: 1.5 }],
    ['no line', { line: '' }],
    ['a time of its own', { at: 'yesterday' }],
    ['an author who commands terminals', { by: 'bob\u001b[2J' }],
    ['a message over two lines', { message: 'a\nb' }],
    ['a message of a novel', { message: 'x'.repeat(501) }],
    ['a list for a set', { set: [] as unknown as Record<string, unknown> }],
  ])('with %s is none', (_, wrong) => {
    expect(parseRoutes(JSON.stringify(document(1, wrong)))).toBeUndefined()
  })
})
