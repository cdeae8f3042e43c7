import { expect, it } from 'vitest'
import { toElasticsearchUrls } from './elasticsearch-address.ts'

it.each([
  ['http://192.168.125.183:9200', ['http://192.168.125.183:9200/']],
  ['es', ['http://es:9200/']],
  ['es:9200/', ['http://es:9200/']],
  ['[::1]', ['http://[::1]:9200/']],
  ['https://search.example/prefix', ['https://search.example/prefix/']],
  ['http://es:9200/_bulk', ['http://es:9200/']],
  ['http://a:1|b:2, c', ['http://a:1/', 'http://b:2/', 'http://c:9200/']],
  // Nodes of a cluster have their users in common.
  [
    'https://me:p%40ss@a:1|https://b:2|https://you:x@c:3',
    ['https://me:p%40ss@a:1/', 'https://me:p%40ss@b:2/', 'https://you:x@c:3/'],
  ],
])('takes %s', (address, urls) => {
  expect(toElasticsearchUrls(address).map((url) => url.href)).toEqual(urls)
})

it.each([
  '',
  ' | ',
  'ftp://es',
  'http://',
  'es:port',
  'http://es/?pretty',
  'http://a:%zz@es',
  'es|es:0',
  'a|'.repeat(33),
])('refuses %j', (address) => {
  expect(() => toElasticsearchUrls(address)).toThrow(/^esAddr: /)
})

it('tells of a wrong address without its password', () => {
  expect(() => toElasticsearchUrls('a|ftp://me:hunter2@es')).toThrow('esAddr: "ftp://es" is no address')
})
