import { describe, expect, it } from 'vitest'
import { type ManualClock, manualClock } from '../core/clock.ts'
import { createHealth, type Health, softEjectable } from './ejection.ts'

/** The middle of every jitter, so that waits are whole. */
const middle = () => 0.5

function start(): { clock: ManualClock; health: Health } {
  const clock = manualClock()
  return { clock, health: createHealth(clock, middle) }
}

function call(health: Health, clock: ManualClock, isGood: boolean): void {
  const permit = health.take(clock.now())
  if (isGood) health.success(clock.now(), permit)
  else health.failure(clock.now(), permit)
}

function eject(health: Health, clock: ManualClock): void {
  for (let i = 0; i < 5; i++) call(health, clock, false)
}

describe('soft suspicion', () => {
  it('comes with 5 failures in a row, not with 4', () => {
    const { clock, health } = start()
    for (let i = 0; i < 4; i++) call(health, clock, false)
    call(health, clock, true)
    for (let i = 0; i < 4; i++) call(health, clock, false)
    expect(health.ejected(clock.now())).toBe(false)
    call(health, clock, false)
    expect(health.ejected(clock.now())).toBe(true)
    expect(health.hard(clock.now())).toBe(false)
  })

  it('comes when less than 80 % of 20 within 10 s went well', () => {
    const { clock, health } = start()
    for (let i = 0; i < 19; i++) call(health, clock, i % 4 !== 0)
    expect(health.state).toBe('ok')
    call(health, clock, false)
    expect(health.state).toBe('soft')
  })

  it('does not come with exactly 80 %, nor from failures of long ago', () => {
    const { clock, health } = start()
    for (let i = 0; i < 100; i++) call(health, clock, i % 5 !== 4)
    expect(health.state).toBe('ok')
    clock.advance(10_000)
    for (let i = 0; i < 16; i++) call(health, clock, true)
    for (let i = 0; i < 4; i++) call(health, clock, false)
    expect(health.state).toBe('ok')
  })

  it('lasts 1 s, doubling to 60 s with each failed probation', () => {
    const { clock, health } = start()
    eject(health, clock)
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60]) {
      clock.advance(seconds * 1000 - 1)
      expect(health.ejected(clock.now())).toBe(true)
      clock.advance(1)
      expect(health.ejected(clock.now())).toBe(false)
      call(health, clock, false)
    }
  })

  it.each([
    [0, 800],
    [1, 1200],
  ])('is jittered: random %d gives %d ms', (random, ms) => {
    const clock = manualClock()
    const health = createHealth(clock, () => random)
    eject(health, clock)
    expect(health.ejected(ms - 1)).toBe(true)
    expect(health.ejected(ms)).toBe(false)
  })

  it('ends by one real call, then slow start', () => {
    const { clock, health } = start()
    eject(health, clock)
    clock.advance(1000)
    const permit = health.take(clock.now())
    expect(health.state).toBe('probation')
    expect(health.ejected(clock.now())).toBe(true)
    clock.advance(20)
    health.success(clock.now(), permit)
    expect(health.state).toBe('ok')
    expect(health.share()).toBe(0.1)
    clock.advance(5000)
    expect(health.share()).toBeCloseTo(0.5)
    clock.advance(5000)
    expect(health.share()).toBe(1)
  })

  it('offers the probation again when its caller went away', () => {
    const { clock, health } = start()
    eject(health, clock)
    clock.advance(1000)
    health.release(health.take(clock.now()))
    expect(health.ejected(clock.now())).toBe(false)
  })

  it('does not listen to attempts from before it', () => {
    const { clock, health } = start()
    const early = Array.from({ length: 8 }, () => health.take(0))
    eject(health, clock)
    for (const permit of early.slice(0, 4)) health.success(clock.now(), permit)
    expect(health.ejected(clock.now())).toBe(true)
    clock.advance(1000)
    const probation = health.take(clock.now())
    for (const permit of early) health.release(permit)
    expect(health.ejected(clock.now())).toBe(true)
    for (const permit of early) health.failure(clock.now(), permit)
    expect(health.state).toBe('probation')
    health.success(clock.now(), probation)
    for (const permit of early) health.failure(clock.now(), permit)
    expect(health.state).toBe('ok')
  })

  it('ends at once when a call that was sent all the same went well', () => {
    const { clock, health } = start()
    eject(health, clock)
    call(health, clock, false)
    expect(health.ejected(clock.now())).toBe(true)
    call(health, clock, true)
    expect(health.state).toBe('ok')
  })

  it('is forgiven after a minute that went well', () => {
    const { clock, health } = start()
    eject(health, clock)
    clock.advance(1000)
    call(health, clock, true)
    eject(health, clock)
    clock.advance(1999)
    expect(health.ejected(clock.now())).toBe(true)
    clock.advance(1)
    call(health, clock, true)
    clock.advance(60_000)
    eject(health, clock)
    clock.advance(1000)
    expect(health.ejected(clock.now())).toBe(false)
  })
})

describe('hard evidence', () => {
  it('lasts until a connection is accepted and one real call went well', () => {
    const { clock, health } = start()
    health.hardEvidence(clock.now())
    expect(health.hard(clock.now())).toBe(true)
    expect(health.ejected(clock.now())).toBe(false)
    health.probed(true, clock.now())
    expect(health.hard(clock.now())).toBe(false)
    expect(health.state).toBe('probation')
    call(health, clock, true)
    expect(health.state).toBe('ok')
    expect(health.share()).toBe(0.1)
  })

  it('is probed after waits that double to 10 s, also when a probe never reports', () => {
    const { clock, health } = start()
    expect(health.probeDue(clock.now())).toBe(false)
    health.hardEvidence(clock.now())
    const waits: number[] = []
    for (let i = 0; i < 7; i++) {
      const from = clock.now()
      while (!health.probeDue(clock.now())) clock.advance(25)
      waits.push(clock.now() - from)
      health.probing(clock.now())
      if (i % 2 === 0) health.probed(false, clock.now())
    }
    // 3/4 of 500, 1000 … 10 000: half of each wait is jittered.
    expect(waits).toEqual([375, 750, 1500, 3000, 6000, 7500, 7500])
  })

  it('is not made longer by more of it', () => {
    const { clock, health } = start()
    health.hardEvidence(clock.now())
    clock.advance(300)
    health.hardEvidence(clock.now())
    clock.advance(75)
    expect(health.probeDue(clock.now())).toBe(true)
  })

  it('goes on when the probation meets it again, and waits longer', () => {
    const { clock, health } = start()
    health.hardEvidence(clock.now())
    health.probed(true, clock.now())
    health.take(clock.now())
    health.hardEvidence(clock.now())
    expect(health.hard(clock.now())).toBe(true)
    clock.advance(749)
    expect(health.probeDue(clock.now())).toBe(false)
    clock.advance(1)
    expect(health.probeDue(clock.now())).toBe(true)
  })

  it('ends when a call that was sent all the same went well', () => {
    const { clock, health } = start()
    health.hardEvidence(clock.now())
    call(health, clock, true)
    expect(health.hard(clock.now())).toBe(false)
  })
})

describe('a node that has just joined', () => {
  it('has its whole share, unless it is warmed up', () => {
    const { clock, health } = start()
    expect(health.share()).toBe(1)
    health.warmUp(clock.now())
    expect(health.share()).toBe(0.1)
    clock.advance(10_000)
    expect(health.share()).toBe(1)
  })
})

describe('how many soft ejections hold at once', () => {
  function set(n: number, ejected: number, hard = 0) {
    const clock = manualClock()
    const healths = Array.from({ length: n }, () => createHealth(clock, middle))
    for (const health of healths.slice(0, ejected)) eject(health, clock)
    for (const health of healths.slice(n - hard)) health.hardEvidence(clock.now())
    return { clock, healths }
  }

  it.each([
    // n, under suspicion, hard, that are left out
    [1, 1, 0, 0],
    [2, 1, 0, 1],
    [2, 2, 0, 1],
    [2, 1, 1, 0],
    [3, 0, 0, 0],
    [3, 1, 0, 1],
    [3, 3, 0, 1],
    [3, 1, 1, 0],
    [4, 1, 1, 1],
    [6, 2, 0, 2],
    [6, 6, 0, 2],
    [9, 9, 0, 3],
    [9, 3, 2, 0],
    [9, 3, 1, 3],
  ])('of %d nodes, %d under suspicion and %d hard: %d', (n, ejected, hard, expected) => {
    const { clock, healths } = set(n, ejected, hard)
    const out = softEjectable(healths, clock.now())
    expect(out.size).toBe(expected)
    for (const health of out) expect(health.ejected(clock.now())).toBe(true)
  })

  it('gives each of too many suspects its turn inside within a second', () => {
    const { healths } = set(3, 3)
    const inside = new Set<number>()
    for (const nowMs of [0, 500]) {
      const out = softEjectable(healths, nowMs)
      healths.forEach((health, i) => {
        if (!out.has(health)) inside.add(i)
      })
    }
    expect(inside.size).toBe(3)
  })
})
