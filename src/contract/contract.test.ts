import { boolean, object, string } from 'valibot'
import { describe, expect, it } from 'vitest'
import { contract, fromDocument, hashOf, isContract, methodOptionsOf, toDocument } from './contract.ts'
import { event } from './event.ts'
import { rpc } from './method.ts'

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

describe('the methods of a contract', () => {
  const schema = object({ username: string() })
  const User = contract('user', {
    rpc: {
      exists: rpc({
        input: schema,
        output: object({ exists: boolean() }),
        errors: { USER_NOT_FOUND: schema },
        timeoutMs: 2000,
        idempotent: true,
        retries: 2,
        limiter: '5/100',
        breaker: '5/100',
        expose: 'POST',
      }),
      ping: rpc<void>(),
    },
  })

  it('are advertised with what callers and gateways must know, and nothing of their types', () => {
    expect(JSON.parse(JSON.stringify(toDocument(User)))).toEqual({
      service: 'user',
      http: {},
      rpc: {
        exists: {
          timeoutMs: 2000,
          idempotent: true,
          retries: 2,
          limiter: '5/100',
          breaker: '5/100',
          expose: 'POST',
          hasInput: true,
          hasOutput: true,
          errors: ['USER_NOT_FOUND'],
        },
        ping: {},
      },
    })
  })

  it('come back from the registry as they went; a later version may say more', () => {
    const document = JSON.parse(JSON.stringify(toDocument(User)))
    expect(fromDocument(document)).toEqual(document)
    expect(Object.getPrototypeOf(fromDocument(document)?.rpc)).toBeNull()
    const later = { service: 'user', rpc: { ping: { streams: true } }, more: 1 }
    expect(fromDocument(later)).toEqual({ service: 'user', http: {}, rpc: { ping: {} } })
  })

  it.each([
    [],
    { ping: 1 },
    { ping: { expose: 'TRACE' } },
    { ping: { timeoutMs: 0 } },
    { ping: { timeoutMs: '5' } },
    { ping: { idempotent: 'yes' } },
    { ping: { limiter: 'x' } },
    { ping: { limiter: { calls: 1, perMs: 1 } } },
    { ping: { sharedLimiter: '5/100' } },
    { ping: { sharedLimiter: { calls: 1 } } },
    { ping: { sharedLimiter: { calls: 1, perMs: 1, onError: 'maybe' } } },
    { ping: { retries: 1000 } },
    { ping: { errors: [1] } },
  ])('are told apart from what is none: %j', (methods) => {
    expect(fromDocument({ service: 'user', rpc: methods })).toBeUndefined()
  })

  it('tell the names of events', () => {
    const told = contract('order', { events: { submitted: event<number>(), paid: event<number>() } })
    const document = { service: 'order', http: {}, events: ['paid', 'submitted'] }
    expect(toDocument(told)).toEqual(document)
    expect(fromDocument(document)).toEqual(document)
    // Nothing depends on them.
    expect(fromDocument({ service: 'order', events: [1] })).toEqual({ service: 'order', http: {} })
    expect(hashOf(contract('order', { events: {} }))).toBe(hashOf(contract('order', {})))
  })

  it('have a limiter of the project under a name that versions before leave out, and any other as they read it', () => {
    const limited = contract('user', {
      rpc: {
        shared: rpc<void, void>({ limiter: { calls: 5, perMs: 100, shared: true, onError: 'closed' } }),
        written: rpc<void, void>({ limiter: { calls: 5, perMs: 250 } }),
      },
    })
    const document = JSON.parse(JSON.stringify(toDocument(limited)))
    expect(document.rpc).toEqual({
      shared: { sharedLimiter: { calls: 5, perMs: 100, onError: 'closed' } },
      written: { limiter: '0.25/5' },
    })
    const read = fromDocument(document)?.rpc ?? {}
    expect(read).toEqual(document.rpc)
    expect(Object.values(read).map((method) => methodOptionsOf(method))).toEqual([
      { limiter: { calls: 5, perMs: 100, shared: true, onError: 'closed' } },
      { limiter: '0.25/5' },
    ])
    // What a later version says more of it is left out.
    document.rpc.shared.sharedLimiter.burst = 7
    expect(fromDocument(document)?.rpc).toEqual(read)
  })

  it('leave the hash of a contract without them as it was', () => {
    const http = { login: 'POST /login' }
    expect(hashOf(contract('user', { http, rpc: {} }))).toBe(hashOf(contract('user', { http })))
    expect(hashOf(contract('user', { http }))).toBe('3c33a248d5ace869')
    expect(hashOf(contract('user', { http, rpc: { ping: rpc<void>() } }))).not.toBe(hashOf(contract('user', { http })))
  })

  it.each([
    [{ timeoutMs: 0 }, /rpc\.m\.timeoutMs: expected an integer from 1 to 2147483647, got `0` \(number\)/],
    [{ retries: 11 }, /rpc\.m\.retries: expected an integer from 0 to 10/],
    [{ limiter: '5' }, /rpc\.m\.limiter: expected "<seconds>\/<calls>", like "5\/100", or .* got "5" \(string\)/],
    [{ limiter: { calls: 5, per: 1 } }, /rpc\.m\.limiter: expected .* got `\{ calls, per \}` \(object\)/],
    [{ expose: 'HEAD' }, /rpc\.m\.expose: expected one of GET, POST/],
    [{ input: {} }, /rpc\.m\.input: expected a Standard Schema/],
    [{ errors: { notFound: schema } }, /errors\.notFound: expected a code of your own in capitals/],
    [{ errors: { DRAINING: schema } }, /errors\.DRAINING: expected a code of your own/],
    [{ errors: { GONE: 1 } }, /errors\.GONE: expected a Standard Schema/],
  ])('are refused with the option %j', (options, message) => {
    expect(() => contract('user', { rpc: { m: rpc(options as never) } })).toThrow(message)
  })

  it('are refused when they are none, or would make a promise of the client', () => {
    const invalid = expect.objectContaining({ code: 'GOMS_OPTION_INVALID' })
    expect(() => contract('user', { rpc: { m: {} as never } })).toThrow(invalid)
    const name = expect.objectContaining({ code: 'GOMS_NAME_INVALID' })
    // biome-ignore lint/suspicious/noThenProperty: it is what is refused
    expect(() => contract('user', { rpc: { then: rpc<void>() } })).toThrow(name)
    expect(() => contract('user', { rpc: { get_user: rpc<void>() } })).toThrow(name)
    expect(() => contract('user', { events: { 'a b': event<void>() } })).toThrow(name)
  })
})
