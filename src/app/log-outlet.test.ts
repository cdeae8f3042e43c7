import { expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import { createOutlet, type Drain, MAX_WAITING_BYTES, type Outlet } from './log-outlet.ts'

interface Rig {
  readonly outlet: Outlet
  readonly clock: ReturnType<typeof manualClock>
  /** What was written, as one text. */
  text(): string
  /** Throws that from now on; undefined: takes everything. */
  fail: string | undefined
  /** Takes at most so many bytes at a time. */
  most: number
  writes: number
}

function rigOf(write?: (bytes: Buffer) => Promise<number>): Rig {
  const clock = manualClock()
  let written = ''
  const take = (bytes: Buffer): number => {
    rig.writes++
    if (rig.fail !== undefined) throw Object.assign(new Error(rig.fail), { code: rig.fail })
    const part = bytes.subarray(0, rig.most)
    written += part.toString()
    return part.length
  }
  const drain: Drain = { write: write ?? take, writeNow: take }
  const outlet = createOutlet({ drain, clock, told: (dropped) => `${dropped} dropped\n` })
  const rig: Rig = { outlet, clock, text: () => written, fail: undefined, most: Number.POSITIVE_INFINITY, writes: 0 }
  return rig
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

it('writes the first line of a turn at once, and the others together', async () => {
  const rig = rigOf()
  for (const line of ['a\n', 'b\n', 'c\n']) rig.outlet.write(line)
  expect(rig.text()).toBe('a\n')
  await turn()
  expect([rig.text(), rig.writes]).toEqual(['a\nb\nc\n', 2])
})

it('keeps lines of which there are many for a moment, and their order with the others', () => {
  const rig = rigOf()
  rig.outlet.writeLater('a\n')
  rig.clock.advance(99)
  expect(rig.text()).toBe('')
  rig.clock.advance(1)
  expect(rig.text()).toBe('a\n')
  rig.outlet.writeLater('b\n')
  rig.outlet.write('c\n')
  expect(rig.text()).toBe('a\nb\nc\n')
})

it('goes on where a write ended in the middle of a line', () => {
  const rig = rigOf()
  rig.most = 3
  rig.outlet.write('one line of äöü\n')
  expect(rig.text()).toContain('one line')
  expect(rig.outlet.waitingBytes).toBe(0)
})

it.each(['EAGAIN', 'ENOSPC'])(
  'with %s it waits within its bound, drops what does not fit, and tells it',
  async (code) => {
    const rig = rigOf()
    rig.fail = code
    const line = `${'x'.repeat(1023)}\n`
    for (let i = 0; i < 3000; i++) rig.outlet.write(line)
    await turn()
    expect(rig.outlet.waitingBytes).toBe(MAX_WAITING_BYTES)
    expect(rig.outlet.dropped).toBe(3000 - 1024)
    const before = rig.writes
    rig.clock.advance(10_000)
    // It looks less and less often, but at least twice a second.
    expect(rig.writes - before).toBeGreaterThanOrEqual(20)
    expect(rig.writes - before).toBeLessThan(40)
    rig.fail = undefined
    rig.clock.advance(500)
    expect(rig.text()).toBe(`${line.repeat(1024)}1976 dropped\n`)
    rig.outlet.write('again\n')
    expect(rig.text().endsWith('dropped\nagain\n')).toBe(true)
    expect(rig.outlet.waitingBytes).toBe(0)
  },
)

it('tells what was dropped where it would have stood', async () => {
  const rig = rigOf()
  rig.most = 65_536
  rig.fail = 'EAGAIN'
  rig.outlet.write(`${'x'.repeat(MAX_WAITING_BYTES - 1)}\n`)
  rig.outlet.write('lost\n')
  rig.fail = undefined
  rig.clock.advance(500)
  rig.outlet.write('next\n')
  await turn()
  expect(rig.text().slice(-20)).toMatch(/x\n1 dropped\nnext\n$/)
})

it('keeps nothing for a reader that has gone, and tries again with the next line', async () => {
  const rig = rigOf()
  rig.fail = 'EPIPE'
  rig.outlet.write('a\n')
  expect([rig.outlet.waitingBytes, rig.outlet.dropped]).toEqual([0, 1])
  await turn()
  rig.fail = undefined
  rig.outlet.write('b\n')
  expect(rig.text()).toBe('1 dropped\nb\n')
})

it('counts a line that nobody reads once, and no line that only tells of others', async () => {
  const rig = rigOf()
  rig.fail = 'EPIPE'
  for (let i = 0; i < 100; i++) {
    rig.outlet.write('a\n')
    await turn()
  }
  expect(rig.outlet.dropped).toBe(100)
  rig.fail = undefined
  rig.outlet.write('b\n')
  expect(rig.text()).toBe('100 dropped\nb\n')
})

it('has one write under way at a time', async () => {
  const finish: (() => void)[] = []
  const sent: string[] = []
  const rig = rigOf((bytes) => {
    sent.push(bytes.toString())
    return new Promise((resolve) => finish.push(() => resolve(bytes.length)))
  })
  rig.outlet.write('a\n')
  rig.outlet.write('b\n')
  await turn()
  rig.outlet.write('c\n')
  await turn()
  expect(sent).toEqual(['a\n'])
  finish.shift()?.()
  await turn()
  expect(sent).toEqual(['a\n', 'b\nc\n'])
})

it('at the end of the process writes what can be written without waiting, and gives up on a reader that stopped', () => {
  const rig = rigOf()
  rig.outlet.writeLater('a\n')
  rig.outlet.flushNow()
  expect(rig.text()).toBe('a\n')
  rig.fail = 'EAGAIN'
  rig.outlet.writeLater('b\n')
  const fromMs = performance.now()
  rig.outlet.flushNow()
  expect(performance.now() - fromMs).toBeLessThan(5000)
  expect(rig.text()).toBe('a\n')
})

it('closes when all is written, or when the time is over; what comes later is dropped', async () => {
  const rig = rigOf()
  rig.outlet.writeLater('a\n')
  await rig.outlet.close()
  expect(rig.text()).toBe('a\n')
  rig.outlet.write('b\n')
  expect(rig.outlet.dropped).toBe(1)

  const stuck = rigOf()
  stuck.fail = 'ENOSPC'
  stuck.outlet.write('a\n')
  const closed = stuck.outlet.close(200)
  stuck.clock.advance(200)
  await closed
  expect(stuck.text()).toBe('')
})
