import { afterEach, expect, test } from 'vitest'
import { resolveSettings } from '../config/resolve.ts'
import { type ManualClock, manualClock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import { silentLog } from '../core/log.ts'
import { type FakeStart, fakeStart, turns } from './worker.fixtures.ts'
import type { Sharing } from './worker-process.ts'
import { Workers } from './workers.ts'

interface Rig {
  readonly workers: Workers
  readonly fake: FakeStart
  readonly clock: ManualClock
  readonly lines: string[]
  readonly evidence: unknown[]
}

const rigs: Rig[] = []
afterEach(async () => {
  for (const { workers } of rigs.splice(0)) await workers.close(0)
})

async function rigOf(sharing: Sharing = 'reuse-port', count = 3): Promise<Rig> {
  const clock = manualClock()
  const fake = fakeStart(clock)
  const lines: string[] = []
  const evidence: unknown[] = []
  const say = (message: string): void => void lines.push(message)
  const log: Log = { ...silentLog, info: say, error: say }
  const workers = new Workers({
    ...{ count, file: 'gateway.ts', sharing, start: fake.start, clock, log, settings: () => settings },
    order: () => ({ kind: 'memory', callKey: undefined, node: '', view: [], ready: true }),
    evidence: (found) => void evidence.push(found),
    gather: () => workers.running.numbers.gather([], () => 2),
  })
  const rig = { workers, fake, clock, lines, evidence }
  rigs.push(rig)
  await workers.listen(0, '127.0.0.1')
  await workers.open()
  for (const { told } of fake.started) told.splice(0)
  return rig
}

const settings = resolveSettings({}, { kind: 'memory' } as never)
const states = ({ workers }: Rig): string[] => workers.status().map(({ worker, state }) => `${worker} ${state}`)

test('each is one of so many, and all serve', async () => {
  const rig = await rigOf()
  expect(states(rig)).toEqual(['1 serving', '2 serving', '3 serving'])
  expect(rig.fake.started.map(({ index }) => index)).toEqual([0, 1, 2])
})

test('one that ends is replaced at once, and what is told to all reaches the new one', async () => {
  const rig = await rigOf()
  rig.fake.started[1]?.end('SIGKILL')
  await turns()
  expect(rig.lines).toEqual(['worker 2 (pid 101) ended: SIGKILL'])
  rig.clock.advance(0)
  await turns()
  expect(states(rig)).toEqual(['1 serving', '2 serving', '3 serving'])
  expect(rig.fake.started[3]?.told).toEqual(['load', 'settings', 'open', 'listen'])
  rig.workers.running.tell('ready', false)
  expect(rig.fake.started.map(({ told }) => told.at(-1))).toEqual(['ready', undefined, 'ready', 'ready'])
})

test('one that ends again and again is waited for, twice as long each time, 10 s at most', async () => {
  const rig = await rigOf('reuse-port', 1)
  const waits: number[] = []
  for (let n = 0; n < 12; n++) {
    rig.fake.started.at(-1)?.end('exit code 1')
    await turns()
    const before = rig.fake.started.length
    let waitedMs = 0
    while (rig.fake.started.length === before) {
      rig.clock.advance(waitedMs === 0 ? 0 : 100)
      if (rig.fake.started.length === before) waitedMs += 100
    }
    waits.push(Math.max(0, waitedMs - 100) + (waitedMs > 0 ? 100 : 0))
    await turns()
  }
  expect(waits[0]).toBe(0)
  expect(Math.max(...waits)).toBeLessThanOrEqual(10_100)
  expect(waits.at(-1)).toBeGreaterThan(9000)
  // One that has lived for a while is replaced at once again.
  rig.clock.advance(10_000)
  rig.fake.started.at(-1)?.end('exit code 1')
  await turns()
  const before = rig.fake.started.length
  rig.clock.advance(0)
  expect(rig.fake.started).toHaveLength(before + 1)
})

test.each(['reuse-port', 'cluster'] as const)('%s: a restart replaces one after the other', async (sharing) => {
  const rig = await rigOf(sharing)
  const [first, second] = rig.fake.started
  const restarted = rig.workers.restart()
  await turns(200)
  expect(first?.told).toEqual(sharing === 'reuse-port' ? ['handOver', 'retire'] : ['retire'])
  await restarted
  expect(second?.told.at(-1)).toBe('retire')
  expect(states(rig)).toEqual(['1 serving', '2 serving', '3 serving'])
  expect(rig.workers.status().map(({ pid }) => pid)).toEqual([103, 104, 105])
  expect(rig.lines).toEqual(['workers: 3 are restarted, one after the other', 'workers: restarted'])
})

test('a restart ends where a new one does not start, and leaves those alone that serve', async () => {
  const rig = await rigOf()
  rig.fake.handlers = {
    load() {
      throw new Error('a mistake in the file')
    },
  }
  await rig.workers.restart()
  expect(states(rig)).toEqual(['1 serving', '2 serving', '3 serving'])
  expect(rig.workers.status().map(({ pid }) => pid)).toEqual([100, 101, 102])
  expect(rig.lines.at(-1)).toBe('workers: the restart ends at worker 1: a mistake in the file')
})

test('restarts that are asked for meanwhile are one more', async () => {
  const rig = await rigOf()
  await Promise.all([rig.workers.restart(), rig.workers.restart(), rig.workers.restart()])
  expect(rig.workers.status().map(({ pid }) => pid)).toEqual([106, 107, 108])
})

test('a worker that dies while its listener changes hands loses it; the new one binds anew', async () => {
  const rig = await rigOf()
  const [first] = rig.fake.started
  const restarted = rig.workers.restart()
  while (first?.told.at(-1) !== 'handOver') await Promise.resolve()
  first.end('SIGKILL')
  await restarted
  expect(states(rig)).toEqual(['1 serving', '2 serving', '3 serving'])
})

test('what one finds out the others are told, and so is the primary', async () => {
  const rig = await rigOf()
  const found = { node: 'n1', transport: 'http' } as const
  rig.fake.started[0]?.said.tell('evidence', found)
  await turns()
  expect(rig.fake.started.map(({ told }) => told)).toEqual([[], ['evidence'], ['evidence']])
  expect(rig.evidence).toEqual([found])
})

test('numbers are summed, those of the ended kept, and what was not heard in time is said', async () => {
  const rig = await rigOf()
  rig.fake.started.forEach((worker, n) => {
    worker.report = { connections: n, inFlight: 1, sessions: 0, stats: [['user', { pollNext: 1, requestFinish: 10 }]] }
  })
  const { numbers } = rig.workers.running
  expect(await numbers.gather([['user', { pollNext: 0, requestFinish: 5 }]], () => 2)).toEqual({
    stats: [['user', { pollNext: 1, requestFinish: 35 }]],
    partial: false,
  })
  expect([numbers.sum('connections'), numbers.sum('inFlight')]).toEqual([3, 3])
  rig.fake.started[0]?.end('SIGKILL')
  await turns()
  const gathering = numbers.gather([], () => 2)
  expect((await gathering).stats).toEqual([['user', { pollNext: 0, requestFinish: 30 }]])
})

test('one that gives no sign of life is killed', async () => {
  const rig = await rigOf('cluster', 1)
  rig.fake.handlers = { report: () => new Promise<never>(() => {}) }
  rig.fake.started[0]?.end('exit code 1')
  await turns()
  rig.clock.advance(0)
  await turns()
  const asked = rig.workers.running.numbers.gather([], () => 1)
  await turns()
  rig.clock.advance(500)
  expect((await asked).partial).toBe(true)
  rig.clock.advance(30_000)
  await turns()
  expect(rig.lines).toContain('worker (pid 101) gave no sign of life for too long and is killed')
  expect(rig.lines).toContain('worker 1 (pid 101) ended: SIGKILL')
})
