import { expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { Health, type WorkerStatus } from './health.ts'

const CONNECTED = { connected: true, endpoint: '10.0.0.1:2379', revision: 1n, ageMs: 5 }
type WorkerPart = Pick<WorkerStatus, 'worker' | 'state'>
const worker = (n: number, state: WorkerStatus['state']): WorkerPart => ({ worker: n, state })

it('a node says how far it has come, and is ready when it is registered', () => {
  const clock = manualClock()
  const health = new Health(clock)
  clock.advance(1500)
  expect(health.parts(undefined, undefined)).toEqual([
    { name: 'node', ready: false, why: 'the registry has not been reached yet (for 1500 ms)' },
  ])
  health.enter('starting')
  clock.advance(20)
  expect(health.parts(CONNECTED, undefined)).toEqual([
    { name: 'node', ready: false, why: 'the application is starting (for 20 ms)' },
    { name: 'registry', ready: true },
  ])
  health.enter('registering')
  expect([health.ready, health.parts(CONNECTED, undefined)[0]?.why]).toEqual([
    false,
    'its key is not in the registry yet (for 0 ms)',
  ])
  health.enter('ready')
  expect([health.ready, health.parts(CONNECTED, undefined)[0]]).toEqual([true, { name: 'node', ready: true }])
  health.enter('leaving')
  expect([health.ready, health.parts(CONNECTED, undefined)[0]?.why]).toEqual([
    false,
    'it is leaving: what is in progress is finished, nothing new is sent to it (for 0 ms)',
  ])
})

it('without its registry a node stays ready, and says since when', () => {
  const health = new Health(manualClock())
  health.enter('ready')
  expect(health.parts({ ...CONNECTED, connected: false, ageMs: 12_000.4 }, undefined)).toEqual([
    { name: 'node', ready: true },
    {
      ...{ name: 'registry', ready: false },
      why: '10.0.0.1:2379 was last heard of 12000 ms ago; calls go by the nodes known then',
    },
  ])
  expect(health.ready).toBe(true)
})

it('workers that do not serve are named', () => {
  const part = (workers: readonly WorkerPart[]) => new Health(manualClock()).parts(CONNECTED, workers)[2]
  expect(part([worker(1, 'serving'), worker(2, 'serving')])).toEqual({ name: 'workers', ready: true })
  expect(part([worker(1, 'serving'), worker(2, 'starting')])).toEqual({
    ...{ name: 'workers', ready: true, why: 'worker 2 is starting' },
  })
  expect(part([])).toEqual({ name: 'workers', ready: false, why: 'none has been started yet' })
})
