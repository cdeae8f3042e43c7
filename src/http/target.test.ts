import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeSegment, MAX_TARGET_BYTES, normalisePath, parseTarget } from './target.ts'

describe('request target', () => {
  it.each([
    ['/api/user/login', '/api/user/login'],
    ['/', '/'],
    ['/api/user/login/', '/api/user/login/'],
    ['//api///user/login', '/api/user/login'],
    ['/api/./user/login', '/api/user/login'],
    ['/x/../api/user/login', '/api/user/login'],
    ['/x/%2e%2E/api/user/login', '/api/user/login'],
    ['/api/us%65r/login', '/api/user/login'],
    ['/api/user/%e4%bd%a0', '/api/user/%E4%BD%A0'],
    ['/api/user/a%20b', '/api/user/a%20b'],
    ['/api/user/..', '/api/'],
  ])('%s is the path %s', (raw, path) => {
    expect(parseTarget(raw)).toEqual({ path, query: '', authority: undefined })
  })

  it.each([
    '/..',
    '/../etc/passwd',
    '/a/../../b',
    '/%2e%2e/x',
    '/a%2fb',
    '/a%2Fb',
    '/a%5cb',
    '/a\\b',
    '/a%00b',
    '/a%0d%0ab',
    '/a%',
    '/a%2',
    '/a%zz',
    '/a b',
    '/a#b',
    '/a?b#c',
    '/a\u00e4',
    '/a?\u0001',
    '/a?\u00e9',
    'http://h, x/',
    'http://[::1/',
    'api/user',
    '*',
    '',
    'example.com:443',
    'http://',
    'http://user@host/',
    'ftp://host/',
  ])('refuses %j', (raw) => {
    expect(parseTarget(raw)).toBe(400)
  })

  it('keeps the query byte for byte', () => {
    const query = '?a=1&b=%2F%zz&&c={"x":[1]}|^`&d=?e//..'
    expect(parseTarget(`/api/user/login${query}`)).toMatchObject({ query })
    expect(parseTarget('/a?')).toMatchObject({ query: '?' })
  })

  it('takes the absolute form and tells its authority', () => {
    expect(parseTarget('http://shop.test:8080/api/user/login?x')).toEqual({
      path: '/api/user/login',
      query: '?x',
      authority: 'shop.test:8080',
    })
    expect(parseTarget('HTTP://shop.test')).toMatchObject({ path: '/' })
    expect(parseTarget('http://shop.test?x')).toMatchObject({ path: '/', query: '?x' })
  })

  it('refuses what is too long with 414', () => {
    expect(parseTarget(`/${'a'.repeat(MAX_TARGET_BYTES)}`)).toBe(414)
  })

  it('gives a path that stays as it is when it is normalised again', () => {
    const path = fc
      .array(fc.constantFrom('/', '.', '..', 'a', '%2e', '%41', '%20', '~', '//', '-x'), { maxLength: 12 })
      .map((parts) => `/${parts.join('')}`)
    fc.assert(
      fc.property(path, (raw) => {
        const once = normalisePath(raw)
        if (once === undefined) return
        expect(normalisePath(once)).toBe(once)
        expect(once.split('/').slice(1, -1)).not.toContain('')
        expect(once.split('/')).not.toContain('..')
        expect(once.split('/')).not.toContain('.')
      }),
    )
  })

  it('decodes segments, or says that it cannot', () => {
    expect(decodeSegment('%E4%BD%A0')).toBe('你')
    expect(decodeSegment('%E4')).toBeUndefined()
  })
})
