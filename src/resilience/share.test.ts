import { expect, test } from 'vitest'
import { rateShare, shareOf, WHOLE } from './share.ts'

const sharesOf = (whole: number, of: number): number[] =>
  Array.from({ length: of }, (_, index) => shareOf(whole, { index, of }))

test('shares add up to the whole, and differ by one at most', () => {
  for (let of = 1; of <= 9; of++) {
    for (let whole = of; whole <= 100; whole++) {
      const shares = sharesOf(whole, of)
      expect(shares.reduce((a, b) => a + b)).toBe(whole)
      expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1)
    }
  }
})

test('of less than there are workers each gets one, so that nobody is shut out', () => {
  expect(sharesOf(2, 4)).toEqual([1, 1, 1, 1])
})

test('a rate keeps its window; the whole is the rate itself', () => {
  const rate = { calls: 100, perMs: 5000 }
  expect(rateShare(rate, { index: 0, of: 3 })).toEqual({ calls: 34, perMs: 5000 })
  expect(rateShare(rate, { index: 2, of: 3 })).toEqual({ calls: 33, perMs: 5000 })
  expect(rateShare(rate, WHOLE)).toBe(rate)
})
