import { expect, it } from 'vitest'
import { GomsError } from '../core/errors.ts'
import { verdictOn } from './verdict.ts'

const WAITS = [10, 20]

it('a failed delivery comes again after the next wait, and is dead after the last', () => {
  const reason = 'UNAVAILABLE: away'
  const away = new GomsError('UNAVAILABLE', 'away')
  expect(verdictOn(away, 1, WAITS)).toEqual({ kind: 'again', afterMs: 10, reason })
  expect(verdictOn(away, 2, WAITS)).toEqual({ kind: 'again', afterMs: 20, reason })
  expect(verdictOn(away, 3, WAITS)).toEqual({ kind: 'dead', reason })
  expect(verdictOn(away, 1, [])).toEqual({ kind: 'dead', reason })
})

it.each(['INVALID_ARGUMENT', 'OUT_OF_RANGE'] as const)('%s is dead at once', (code) => {
  expect(verdictOn(new GomsError(code, 'no'), 1, WAITS)).toEqual({ kind: 'dead', reason: `${code}: no` })
})

it('says why, whatever was thrown, in few words', () => {
  const reasonOf = (thrown: unknown): unknown => Reflect.get(verdictOn(thrown, 9, WAITS), 'reason')
  expect(reasonOf(new TypeError('x is no function'))).toBe('TypeError: x is no function')
  expect(reasonOf('a text')).toBe('a text')
  expect(reasonOf(undefined)).toBe('undefined')
  expect(String(reasonOf('x'.repeat(9999)))).toHaveLength(501)
})
