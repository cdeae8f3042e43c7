import { expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { once } from './once.ts'
import { createSeenHere } from './seen-here.ts'

const event = (id: string, service = 'mail') => ({
  ...{ id, service, name: 'order.submitted', delivery: 1, emittedAtMs: 0 },
})

it('runs what was not handled, and again when it threw', async () => {
  let runs = 0
  const failing = () => {
    runs++
    throw new Error('not yet')
  }
  await expect(once(event('a'), failing)).rejects.toThrow('not yet')
  expect(await once(event('a'), () => ++runs)).toBe(2)
  expect(await once(event('a'), () => ++runs)).toBeUndefined()
  // What another service has handled is none of this one's business.
  expect(await once(event('a', 'stats'), () => ++runs)).toBe(3)
})

it('puts off what is being handled elsewhere, for as long as a claim lasts', async () => {
  const clock = manualClock()
  const seen = createSeenHere(clock)
  void once(event('a'), () => new Promise(() => {}), { seen, claimMs: 1000 })
  await expect(once(event('a'), () => 1, { seen })).rejects.toMatchObject({ code: 'ABORTED' })
  clock.advance(1001)
  expect(await once(event('a'), () => 1, { seen, keepMs: 2000 })).toBe(1)
  expect(await once(event('a'), () => 2, { seen })).toBeUndefined()
  clock.advance(2001)
  expect(await once(event('a'), () => 3, { seen })).toBe(3)
})

it('forgets the oldest where there are too many', async () => {
  const seen = createSeenHere(manualClock(), 2)
  for (const id of ['a', 'b', 'c']) await once(event(id), () => id, { seen })
  expect(await once(event('c'), () => 'again', { seen })).toBeUndefined()
  expect(await once(event('a'), () => 'again', { seen })).toBe('again')
})

it('says what is wrong with an option', async () => {
  await expect(once(event('a'), () => 1, { keepMs: 5 })).rejects.toThrow(
    'once: expected `keepMs` to be an integer from 1000 to 2592000000, got `5` (number)',
  )
})
