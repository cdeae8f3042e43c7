import { describe, expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { Intake, type IntakeDeps } from './intake.ts'
import { service } from './service.ts'

const NAMED = { nodeId: 'n1', service: 'user' }

function open(maxInFlight: number | undefined, deps: Partial<IntakeDeps> = {}): Intake {
  const definition = service('user', { rpc: {}, ...(maxInFlight !== undefined && { maxInFlight }) })
  return new Intake({ definition, clock: manualClock(), ...NAMED, ...deps })
}

describe('a way in', () => {
  it('is full at its limit, the calls over the other way counted', () => {
    let other = 0
    const intake = open(3, { alsoInFlight: () => other })
    intake.enter()
    intake.enter()
    expect(intake.full).toBe(false)
    other = 1
    expect(intake.full).toBe(true)
    intake.leave()
    expect(intake.full).toBe(false)
  })

  it('is never full without a limit', () => {
    expect(open(undefined, { alsoInFlight: () => Number.MAX_SAFE_INTEGER }).full).toBe(false)
  })

  it('tells all who wait once the last call has left, and at once when there is none', async () => {
    const intake = open(undefined)
    await intake.idle()
    intake.enter()
    intake.enter()
    let idle = 0
    const both = [intake.idle(), intake.idle()].map((one) => one.then(() => idle++))
    intake.leave()
    await Promise.resolve()
    expect(idle).toBe(0)
    intake.leave()
    await Promise.all(both)
    expect(idle).toBe(2)
  })

  it('refuses after the time to drain, once, and a second call only shortens it', () => {
    const clock = manualClock()
    let told = 0
    const intake = open(undefined, { clock, refused: () => told++ })
    intake.drain(100)
    intake.drain(500)
    clock.advance(99)
    expect(intake.refusing).toBe(false)
    clock.advance(1)
    expect(intake.refusing).toBe(true)
    clock.advance(500)
    intake.drain(0)
    intake.close()
    expect(told).toBe(1)
  })

  it('does not start once it is closed', () => {
    const intake = open(undefined)
    intake.close()
    intake.start()
    expect([intake.started, intake.refusing]).toEqual([false, true])
  })
})
