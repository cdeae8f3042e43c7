import { describe, expect, it } from 'vitest'
import type { ClientOf, ClientsOf } from '../contract/client.ts'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import { component } from '../core/component.ts'
import type { CallContext } from '../core/context.ts'
import type { MethodRef } from '../core/rpc-client.ts'
import { client, clientOver, createHandlerClients } from './client.ts'

const User = contract('user', {
  rpc: { exists: rpc<{ username: string }, boolean>({ idempotent: true }), count: rpc<void, number>() },
})

const Db = component({ name: 'db', start: () => 'db' })

describe('a client', () => {
  it('has the methods of its contract and nothing else', async () => {
    const made = clientOver(User, async () => undefined)
    expect(Object.keys(made)).toEqual(['exists', 'count'])
    expect(Reflect.get(made, 'then')).toBeUndefined()
    expect(Reflect.get(made, 'constructor')).toBeUndefined()
    // A thenable would be called here.
    expect(await made).toBe(made)
  })

  it('sends its calls with one reference a method, whoever took the method out of it', async () => {
    const seen: MethodRef[] = []
    const { exists } = clientOver(User, async (ref) => seen.push(ref))
    await exists({ username: 'a' })
    await exists({ username: 'b' })
    expect(seen[0]).toBe(seen[1])
    expect(seen[0]).toMatchObject({ service: 'user', method: 'exists', options: { idempotent: true } })
  })

  it('rejects while nothing is served', async () => {
    await expect(client(User).count()).rejects.toMatchObject({ code: 'FAILED_PRECONDITION' })
  })
})

describe('the clients of a handler', () => {
  it('carry the call that they belong to, also when they are taken apart', async () => {
    const seen: unknown[] = []
    const clientsOf = createHandlerClients(
      { user: User, db: Db },
      async (ref, input, options, context) => {
        seen.push([ref.method, input, options, context])
      },
      (component) => component.name,
    )
    const one = { traceId: '1' } as CallContext
    const other = { traceId: '2' } as CallContext
    const { user, db } = clientsOf(one) as ClientsOf<{ user: typeof User; db: typeof Db }>
    expect(db).toBe('db')
    const { exists } = clientsOf(other).user as ClientOf<typeof User>
    await user?.count?.(undefined)
    await exists?.({ username: 'bob' }, { timeoutMs: 5 })
    expect(seen).toEqual([
      ['count', undefined, undefined, one],
      ['exists', { username: 'bob' }, { timeoutMs: 5 }, other],
    ])
    expect(Reflect.get(user ?? {}, 'then')).toBeUndefined()
  })
})
