import { expect, it } from 'vitest'
import { differenceOf, lineOf } from './route-difference.ts'
import { isSameSet, type SharedSet } from './shared-set.ts'

const before: SharedSet = {
  timeout: 10_000,
  retries: 2,
  services: {
    user: { login: '/login', exists: { path: '/exists', timeout: 2000, method: 'GET' }, gone: '/gone' },
    old: { all: { type: 'rpc' } },
  },
}
const after: SharedSet = {
  timeout: 500,
  balance: { default: 'p2c' },
  services: {
    user: {
      exists: { path: '/exists', timeout: 500, method: 'GET', limiter: '5/100' },
      login: { path: '/login' },
      register: { path: '/register', method: ['POST', 'PUT'] },
    },
  },
}

it('the difference is told by default and route, and within a route by key', () => {
  expect(differenceOf(before, after).map(lineOf)).toEqual([
    '~ default timeout 10000 → 500',
    '- default retries 2',
    '+ default balance {"default":"p2c"}',
    '~ user/exists: timeout 2000 → 500, limiter none → 5/100',
    '+ user/register /register method ["POST","PUT"]',
    '- user/gone /gone',
    '- old/all type rpc',
  ])
  expect(differenceOf(before, after)[3]).toEqual({
    change: 'changed',
    service: 'user',
    action: 'exists',
    fields: [
      { key: 'timeout', before: 2000, after: 500 },
      { key: 'limiter', before: undefined, after: '5/100' },
    ],
  })
})

it('from and to nothing', () => {
  expect(differenceOf(undefined, { services: { user: { login: '/login' } } }).map(lineOf)).toEqual([
    '+ user/login /login',
  ])
  expect(differenceOf(before, undefined).every(({ change }) => change === 'removed')).toBe(true)
  expect(differenceOf(undefined, undefined)).toEqual([])
})

it('sets that say the same are the same', () => {
  expect(isSameSet({ services: { user: { login: '/a' } } }, { services: { user: { login: { path: '/a' } } } })).toBe(
    true,
  )
  expect(isSameSet({ timeout: 5, retries: 1 }, { retries: 1, timeout: 5, limiter: undefined })).toBe(true)
  expect(isSameSet({ timeout: 5 }, { timeout: 6 })).toBe(false)
  expect(isSameSet(undefined, {})).toBe(false)
})

it.each([5, 'x', null, [], { user: null }, { user: 'x' }, { user: { login: 5 } }])(
  'a set that nobody can go by (services: %j) can be compared',
  (services) => {
    const wrong = { services } as unknown as SharedSet
    expect(differenceOf(wrong, after).length).toBeGreaterThan(0)
    expect(isSameSet(wrong, after)).toBe(false)
  },
)
