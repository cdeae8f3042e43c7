import { expect, it } from 'vitest'
import { encodeInSlices } from './sliced-encoding.ts'

/** An item as long as what is written at a time. */
const long = (item: number): string => JSON.stringify(String(item).padEnd(4096))

const frame = { open: '[', between: ',', close: ']' }

it.each([0, 1, 2, 7])('encodes %i items in their frame', async (count) => {
  const items = Array.from({ length: count }, (_, i) => `ü${i}`)
  const chunks = await encodeInSlices(items, JSON.stringify, frame)
  expect(JSON.parse(Buffer.concat(chunks).toString())).toEqual(items)
})

it('keeps texts of any length, whatever they are made of, in their order', async () => {
  const items = ['ü€😀', 'x', '😀'.repeat(40_000), 'é'.repeat(4095), 'y'.repeat(300_000), '"\ud800'].flatMap((it) => [
    it,
    '€',
  ])
  const chunks = await encodeInSlices(items, JSON.stringify, frame)
  expect(JSON.parse(Buffer.concat(chunks).toString())).toEqual(items)
})

it('lets others run after each slice of time, and not between', async () => {
  let nowMs = 0
  let pauses = 0
  let longestMs = 0
  let since = 0
  const chunks = await encodeInSlices(
    Array.from({ length: 100 }, (_, i) => i),
    (item) => {
      nowMs += 0.25
      longestMs = Math.max(longestMs, nowMs - since)
      return long(item)
    },
    frame,
    undefined,
    {
      sliceMs: 1,
      now: () => nowMs,
      pause: async () => {
        pauses++
        nowMs += 5
        since = nowMs
      },
    },
  )
  expect(longestMs).toBe(1)
  expect(pauses).toBe(25)
  expect(JSON.parse(Buffer.concat(chunks).toString()).length).toBe(100)
})

it('stops when nobody waits for it any more', async () => {
  const controller = new AbortController()
  let encoded = 0
  const work = encodeInSlices(
    [1, 2, 3],
    (item) => {
      encoded++
      return long(item)
    },
    frame,
    controller.signal,
    { sliceMs: 0, pause: async () => controller.abort(new Error('over')) },
  )
  await expect(work).rejects.toThrow('over')
  expect(encoded).toBe(1)
})
