import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { type BatchSenderOptions, createBatchSender, type SendOutcome } from './batch-sender.ts'

interface Sending {
  readonly items: readonly string[]
  readonly signal: AbortSignal
  answer(outcome: SendOutcome<string>): Promise<void>
  fail(error: Error): Promise<void>
}

/** What is ready runs: promises of a few steps each. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve()
}

function create(options: Partial<BatchSenderOptions<string>> = {}) {
  const clock = manualClock()
  const lines: string[] = []
  const log: Log = { debug() {}, info() {}, error() {}, warn: (line) => void lines.push(line) }
  const sendings: Sending[] = []
  const sender = createBatchSender<string>(
    {
      name: 'zipkin',
      sizeOf: (item) => item.length,
      send: (items, signal) =>
        new Promise((resolve, reject) => {
          sendings.push({
            items,
            signal,
            answer(outcome) {
              resolve(outcome)
              return settled()
            },
            fail(error) {
              reject(error)
              return settled()
            },
          })
        }),
      ...options,
    },
    { clock, log, random: () => 0.5 },
  )
  const at = (n: number): Sending => sendings[n] as Sending
  const take = (...items: string[]) => {
    for (const item of items) sender.take(item)
  }
  const advance = (ms: number) => {
    clock.advance(ms)
    return settled()
  }
  return { clock, lines, sendings, sender, at, take, advance }
}

const taken = { kind: 'taken' } as const
const again = { kind: 'again', reason: 'connect ECONNREFUSED' } as const

describe('batch sender', () => {
  it('sends what has come within the interval as one batch, off the path of who takes', async () => {
    const { sender, sendings, at, take, advance } = create()
    take('a', 'b')
    await advance(999)
    expect(sendings).toEqual([])
    take('c')
    await advance(1)
    expect(at(0).items).toEqual(['a', 'b', 'c'])
    expect(sender.numbers()).toEqual({ sent: 0, failed: 0, dropped: 0, queued: 3, queuedBytes: 3 })
    await at(0).answer(taken)
    expect(sender.numbers()).toEqual({ sent: 3, failed: 0, dropped: 0, queued: 0, queuedBytes: 0 })
    await advance(60_000)
    expect(sendings.length).toBe(1)
  })

  it.each([
    ['items', { batchItems: 3 }, ['a', 'b', 'c']],
    ['bytes', { batchBytes: 6 }, ['aa', 'bb', 'cc']],
  ])('does not wait for the interval when a batch is full of %s', async (_, options, items) => {
    const { sendings, at, take, advance } = create(options)
    take(...items)
    expect(sendings).toEqual([])
    await advance(0)
    expect(at(0).items).toEqual(items)
  })

  it('sends at most two at a time; what waits is one batch and not many small ones', async () => {
    const { sendings, at, take, advance } = create({ batchItems: 2 })
    take('a', 'b', 'c', 'd', 'e')
    await advance(0)
    expect(sendings.map((it) => it.items)).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ])
    await at(0).answer(taken)
    expect(at(2).items).toEqual(['e'])
    take('f')
    await at(1).answer(taken)
    expect(sendings.length).toBe(3)
    await advance(1000)
    expect(at(3).items).toEqual(['f'])
  })

  it('is bounded in items and bytes, counts what goes, and keeps the newer ones or the older ones', async () => {
    const newer = create({ maxItems: 3, batchItems: 10 })
    newer.take('a', 'b', 'c', 'd')
    await newer.advance(1000)
    expect(newer.at(0).items).toEqual(['b', 'c', 'd'])
    expect(newer.sender.numbers().dropped).toBe(1)

    const older = create({ maxBytes: 5, drop: 'newest' })
    older.take('aaa', 'bbb', 'cc', 'd')
    await older.advance(1000)
    expect(older.at(0).items).toEqual(['aaa', 'cc'])
    expect(older.sender.numbers().dropped).toBe(2)

    // What is larger than all that fits drops the rest only as far as it must, and then itself.
    const large = create({ maxBytes: 5 })
    large.take('a', '123456')
    expect(large.sender.numbers()).toMatchObject({ dropped: 2, queued: 0 })
  })

  it('counts what is on its way into the bounds', async () => {
    const { sender, take, advance } = create({ maxItems: 2, maxSends: 1 })
    take('a', 'b')
    await advance(1000)
    take('c')
    expect(sender.numbers()).toMatchObject({ queued: 2, dropped: 1 })
  })

  it('tries again with growing waits while nothing was taken, one batch at a time, and gives up', async () => {
    const { sender, sendings, at, take, advance } = create({ batchItems: 1, maxTries: 3 })
    take('a', 'b', 'c')
    await advance(0)
    expect(sendings.length).toBe(2)
    await at(0).answer(again)
    await at(1).answer(again)
    await advance(499)
    expect(sendings.length).toBe(2)
    await advance(1)
    expect(sendings.map((it) => it.items[0])).toEqual(['a', 'b', 'a'])
    await at(2).answer(again)
    await advance(1000)
    await at(3).answer(again)
    await advance(2000)
    await at(4).answer(again)
    // Twice after the first try, and no more.
    expect(sendings.map((it) => it.items[0]).filter((item) => item === 'a').length).toBe(3)
    expect(sender.numbers()).toMatchObject({ sent: 0, failed: 1, queued: 2 })
    await advance(4000)
    await at(5).answer(taken)
    expect(at(6).items).toEqual(['c'])
    await at(6).answer(taken)
    expect(sender.numbers()).toEqual({ sent: 2, failed: 1, dropped: 0, queued: 0, queuedBytes: 0 })
  })

  it('waits as long as the server asks, and not for ever', async () => {
    const { sendings, at, take, advance } = create()
    take('a')
    await advance(1000)
    await at(0).answer({ ...again, retryAfterMs: 3000 })
    await advance(3249)
    expect(sendings.length).toBe(1)
    await advance(1)
    expect(sendings.length).toBe(2)
    await at(1).answer({ ...again, retryAfterMs: 3_600_000 })
    await advance(10_000)
    expect(sendings.length).toBe(3)
  })

  it('never tries again what was refused, timed out or failed without a reason for hope', async () => {
    const { sender, sendings, at, take, advance } = create()
    take('a')
    await advance(1000)
    await at(0).answer({ kind: 'refused', reason: 'answered 400' })
    take('b')
    await advance(1000)
    await at(1).fail(new Error('socket hang up'))
    take('c')
    await advance(1000)
    await advance(5000)
    expect(at(2).signal.aborted).toBe(true)
    await advance(60_000)
    expect(sendings.length).toBe(3)
    expect(sender.numbers()).toEqual({ sent: 0, failed: 3, dropped: 0, queued: 0, queuedBytes: 0 })
    // An answer that comes too late counts for nothing.
    await at(2).answer(taken)
    expect(sender.numbers().sent).toBe(0)
  })

  it('tries again only those of a batch that the server did not take', async () => {
    const { sender, at, take, advance } = create()
    take('a', 'bb', 'c', 'd')
    await advance(1000)
    await at(0).answer({ ...again, items: ['bb'], rejected: 1 })
    expect(sender.numbers()).toMatchObject({ sent: 2, failed: 1, queued: 1 })
    await advance(250)
    expect(at(1).items).toEqual(['bb'])
    await at(1).answer({ kind: 'taken', rejected: 1, reason: 'mapping' })
    expect(sender.numbers()).toEqual({ sent: 2, failed: 2, dropped: 0, queued: 0, queuedBytes: 0 })
  })

  it('warns at most once in ten seconds', async () => {
    const { lines, sendings, at, take, advance } = create({ maxItems: 5, maxTries: 1000, maxBackoffMs: 100 })
    for (let i = 0; i < 200; i++) {
      take('x')
      await advance(100)
      const last = sendings.length - 1
      if (last >= 0) await at(last).answer(again)
    }
    expect(lines.length).toBe(2)
    expect(lines[0]).toMatch(/^zipkin: connect ECONNREFUSED \(0 failed, 5 dropped, 5 waiting\)$/)
  })

  it('costs nothing to take while the server is away: no look at the queue before its time', async () => {
    const { clock, at, take, advance } = create({ batchItems: 2, maxItems: 10 })
    take('a', 'b')
    await advance(0)
    await at(0).answer(again)
    let timers = 0
    const { after } = clock
    clock.after = (...args) => {
      timers++
      return after(...args)
    }
    for (let i = 0; i < 100; i++) take('c')
    expect(timers).toBe(0)
  })

  describe('closing', () => {
    it('sends what is there at once, and takes nothing more', async () => {
      const { sender, at, take } = create()
      take('a', 'b')
      const end = sender.close()
      expect(at(0).items).toEqual(['a', 'b'])
      take('c')
      await at(0).answer(taken)
      await end
      expect(sender.numbers()).toEqual({ sent: 2, failed: 0, dropped: 1, queued: 0, queuedBytes: 0 })
    })

    it('does not wait for a back-off, and tries once', async () => {
      const { sender, sendings, at, take, advance } = create({ maxBackoffMs: 60_000 })
      take('a')
      await advance(1000)
      await at(0).answer({ ...again, retryAfterMs: 60_000 })
      const end = sender.close()
      expect(sendings.length).toBe(2)
      await at(1).answer(again)
      await end
      expect(sender.numbers()).toMatchObject({ failed: 1, queued: 0 })
    })

    it('ends within a second with a server that never answers', async () => {
      const { sender, sendings, at, take, advance } = create({ batchItems: 1 })
      take('a', 'b', 'c')
      let ended = false
      const end = sender.close().then(() => {
        ended = true
      })
      await advance(999)
      expect(ended).toBe(false)
      await advance(1)
      await end
      expect(at(0).signal.aborted).toBe(true)
      expect(sendings.length).toBe(2)
      expect(sender.numbers()).toEqual({ sent: 0, failed: 2, dropped: 1, queued: 0, queuedBytes: 0 })
    })

    it('is over at once with nothing to send', async () => {
      const { sender } = create()
      await sender.close()
      await sender.close()
    })
  })

  it('accounts for every item whatever the server does', async () => {
    const outcome = fc.oneof(
      fc.constant(taken),
      fc.constant(again),
      fc.record({ kind: fc.constant('taken' as const), rejected: fc.constant(1) }),
      fc.constant({ kind: 'refused', reason: 'answered 400' } as const),
    )
    const step = fc.oneof(
      fc.record({ take: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ advance: fc.integer({ min: 0, max: 3000 }) }),
      fc.record({ answer: outcome }),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { sender, sendings, take, advance } = create({ maxItems: 12, batchItems: 4, maxTries: 2 })
        let total = 0
        let next = 0
        for (const it of steps) {
          if ('take' in it) {
            total += it.take
            for (let i = 0; i < it.take; i++) take('x')
          } else if ('advance' in it) await advance(it.advance)
          else if (next < sendings.length) await (sendings[next++] as Sending).answer(it.answer)
          const { sent, failed, dropped, queued, queuedBytes } = sender.numbers()
          expect(sent + failed + dropped + queued).toBe(total)
          expect(queued).toBeLessThanOrEqual(12)
          expect(queuedBytes).toBe(queued)
        }
        const end = sender.close()
        await advance(1000)
        await end
        const { sent, failed, dropped, queued, queuedBytes } = sender.numbers()
        expect({ all: sent + failed + dropped, queued, queuedBytes }).toEqual({ all: total, queued: 0, queuedBytes: 0 })
      }),
      { numRuns: 200 },
    )
  })
})
