import { afterEach, describe, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import { component } from '../core/component.ts'
import { GomsError } from '../core/errors.ts'
import { client } from '../mesh/client.ts'
import { callContext } from '../service/context.ts'
import { service } from '../service/service.ts'
import { mock } from './mock.ts'
import { type TestMesh, type TestMeshOptions, testMesh } from './test-mesh.ts'

const User = contract('user', {
  rpc: {
    exists: rpc<{ username: string }, { exists: boolean }>({ timeoutMs: 2000, idempotent: true, expose: 'POST' }),
    rename: rpc<{ from: string; to: string }, { done: boolean }>(),
  },
  http: { login: 'POST /login' },
})
const Order = contract('order', {
  rpc: {
    submit: rpc<{ username: string }, { orderId: string; caller: string | undefined }>(),
    whoami: rpc<void, { identity: unknown; traceId: string; leftMs: number }>(),
  },
})

const user = service(User, {
  rpc: {
    exists: ({ username }) => ({ exists: username === 'bob' }),
    rename: async () => ({ done: true }),
  },
  http: (req, res) => {
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify({ code: 0, data: { url: req.url, caller: callContext(req)?.caller } }))
  },
})
const order = service(Order, {
  uses: { user: User },
  rpc: {
    async submit({ username }, { user, caller }) {
      const { exists } = await user.exists({ username }, { timeoutMs: 500 })
      if (!exists) throw new GomsError('NOT_FOUND', `no user "${username}"`, { data: { username } })
      return { orderId: '1', caller }
    },
    whoami: (_input, { identity, traceId, leftMs }) => ({ identity, traceId, leftMs: leftMs() }),
  },
})

let mesh: TestMesh
afterEach(() => mesh.close())

async function open(options: TestMeshOptions): Promise<TestMesh> {
  mesh = await testMesh(options)
  return mesh
}

describe('a mesh in one process', () => {
  it('lets services call each other as they do in production', async () => {
    const { client } = await open({ services: [order, user] })
    expect(await client(Order).submit({ username: 'bob' })).toEqual({ orderId: '1', caller: 'test' })
  })

  it('carries errors with code, status, message and data', async () => {
    const { client } = await open({ services: [order, user] })
    const thrown = await client(Order)
      .submit({ username: 'eve' })
      .catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(GomsError)
    expect(thrown).toMatchObject({
      code: 'NOT_FOUND',
      status: 404,
      message: 'no user "eve"',
      data: { username: 'eve' },
    })
  })

  it('takes mocks for services, of whose methods only some are given', async () => {
    const { client } = await open({ services: [order, mock(User, { exists: () => ({ exists: true }) })] })
    expect(await client(Order).submit({ username: 'eve' })).toMatchObject({ orderId: '1' })
    await expect(client(User).rename({ from: 'a', to: 'b' })).rejects.toMatchObject({ code: 'UNIMPLEMENTED' })
  })

  it('answers requests from outside through a gateway', async () => {
    const { fetch } = await open({ services: [user] })
    const response = await fetch('/api/user/login?a=1', { method: 'POST', body: '{}' })
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ status: true, code: 0, data: { url: '/login?a=1', caller: 'gateway' } })
    expect((await fetch('/api/user/nothing')).status).toBe(404)
  })

  it('answers exposed methods, and knows of no others', async () => {
    const { fetch } = await open({ services: [user] })
    const ask = (method: string): Promise<Response> =>
      fetch(`/api/user/${method}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{"username":"bob"}',
      })
    const answer = await ask('exists')
    expect(await answer.json()).toEqual({ status: true, code: 0, msg: 'success', data: { exists: true } })
    expect((await ask('rename')).status).toBe(404)
  })

  it('lets clients of the test speak for somebody', async () => {
    const { client } = await open({ services: [order, user] })
    const seen = await client(Order, { identity: { name: 'bob' } }).whoami()
    expect(seen).toMatchObject({ identity: { name: 'bob' }, traceId: expect.stringMatching(/^[0-9a-f]{32}$/) })
    expect(seen.leftMs).toBeGreaterThan(9000)
    expect(seen.leftMs).toBeLessThan(10_000)
  })

  it('serves clients that are made outside of services', async () => {
    await open({ services: [user] })
    expect(await client(User).exists({ username: 'bob' })).toEqual({ exists: true })
  })
})

describe('faults', () => {
  it('strike as often as they are told', async () => {
    const { client, fault } = await open({ services: [user] })
    const struck = fault('user.rename', { error: 'RESOURCE_EXHAUSTED', times: 1 })
    const names = { from: 'a', to: 'b' }
    await expect(client(User).rename(names)).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', status: 429 })
    expect(await client(User).rename(names)).toEqual({ done: true })
    expect(struck.struck).toBe(1)
  })

  it('strike actions as well as methods', async () => {
    const { fetch, fault } = await open({ services: [user] })
    fault('user.login', { error: new GomsError('ABORTED', 'not now') })
    const response = await fetch('/api/user/login', { method: 'POST' })
    expect(response.status).toBe(409)
    expect(await response.json()).toMatchObject({ code: 'ABORTED', msg: 'not now' })
  })

  it('delay in virtual time, so that a deadline of half a second costs nothing', async () => {
    const { client, fault, advance } = await open({ services: [order, user], clock: 'virtual' })
    fault('user.exists', { delayMs: 3000 })
    let thrown: unknown
    client(Order)
      .submit({ username: 'bob' })
      .catch((error: unknown) => {
        thrown = error
      })
    await advance(490)
    expect(thrown).toBeUndefined()
    await advance(20)
    expect(thrown).toMatchObject({ code: 'DEADLINE_EXCEEDED', status: 504 })
  })

  it('are refused for names that nobody serves', async () => {
    const { fault } = await open({ services: [user] })
    expect(() => fault('user.exist', {})).toThrow(expect.objectContaining({ code: 'GOMS_OPTION_INVALID' }))
  })
})

describe('a node that is killed', () => {
  it('costs idempotent calls nothing while another is there', async () => {
    const { client, kill, nodes } = await open({ services: [user, user] })
    expect(nodes('user')).toHaveLength(2)
    await client(User).exists({ username: 'bob' })
    kill(nodes('user')[0]?.id ?? '')
    const answers = Array.from({ length: 10 }, () => client(User).exists({ username: 'bob' }))
    expect(await Promise.all(answers)).toHaveLength(10)
  })

  it('leaves the mesh when its lease is over', async () => {
    const { client, kill, nodes, advance } = await open({ services: [user], clock: 'virtual' })
    kill('user')
    await expect(client(User).rename({ from: 'a', to: 'b' })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(nodes('user')).toHaveLength(1)
    await advance(11_000)
    expect(nodes('user')).toHaveLength(0)
  })
})

describe('components of a mesh', () => {
  const Db = component({ name: 'db', start: () => ({ names: ['bob'] }) })
  const named = service(User, {
    uses: { db: Db },
    rpc: {
      exists: ({ username }, { db }) => ({ exists: db.names.includes(username) }),
      rename: () => ({ done: Db.value.names.length > 0 }),
    },
    http: (_req, res) => res.end(),
  })

  it('are started, and found in the context and where they were made', async () => {
    const { client } = await open({ services: [named] })
    expect(await client(User).exists({ username: 'bob' })).toEqual({ exists: true })
    expect(await client(User).rename({ from: 'a', to: 'b' })).toEqual({ done: true })
  })

  it('are replaced by what a test gives for them', async () => {
    const { client } = await open({ services: [named, mock(Db, { names: ['eve'] })] })
    expect(await client(User).exists({ username: 'bob' })).toEqual({ exists: false })
    expect(await client(User).exists({ username: 'eve' })).toEqual({ exists: true })
    expect(Db.value.names).toEqual(['eve'])
  })
})
