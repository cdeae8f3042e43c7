import { expect, test } from 'vitest'
import type { View } from '../registry/registry.ts'
import { clusterPage, sumStats } from './cluster.ts'

const view = { services: () => ['user'], nodes: () => [{ name: 'a_b' }] } as unknown as View
const stats = { pollNext: 0, requestFinish: 3 }

test('the page says that it is partial only when it is', () => {
  const page = '{"services":{"user":{"PollNext":0,"Nodes":["a_b"],"RequestFinish":3}},"status":true'
  expect(clusterPage(view, () => stats)).toBe(`${page}}`)
  expect(clusterPage(view, () => stats, true)).toBe(`${page},"partial":true}`)
})

test('turns of several processes add up to the turn of one that made them all', () => {
  const all = [
    { pollNext: 2, requestFinish: 5 },
    { pollNext: 2, requestFinish: 8 },
  ]
  expect(sumStats(all, 3)).toEqual({ pollNext: 1, requestFinish: 13 })
  expect(sumStats(all, 0)).toEqual({ pollNext: 0, requestFinish: 13 })
  expect(sumStats([], 3)).toEqual({ pollNext: 0, requestFinish: 0 })
})
