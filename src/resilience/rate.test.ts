import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Rate } from '../core/options.ts'
import { parseRate } from './rate.ts'

it.each([
  ['5/100', { calls: 100, perMs: 5000 }],
  ['0.5/1', { calls: 1, perMs: 500 }],
  [' 86400 / 1000000 ', { calls: 1_000_000, perMs: 86_400_000 }],
  [
    { calls: 3, perMs: 20 },
    { calls: 3, perMs: 20 },
  ],
])('reads %o', (written, rate) => {
  expect(parseRate(written)).toEqual(rate)
})

it.each([
  '',
  '5',
  '5/',
  '/100',
  '5/x',
  '5/100/2',
  '-5/100',
  '0/100',
  '5/0',
  '5/1.5',
  '86401/1',
  '5/1000001',
  '1e3/5',
  '.5/1',
  'Infinity/1',
  `${'9'.repeat(400)}/1`,
  { calls: 0, perMs: 1 },
  { calls: 1.5, perMs: 1 },
  { calls: 1, perMs: 0 },
  { calls: 1, perMs: Number.NaN },
  { calls: '1', perMs: 1 },
  {},
  null,
  undefined,
  5,
])('refuses %o', (written) => {
  expect(() => parseRate(written as string | Rate, 'limiter')).toThrow(
    expect.objectContaining({
      code: 'GOMS_OPTION_INVALID',
      message: expect.stringContaining('limiter: expected'),
      detail: expect.objectContaining({ fix: expect.stringContaining('5/100') }),
    }),
  )
})

it('takes every rate within the bounds as it is', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 86_400 }), fc.integer({ min: 1, max: 1_000_000 }), (seconds, calls) => {
      expect(parseRate(`${seconds}/${calls}`)).toEqual({ calls, perMs: seconds * 1000 })
    }),
  )
})
