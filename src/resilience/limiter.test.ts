import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createLimiter } from './limiter.ts'

describe('limiter', () => {
  it('lets 100 through in any 5 s, and tells when the next may come', () => {
    const limiter = createLimiter({ calls: 100, perMs: 5000 })
    for (let i = 0; i < 100; i++) expect(limiter.take(i * 10)).toBe(true)
    expect(limiter.full(1000)).toBe(true)
    expect(limiter.take(1000)).toBe(false)
    expect(limiter.retryAfterMs(1000)).toBe(4000)
    expect(limiter.used(1000)).toBe(100)
    expect(limiter.full(5000)).toBe(false)
    expect(limiter.retryAfterMs(5000)).toBe(0)
    expect(limiter.take(5000)).toBe(true)
    expect(limiter.take(5009)).toBe(false)
    expect(limiter.take(5010)).toBe(true)
    expect(limiter.used(20_000)).toBe(0)
  })

  it('asks without taking', () => {
    const limiter = createLimiter({ calls: 1, perMs: 10 })
    for (let i = 0; i < 5; i++) expect(limiter.full(0)).toBe(false)
    expect(limiter.take(0)).toBe(true)
  })

  it('is exact: never more than allowed in any window, never a refusal without need', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 300 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 300 }), gaps, (calls, perMs, gapsMs) => {
        const limiter = createLimiter({ calls, perMs })
        const taken: number[] = []
        let nowMs = 0
        for (const gapMs of gapsMs) {
          nowMs += gapMs
          const within = taken.filter((at) => at > nowMs - perMs).length
          expect(limiter.used(nowMs)).toBe(within)
          expect(limiter.full(nowMs)).toBe(within >= calls)
          expect(limiter.full(nowMs + limiter.retryAfterMs(nowMs))).toBe(false)
          const isTaken = limiter.take(nowMs)
          expect(isTaken).toBe(within < calls)
          if (isTaken) taken.push(nowMs)
        }
      }),
    )
  })
})
