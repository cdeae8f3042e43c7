import { describe, expect, it } from 'vitest'
import { type Breaker, createBreaker } from './breaker.ts'
import { NO_PERMIT } from './permit.ts'

const rate = { calls: 3, perMs: 1000 }

function fail(breaker: Breaker, nowMs: number): void {
  breaker.failure(nowMs, breaker.take(nowMs))
}

/** Open since 20. */
function opened(): Breaker {
  const breaker = createBreaker(rate)
  for (const at of [0, 10, 20]) fail(breaker, at)
  return breaker
}

describe('breaker', () => {
  it('opens with the third error within the window and refuses for one window', () => {
    const breaker = createBreaker(rate)
    fail(breaker, 0)
    fail(breaker, 10)
    expect(breaker.state(10)).toBe('closed')
    fail(breaker, 20)
    expect(breaker.state(20)).toBe('open')
    expect(breaker.admits(1019)).toBe(false)
    expect(breaker.take(1019)).toBe(NO_PERMIT)
    expect(breaker.retryAfterMs(520)).toBe(500)
    expect(breaker.state(1020)).toBe('half-open')
    expect(breaker.admits(1020)).toBe(true)
    expect(breaker.retryAfterMs(1020)).toBe(0)
  })

  it('stays closed while errors are further apart, or calls are given back', () => {
    const breaker = createBreaker(rate)
    for (let at = 0; at < 50_000; at += 500) fail(breaker, at)
    for (let i = 0; i < 10; i++) breaker.release(breaker.take(60_000))
    expect(breaker.state(60_000)).toBe('closed')
  })

  it('counts errors in the window whatever succeeds between them', () => {
    const breaker = createBreaker(rate)
    for (const at of [0, 100, 200]) {
      breaker.success(at, breaker.take(at))
      fail(breaker, at)
    }
    expect(breaker.state(200)).toBe('open')
  })

  it('lets exactly one probe through at a time, and asking takes none', () => {
    const breaker = opened()
    for (let i = 0; i < 3; i++) expect(breaker.admits(2000)).toBe(true)
    expect(breaker.take(2000)).not.toBe(NO_PERMIT)
    expect(breaker.admits(2000)).toBe(false)
    expect(breaker.take(9000)).toBe(NO_PERMIT)
    expect(breaker.state(9000)).toBe('half-open')
  })

  it('closes with the success of its probe, with an empty record', () => {
    const breaker = opened()
    breaker.success(2100, breaker.take(2000))
    expect(breaker.state(2100)).toBe('closed')
    fail(breaker, 2110)
    fail(breaker, 2120)
    expect(breaker.state(2120)).toBe('closed')
    fail(breaker, 2130)
    expect(breaker.state(2130)).toBe('open')
  })

  it('opens for another window with the failure of its probe', () => {
    const breaker = opened()
    breaker.failure(2100, breaker.take(2000))
    expect(breaker.state(3099)).toBe('open')
    expect(breaker.admits(3100)).toBe(true)
  })

  it('takes back the probe of a caller that went away', () => {
    const breaker = opened()
    breaker.release(breaker.take(2000))
    expect(breaker.admits(2000)).toBe(true)
    expect(breaker.take(2000)).not.toBe(NO_PERMIT)
  })

  it('does not listen to attempts that were taken before it opened', () => {
    const breaker = createBreaker(rate)
    const early = Array.from({ length: 6 }, () => breaker.take(0))
    for (const at of [0, 10, 20]) fail(breaker, at)
    for (const permit of early) breaker.success(30, permit)
    expect(breaker.state(30)).toBe('open')
    for (const permit of early) breaker.failure(900, permit)
    expect(breaker.retryAfterMs(900)).toBe(120)

    const probe = breaker.take(1020)
    for (const permit of early) breaker.release(permit)
    expect(breaker.admits(1020)).toBe(false)
    for (const permit of early) breaker.success(1030, permit)
    for (const permit of early) breaker.failure(1030, permit)
    expect(breaker.state(1030)).toBe('half-open')
    breaker.success(1040, probe)
    for (const permit of early) breaker.failure(1050, permit)
    expect(breaker.state(1050)).toBe('closed')
  })

  it('does not listen to a probe twice, nor to no permit', () => {
    const breaker = opened()
    const probe = breaker.take(2000)
    breaker.failure(2000, probe)
    breaker.success(2500, probe)
    breaker.release(probe)
    breaker.success(2500, NO_PERMIT)
    breaker.failure(2900, NO_PERMIT)
    breaker.release(NO_PERMIT)
    expect(breaker.retryAfterMs(2500)).toBe(500)
  })
})
