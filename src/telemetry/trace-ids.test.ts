import { expect, it } from 'vitest'
import { createTraceIds } from './trace-ids.ts'

it('never meets an id again, and uses every digit at every place', () => {
  const ids = createTraceIds(new Uint8Array(16).fill(7))
  const seen = new Set<string>()
  const digits = Array.from({ length: 32 }, () => new Set<string>())
  for (let i = 0; i < 20_000; i++) {
    const traceId = ids.traceId()
    expect(traceId).toMatch(/^[0-9a-f]{32}$/)
    seen.add(traceId).add(ids.spanId())
    for (let at = 0; at < 32; at++) digits[at]?.add(traceId[at] as string)
  }
  expect(seen.size).toBe(40_000)
  for (const used of digits) expect(used.size).toBe(16)
})

it('goes another way in every process, and works with the worst seed', () => {
  expect(createTraceIds().spanId()).not.toBe(createTraceIds().spanId())
  const worst = createTraceIds(new Uint8Array(16))
  expect(new Set(Array.from({ length: 1000 }, () => worst.spanId())).size).toBe(1000)
})
