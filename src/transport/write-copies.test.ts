import { expect, it } from 'vitest'
import { copyToWrite, copyWritten } from './write-copies.ts'

const bytes = (length: number, fill: number): Buffer => Buffer.alloc(length, fill)

it('copies, and uses the memory of what was written again', () => {
  const source = bytes(40_000, 1)
  const first = copyToWrite(source)
  source.fill(2)
  expect(first.equals(bytes(40_000, 1))).toBe(true)
  copyWritten(first)
  const second = copyToWrite(bytes(65_536, 3))
  expect(second.buffer).toBe(first.buffer)
  expect(second.equals(bytes(65_536, 3))).toBe(true)
})

it('never uses the memory of a copy that is not written yet', () => {
  const copies = Array.from({ length: 100 }, (_, i) => copyToWrite(bytes(20_000, i)))
  expect(new Set(copies.map((copy) => copy.buffer)).size).toBe(100)
  for (const [i, copy] of copies.entries()) expect(copy.equals(bytes(20_000, i))).toBe(true)
})

it.each([1, 4000, 16_383, 65_537])('keeps nothing of a copy of %d bytes, whose memory may be shared', (length) => {
  const copy = copyToWrite(bytes(length, 7))
  expect(copy.equals(bytes(length, 7))).toBe(true)
  copyWritten(copy)
  expect(copyToWrite(bytes(20_000, 8)).buffer).not.toBe(copy.buffer)
})
