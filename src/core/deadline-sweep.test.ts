import { describe, expect, it } from 'vitest'
import { type Clock, manualClock } from './clock.ts'
import { createDeadlineSweep, type Deadlines, type Due, exactDeadlines, NO_PLACE } from './deadline-sweep.ts'

function counted(): { clock: ReturnType<typeof manualClock>; sweep: Clock; armed(): number } {
  const clock = manualClock()
  let armed = 0
  const sweep = createDeadlineSweep({
    ...clock,
    after(delayMs, fn) {
      armed++
      return clock.after(delayMs, fn)
    },
  })
  return { clock, sweep, armed: () => armed }
}

describe('a deadline in the sweep', () => {
  it('fires once, not early and at most 10 ms late', () => {
    const { clock, sweep } = counted()
    const fired: number[] = []
    for (const ms of [25, 3, 1000, 0]) sweep.after(ms, () => fired.push(clock.now() - ms))
    for (let i = 0; i < 1100; i++) clock.advance(1)
    expect(fired).toHaveLength(4)
    for (const late of fired) {
      expect(late).toBeGreaterThanOrEqual(0)
      expect(late).toBeLessThanOrEqual(10)
    }
  })

  it('does not fire when it was cancelled, twice or from another one', () => {
    const { clock, sweep } = counted()
    const fired: string[] = []
    const a = sweep.after(50, () => fired.push('a'))
    const c = sweep.after(60, () => fired.push('c'))
    sweep.after(55, () => {
      fired.push('b')
      c.cancel()
    })
    a.cancel()
    a.cancel()
    clock.advance(500)
    expect(fired).toEqual(['b'])
  })

  it('leaves the others alone when it is cancelled by one that is due with it', () => {
    const { clock, sweep } = counted()
    const fired: string[] = []
    sweep.after(5, () => {
      fired.push('a')
      b.cancel()
    })
    const b = sweep.after(6, () => fired.push('b'))
    sweep.after(300, () => fired.push('c'))
    sweep.after(400, () => fired.push('d'))
    clock.advance(1000)
    expect(fired).toEqual(['a', 'c', 'd'])
  })

  it('fires in the order of time when several are due together', () => {
    const { clock, sweep } = counted()
    const fired: number[] = []
    for (const ms of [7, 3, 5, 1]) sweep.after(ms, () => fired.push(ms))
    clock.advance(100)
    expect(fired).toEqual([1, 3, 5, 7])
  })

  it('may set the next from within', () => {
    const { clock, sweep } = counted()
    let count = 0
    const again = (): void => {
      if (++count < 5) sweep.after(20, again)
    }
    sweep.after(20, again)
    clock.advance(1000)
    expect(count).toBe(5)
  })

  it('is not lost when another one throws', () => {
    const { clock, sweep } = counted()
    let fired = 0
    sweep.after(5, () => {
      throw new Error('first')
    })
    sweep.after(6, () => fired++)
    sweep.after(100, () => fired++)
    expect(() => clock.advance(50)).toThrow('first')
    clock.advance(100)
    expect(fired).toBe(2)
  })

  it('costs no timer of its own: ten thousand that are cancelled take a handful', () => {
    const { clock, sweep, armed } = counted()
    for (let i = 0; i < 10_000; i++) {
      const timer = sweep.after(10_000, () => {})
      if (i % 10 === 0) clock.advance(1)
      timer.cancel()
    }
    expect(armed()).toBeLessThan(5)
  })
})

describe.each(['the sweep', 'timers of the clock'])('what stands in the list itself, with %s', (by) => {
  class Waiting implements Due {
    place: number = NO_PLACE
    readonly #done: () => void

    constructor(done: () => void) {
      this.#done = done
    }

    due(): void {
      this.#done()
    }
  }

  function open(): { clock: ReturnType<typeof manualClock>; deadlines: Deadlines } {
    const clock = manualClock()
    return { clock, deadlines: by === 'the sweep' ? createDeadlineSweep(clock) : exactDeadlines(clock) }
  }

  it('is called once when it is due, and not once it was removed', () => {
    const { clock, deadlines } = open()
    const called: string[] = []
    const all = ['a', 'b', 'c'].map((name) => new Waiting(() => called.push(name)))
    for (const [i, it] of all.entries()) deadlines.add(it, 20 + i, clock.now())
    deadlines.remove(all[0] as Due)
    deadlines.remove(all[0] as Due)
    clock.advance(1000)
    expect(called).toEqual(['b', 'c'])
    deadlines.remove(all[1] as Due)
  })

  it('is not called when one that is due with it removes it', () => {
    const { clock, deadlines } = open()
    const called: string[] = []
    const second = new Waiting(() => called.push('second'))
    const first = new Waiting(() => {
      called.push('first')
      deadlines.remove(second)
    })
    deadlines.add(first, 5, clock.now())
    deadlines.add(second, 6, clock.now())
    clock.advance(1000)
    expect(called).toEqual(['first'])
  })

  it('may be given another time when it is called', () => {
    const { clock, deadlines } = open()
    let count = 0
    const again: Due = new Waiting(() => {
      if (++count < 3) deadlines.add(again, 20, clock.now())
    })
    deadlines.add(again, 20, clock.now())
    clock.advance(1000)
    expect(count).toBe(3)
  })

  it('keeps its place among a thousand that come and go', () => {
    const { clock, deadlines } = open()
    let called = 0
    const all = Array.from({ length: 1000 }, () => new Waiting(() => called++))
    for (const [i, it] of all.entries()) deadlines.add(it, 10 + (i % 100), clock.now())
    for (const [i, it] of all.entries()) if (i % 3 !== 0) deadlines.remove(it)
    clock.advance(1000)
    expect(called).toBe(334)
  })
})
