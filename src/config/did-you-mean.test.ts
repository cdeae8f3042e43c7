import { expect, test } from 'vitest'
import { didYouMean } from './did-you-mean.ts'

const keys = ['type', 'path', 'method', 'limiter', 'breaker', 'timeout', 'retries', 'httpPort', 'rpcPort']

test.each([
  ['limitter', 'limiter'],
  ['limter', 'limiter'],
  ['pahT', 'path'],
  ['timout', 'timeout'],
  ['http_port', 'httpPort'],
  ['HTTPPORT', 'httpPort'],
  ['retrys', 'retries'],
])('%s is near to %s', (word, meant) => {
  expect(didYouMean(word, keys)).toBe(meant)
})

test.each(['', 'x', 'elephant', 'database', 'y'.repeat(5000)])('nothing is near to %j', (word) => {
  expect(didYouMean(word, [...keys, 'y'])).toBeUndefined()
})
