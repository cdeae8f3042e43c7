import { expect, it } from 'vitest'
import { toRedisAddress } from './redis-address.ts'

const plain = { username: undefined, password: undefined, database: 0, tls: false }

it.each([
  ['cache', { ...plain, host: 'cache', port: 6379, shown: 'cache:6379' }],
  [' 10.0.0.1:6380 ', { ...plain, host: '10.0.0.1', port: 6380, shown: '10.0.0.1:6380' }],
  ['[::1]', { ...plain, host: '::1', port: 6379, shown: '[::1]:6379' }],
  ['redis://cache/', { ...plain, host: 'cache', port: 6379, shown: 'cache:6379' }],
  ['cache:6379/2', { ...plain, host: 'cache', port: 6379, database: 2, shown: 'cache:6379/2' }],
  ['rediss://cache', { ...plain, host: 'cache', port: 6379, tls: true, shown: 'cache:6379' }],
  [
    'redis://me:p%40ss@cache:7000/15',
    { username: 'me', password: 'p@ss', host: 'cache', port: 7000, database: 15, tls: false, shown: 'cache:7000/15' },
  ],
  ['redis://:secret@cache', { ...plain, password: 'secret', host: 'cache', port: 6379, shown: 'cache:6379' }],
])('takes %s', (written, address) => {
  expect(toRedisAddress(written)).toEqual(address)
})

it.each([
  '',
  'http://cache',
  'redis://',
  'cache:port',
  'cache:0',
  'cache:70000',
  'a b',
  'redis://cache/sessions',
  'redis://cache?db=1',
  'redis://:%zz@cache',
  'a:6379|b:6379',
])('refuses %j', (written) => {
  expect(() => toRedisAddress(written)).toThrow(/^expected `redisAddr` to be an address such as host:6379/)
})

it.each(['ftp://me:hunter2@cache', 'me:hunter2@cache:x', 'redis://:hunter2@x@cache:port'])(
  'tells of %s without its password',
  (written) => {
    expect(() => toRedisAddress(written, 'url')).toThrow(
      expect.objectContaining({ code: 'GOMS_CONFIG_INVALID', message: expect.not.stringContaining('hunter2') }),
    )
  },
)
