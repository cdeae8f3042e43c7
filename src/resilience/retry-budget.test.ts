import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { createRetryBudget, type RetryBudget } from './retry-budget.ts'

function drain(budget: RetryBudget): number {
  let taken = 0
  while (budget.withdraw()) taken++
  return taken
}

describe('retry budget', () => {
  it('starts with its floor of ten seconds, and has it back ten seconds later', () => {
    const clock = manualClock(123_456)
    const budget = createRetryBudget(clock)
    expect(budget.balance()).toBe(30)
    expect(drain(budget)).toBe(30)
    clock.advance(5000)
    expect(budget.withdraw()).toBe(false)
    clock.advance(5000)
    expect(budget.balance()).toBe(30)
  })

  it('pays one retry for ten first attempts', () => {
    const budget = createRetryBudget(manualClock())
    for (let i = 0; i < 10; i++) budget.deposit()
    expect(drain(budget)).toBe(31)
    for (let i = 0; i < 9; i++) budget.deposit()
    expect(budget.withdraw()).toBe(false)
    budget.deposit()
    expect(budget.withdraw()).toBe(true)
  })

  it('forgets what is older than ten seconds', () => {
    const clock = manualClock()
    const budget = createRetryBudget(clock)
    for (let i = 0; i < 1000; i++) budget.deposit()
    expect(budget.balance()).toBe(130)
    clock.advance(10_000)
    expect(budget.balance()).toBe(30)
    clock.advance(3_600_000)
    expect(budget.balance()).toBe(30)
  })

  it('keeps attempts within 1.12 per call at 400 calls/s that all fail', () => {
    const clock = manualClock()
    const budget = createRetryBudget(clock)
    let retries = 0
    for (let i = 0; i < 400 * 60; i++) {
      budget.deposit()
      if (budget.withdraw()) retries++
      clock.advance(2.5)
    }
    expect(retries / (400 * 60)).toBeLessThanOrEqual(0.12)
    expect(retries / (400 * 60)).toBeGreaterThanOrEqual(0.1)
  })

  it('shares the floor among workers', () => {
    expect(drain(createRetryBudget(manualClock(), { floorPerSecond: 3 / 4 }))).toBe(7)
  })

  it('never pays more in any ten seconds than the floor and a tenth of the deposits', () => {
    const step = fc.record({ gapMs: fc.nat(3000), deposits: fc.nat(40), withdrawals: fc.nat(40) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = manualClock()
        const budget = createRetryBudget(clock)
        const log: { second: number; deposits: number; paid: number }[] = []
        for (const { gapMs, deposits, withdrawals } of steps) {
          clock.advance(gapMs)
          for (let i = 0; i < deposits; i++) budget.deposit()
          let paid = 0
          for (let i = 0; i < withdrawals; i++) if (budget.withdraw()) paid++
          log.push({ second: Math.floor(clock.now() / 1000), deposits, paid })
          const recent = log.filter(({ second }) => second > Math.floor(clock.now() / 1000) - 10)
          const sum = (of: (entry: (typeof log)[number]) => number) => recent.reduce((all, entry) => all + of(entry), 0)
          if (paid > 0) expect(sum((e) => e.paid)).toBeLessThanOrEqual(30 + sum((e) => e.deposits) / 10 + 1e-6)
        }
      }),
    )
  })
})
