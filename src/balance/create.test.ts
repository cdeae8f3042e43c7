import { expect, it } from 'vitest'
import type { BalanceOptions } from '../core/options.ts'
import { createBalancer } from './create.ts'

it.each(['round-robin', 'weighted', 'random', 'least-in-flight', 'p2c'] as const)('makes %s', (name) => {
  expect(createBalancer(name).name).toBe(name)
})

it.each([{ header: 'x-user' }, { cookie: 'session' }, { query: 'id' }])('makes a hash by %o', (hash) => {
  expect(createBalancer({ hash }).name).toBe('hash')
})

it.each([
  'round robin',
  'toString',
  '',
  undefined,
  null,
  {},
  { hash: {} },
  { hash: { header: '' } },
  { hash: { header: 'a', cookie: 'b' } },
])('refuses %o and says what may stand there', (options) => {
  expect(() => createBalancer(options as BalanceOptions)).toThrow(
    expect.objectContaining({
      code: 'GOMS_OPTION_INVALID',
      detail: expect.objectContaining({ expected: expect.stringContaining('least-in-flight') }),
    }),
  )
})
