import { describe, expect, it } from 'vitest'
import { contract, fromDocument, hashOf, isContract, toDocument } from './contract.ts'

describe('a contract', () => {
  it('is data that says method and path of each action', () => {
    const User = contract('user', { http: { login: 'POST /login', any: '/x', both: 'get|post /y', open: 'ANY /z' } })
    expect(isContract(User)).toBe(true)
    expect(toDocument(User)).toEqual({
      service: 'user',
      http: {
        login: { path: '/login', methods: ['POST'] },
        any: { path: '/x' },
        both: { path: '/y', methods: ['GET', 'POST'] },
        open: { path: '/z' },
      },
    })
    const name: 'user' = User.name
    const login: 'POST /login' = User.shape.http.login
    expect([name, login]).toEqual(['user', 'POST /login'])
  })

  it('has a hash that depends on what it says and not on the order', () => {
    const one = hashOf(contract('user', { http: { a: 'GET /a', b: 'POST /b' } }))
    const two = hashOf(contract('user', { http: { b: 'POST /b', a: 'GET /a' } }))
    const three = hashOf(contract('user', { http: { b: 'POST /b', a: 'GET /c' } }))
    expect(one).toMatch(/^[0-9a-f]{16}$/)
    expect(two).toBe(one)
    expect(three).not.toBe(one)
  })

  it.each(['login', 'POST login', 'POST /a /b', 'PO ST /a', 'POST /a?b=1', '', 'P,T /x', 'POST /ä'])(
    'refuses the action %j',
    (text) => {
      expect(() => contract('user', { http: { login: text } })).toThrow(
        expect.objectContaining({ code: 'GOMS_OPTION_INVALID' }),
      )
    },
  )

  it('refuses names that cannot stand in a key or path', () => {
    const invalid = expect.objectContaining({ code: 'GOMS_NAME_INVALID' })
    expect(() => contract('my_user', {})).toThrow(invalid)
    expect(() => contract('user', { http: { log_in: 'POST /login' } })).toThrow(invalid)
  })

  it('comes back from the registry as it went, and what is none is told apart', () => {
    const document = toDocument(contract('user', { http: { login: 'POST /login', any: '/x' } }))
    expect(fromDocument(JSON.parse(JSON.stringify(document)))).toEqual(document)
    for (const wrong of [
      null,
      1,
      'x',
      [],
      {},
      { service: 1 },
      { service: 'u', http: [] },
      { service: 'u', http: { a: 1 } },
    ]) {
      expect(fromDocument(wrong)).toBeUndefined()
    }
    expect(fromDocument({ service: 'u', http: { a: { path: 'x' } } })).toBeUndefined()
    expect(fromDocument({ service: 'u', http: { a: { path: '/x', methods: ['get\r\n'] } } })).toBeUndefined()
    const poisoned = fromDocument(JSON.parse('{"service":"u","http":{"__proto__":{"path":"/x"}}}'))
    expect(Object.getPrototypeOf(poisoned?.http)).toBeNull()
  })
})
