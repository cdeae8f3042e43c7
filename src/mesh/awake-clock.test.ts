import { expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { createAwakeClock } from './awake-clock.ts'

/** A clock whose timers fire late when it jumps, as an event loop's do. */
function stallable() {
  const manual = manualClock(1000)
  let skippedMs = 0
  return {
    clock: { ...manual, now: () => manual.now() + skippedMs },
    pass: (ms: number) => manual.advance(ms),
    stall: (ms: number) => {
      skippedMs += ms
    },
  }
}

it('goes on like the other clock while the process is awake', () => {
  const { clock, pass } = stallable()
  const awake = createAwakeClock(clock)
  const before = awake.now()
  pass(1234)
  expect(awake.now() - before).toBe(1234)
})

it('leaves out stalls, during them and afterwards', () => {
  const { clock, pass, stall } = stallable()
  const awake = createAwakeClock(clock)
  pass(100)
  const before = awake.now()
  stall(5000)
  expect(awake.now() - before).toBeLessThanOrEqual(40)
  pass(20)
  expect(awake.now() - before).toBeLessThanOrEqual(40)
  pass(1000)
  expect(awake.now() - before).toBeGreaterThanOrEqual(1000)
  expect(awake.now() - before).toBeLessThanOrEqual(1040)
})
