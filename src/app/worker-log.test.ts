import { expect, it } from 'vitest'
import { manualClock } from '../core/clock.ts'
import type { AccessEntry } from '../core/log.ts'
import type { Channel } from './process-channel.ts'
import { createWorkerLog } from './worker-log.ts'
import type { Reports } from './worker-protocol.ts'

/** A channel whose messages arrive when the test says so. */
function rig() {
  const sent: { name: string; input: unknown; arrived: () => void }[] = []
  const tell = (name: string, input: unknown, _handle: unknown, arrived: () => void) =>
    void sent.push({ name, input, arrived })
  const clock = manualClock()
  const log = createWorkerLog(() => ({ tell }) as unknown as Channel<Reports>, clock)
  return { log, sent, clock }
}

const entry = (status: number) => ({ status }) as AccessEntry

it('sends a line at once, as what can be sent: no functions, bounded', () => {
  const { log, sent } = rig()
  log.warn('x'.repeat(10_000), { fn: () => {}, n: 1 })
  const message = expect.stringMatching(/^x+… \d+ more$/)
  expect(sent[0]).toMatchObject({ name: 'log', input: { level: 'warn', message, fields: { n: 1 } } })
})

it('drops what a channel that stands still cannot take, and tells how much once it moves', () => {
  const { log, sent } = rig()
  for (let i = 0; i < 300; i++) log.info(`line ${i}`)
  expect(sent).toHaveLength(256)
  for (const { arrived } of sent.splice(0)) arrived()
  expect(sent.map(({ input }) => (input as { message: string }).message)).toEqual([
    "44 lines of a worker's log dropped: more than its primary took",
  ])
})

it('sends entries of the access log together, a moment later, when they are many, or when asked', () => {
  const { log, sent, clock } = rig()
  log.access(entry(200))
  log.access(entry(404))
  expect(sent).toEqual([])
  clock.advance(100)
  expect(sent.map(({ name, input }) => [name, input])).toEqual([['access', [entry(200), entry(404)]]])
  for (let i = 0; i < 256; i++) log.access(entry(200))
  expect(sent[1]?.input).toHaveLength(256)
  log.access(entry(500))
  log.flush()
  log.flush()
  expect(sent.slice(2).map(({ input }) => input)).toEqual([[entry(500)]])
})
