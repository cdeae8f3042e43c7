import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createOverdue, type Slot } from './overdue.ts'

describe('overdue', () => {
  it('has a patience of 50 ms, or ten times the average of the route', () => {
    const unknown = createOverdue()
    unknown.begin(0, 0)
    expect(unknown.overdue(50)).toBe(false)
    expect(unknown.overdue(51)).toBe(true)
    const known = createOverdue()
    known.begin(0, 20)
    expect(known.overdue(200)).toBe(false)
    expect(known.overdue(201)).toBe(true)
  })

  it('sees an attempt that hangs behind one of a slow route, until it ends', () => {
    const attempts = createOverdue()
    attempts.begin(0, 1000)
    const hung = attempts.begin(1, 1)
    expect(attempts.overdue(51)).toBe(false)
    expect(attempts.overdue(52)).toBe(true)
    attempts.end(hung)
    expect(attempts.overdue(53)).toBe(false)
    expect(attempts.overdue(10_001)).toBe(true)
  })

  it('agrees at any time with looking at every attempt', () => {
    const step = fc.record({ gapMs: fc.nat(30), averageMs: fc.nat(20), ends: fc.nat(100) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const attempts = createOverdue()
        const open: { slot: Slot; startedMs: number; averageMs: number }[] = []
        let nowMs = 0
        for (const { gapMs, averageMs, ends } of steps) {
          nowMs += gapMs
          if (ends < 60) open.push({ slot: attempts.begin(nowMs, averageMs), startedMs: nowMs, averageMs })
          else for (const { slot } of open.splice(ends % (open.length + 1), 1)) attempts.end(slot)
          const expected = open.some((one) => nowMs - one.startedMs > Math.max(50, 10 * one.averageMs))
          expect(attempts.overdue(nowMs)).toBe(expected)
        }
      }),
    )
  })

  it('lets what is beyond its bound go unwatched', () => {
    const attempts = createOverdue()
    const slots = Array.from({ length: 70_000 }, () => attempts.begin(0, 0))
    expect(new Set(slots).size).toBe(65_537)
    for (const slot of slots) attempts.end(slot)
    expect(attempts.overdue(1e9)).toBe(false)
    attempts.begin(1e9, 0)
    expect(attempts.overdue(1e9 + 51)).toBe(true)
  })
})
