/** What does not compile, and what is inferred: `npm run types` fails when an expected error is none. */
import { object, optional, pipe, string, transform } from 'valibot'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { GomsError } from '../core/errors.ts'
import { service } from '../service/service.ts'
import { type ClientOf, isErrorOf } from './client.ts'
import { contract } from './contract.ts'
import { event } from './event.ts'
import type { ContextOf } from './handler.ts'
import { rpc } from './method.ts'
import type { InputOf, OutputOf } from './shape.ts'

const User = contract('user', {
  rpc: {
    /** Does this user name exist? */
    exists: rpc<{ username: string }, { exists: boolean }>({ timeoutMs: 2000, idempotent: true }),
    rename: rpc({
      input: object({ id: pipe(string(), transform(Number)), name: optional(string(), 'nobody') }),
      output: object({ name: string() }),
      errors: { USER_NOT_FOUND: object({ id: string() }), NAME_TAKEN: object({ suggestions: string() }) },
      expose: 'POST',
    }),
    ping: rpc<void>(),
  },
  http: { login: 'POST /login' },
  events: { loggedIn: event<{ username: string }>(), renamed: event(object({ name: string() })) },
})
const Order = contract('order', {
  rpc: { submit: rpc<{ username: string }, { orderId: string }>() },
  events: { submitted: event<{ orderId: string }>() },
})
const Web = contract('web', { http: { index: 'GET /' } })

declare const user: ClientOf<typeof User>
const never = (_: () => unknown): void => {}

describe('the types of a contract', () => {
  it('give callers a client', () => {
    never(async () => {
      expectTypeOf(await user.exists({ username: 'bob' }, { timeoutMs: 500 })).toEqualTypeOf<{ exists: boolean }>()
      expectTypeOf(user.rename).parameter(0).toEqualTypeOf<{ id: string; name?: string | undefined }>()
      expectTypeOf(user.rename).returns.resolves.toEqualTypeOf<{ name: string }>()
      await user.ping()
      // @ts-expect-error a wrong field
      await user.exists({ userName: 'bob' })
      // @ts-expect-error a field too many
      await user.exists({ username: 'bob', more: 1 })
      // @ts-expect-error no such method
      await user.exist({ username: 'bob' })
      // @ts-expect-error no such option
      await user.exists({ username: 'bob' }, { timeout: 5 })
      // @ts-expect-error no such field in the answer
      ;(await user.exists({ username: 'bob' })).exist
    })
    expectTypeOf<InputOf<typeof User, 'exists'>>().toEqualTypeOf<{ username: string }>()
    expectTypeOf<OutputOf<typeof User, 'exists'>>().toEqualTypeOf<{ exists: boolean }>()
    expectTypeOf<keyof ClientOf<typeof Web>>().toEqualTypeOf<never>()
    expect(User.shape.rpc.exists.timeoutMs).toBe(2000)
  })

  it('narrow errors that the contract declares', () => {
    const thrown: unknown = new GomsError('USER_NOT_FOUND', 'no such user', { data: { id: '7' } })
    if (!isErrorOf(User, 'rename', thrown)) throw new Error('not recognised')
    expectTypeOf(thrown.code).toEqualTypeOf<'USER_NOT_FOUND' | 'NAME_TAKEN'>()
    if (thrown.code === 'USER_NOT_FOUND') expectTypeOf(thrown.data.id).toEqualTypeOf<string>()
    else expectTypeOf(thrown.data.suggestions).toEqualTypeOf<string>()
    expect(isErrorOf(User, 'rename', new GomsError('NOT_FOUND', 'other'))).toBe(false)
    expect(isErrorOf(User, 'exists', thrown)).toBe(false)
    expect(isErrorOf(User, 'rename', new Error('plain'))).toBe(false)
  })

  it('give handlers their input, context and clients', () => {
    const order = service(Order, {
      uses: { user: User },
      rpc: {
        async submit({ username }, { user, emit, log, caller, traceId, signal, leftMs }) {
          expectTypeOf(username).toEqualTypeOf<string>()
          expectTypeOf(caller).toEqualTypeOf<string | undefined>()
          expectTypeOf(signal).toEqualTypeOf<AbortSignal>()
          expectTypeOf(leftMs()).toEqualTypeOf<number>()
          const { exists } = await user.exists({ username })
          expectTypeOf(exists).toEqualTypeOf<boolean>()
          log.info(traceId)
          await emit('submitted', { orderId: '1' })
          // @ts-expect-error a wrong field in the event
          await emit('submitted', { order: '1' })
          // @ts-expect-error an event of somebody else
          await emit('loggedIn', { username })
          return { orderId: '1' }
        },
      },
      on: { user: { loggedIn: ({ username }, { log }) => log.info(username) } },
    })
    expectTypeOf(order.contract).toEqualTypeOf<typeof Order>()
    expectTypeOf<ContextOf<typeof Order, { user: typeof User }>['user']>().toEqualTypeOf<ClientOf<typeof User>>()
    service(User, {
      rpc: {
        exists: () => ({ exists: true }),
        rename: ({ id, name }) => {
          expectTypeOf(id).toEqualTypeOf<number>()
          expectTypeOf(name).toEqualTypeOf<string>()
          return { name }
        },
        ping: () => {},
      },
    })
    expect(order.contract).toBe(Order)
  })

  it('ask for each handler, and for nothing else', () => {
    const submit = () => ({ orderId: '1' })
    // @ts-expect-error no handlers at all
    expect(() => service(Order, {})).toThrow(/no handler/)
    // @ts-expect-error a handler is missing
    expect(() => service(Order, { rpc: {} })).toThrow(/"submit" has no handler/)
    // @ts-expect-error no such method
    expect(() => service(Order, { rpc: { submit, more: submit } })).toThrow(/no method "more"/)
    // @ts-expect-error the answer lacks a field
    service(Order, { rpc: { submit: () => ({}) } })
    // @ts-expect-error no such field in the input
    service(Order, { rpc: { submit: ({ user }) => ({ orderId: String(user) }) } })
    // @ts-expect-error no such event
    expect(() => service(Order, { uses: { user: User }, rpc: { submit }, on: { user: { gone: () => {} } } })).toThrow(
      /"user" has no event "gone"/,
    )
    // @ts-expect-error its contract has no events
    expect(() => service(Order, { uses: { web: Web }, rpc: { submit }, on: { web: { gone: () => {} } } })).toThrow(
      /"web" has no event "gone"/,
    )
    // @ts-expect-error not used
    expect(() => service(Order, { rpc: { submit }, on: { user: { loggedIn: () => {} } } })).toThrow(
      /no contract of `uses`/,
    )
    service(Web, { http: (_req, res) => res.end() })
  })

  it('keep the names of the context', () => {
    const submit = () => ({ orderId: '1' })
    const hides = /would hide the context's own/
    // @ts-expect-error hides emit
    expect(() => service(Order, { uses: { emit: User }, rpc: { submit } })).toThrow(hides)
    // @ts-expect-error hides log
    expect(() => service(Order, { uses: { log: User }, rpc: { submit } })).toThrow(hides)
    // @ts-expect-error hides caller
    expect(() => service(Order, { uses: { caller: User }, rpc: { submit } })).toThrow(hides)
    // @ts-expect-error hides traceId
    expect(() => service(Order, { uses: { traceId: User }, rpc: { submit } })).toThrow(hides)
    // @ts-expect-error hides signal
    expect(() => service(Order, { uses: { signal: User }, rpc: { submit } })).toThrow(hides)
    // @ts-expect-error hides identity
    expect(() => service(Order, { uses: { identity: User }, rpc: { submit } })).toThrow(hides)
  })

  it('come from the handlers in the shorthand', () => {
    const hello = service('hello', {
      uses: { user: User },
      rpc: {
        hi: ({ name }: { name: string }) => `hi ${name}`,
        count: async () => 1,
        async ask(input: { username: string }, { user, log }) {
          log.info('asked')
          return (await user.exists(input)).exists
        },
      },
    })
    const made = hello.contract
    type Hello = ClientOf<typeof made>
    expectTypeOf<Hello['hi']>().parameter(0).toEqualTypeOf<{ name: string }>()
    expectTypeOf<Hello['hi']>().returns.resolves.toEqualTypeOf<string>()
    expectTypeOf<Hello['count']>().returns.resolves.toEqualTypeOf<number>()
    expectTypeOf<Hello['ask']>().returns.resolves.toEqualTypeOf<boolean>()
    never(async () => {
      const client = {} as Hello
      await client.count()
      // @ts-expect-error a wrong field
      await client.hi({ nam: 'x' })
    })
    expect(Object.keys(made.shape.rpc)).toEqual(['hi', 'count', 'ask'])
  })

  it('refuse a schema where types are given, and events that are none', () => {
    // @ts-expect-error both forms at once
    rpc<{ a: string }, void>({ input: object({ a: string() }) })
    // @ts-expect-error no such option
    expect(() => contract('x', { rpc: { a: rpc<void>({ timeout: 5 }) } })).toThrow(/rpc\.a\.timeout: expected a known/)
    // @ts-expect-error no event
    expect(() => contract('x', { events: { a: rpc<void>() } })).toThrow(/events\.a: expected event/)
  })
})
