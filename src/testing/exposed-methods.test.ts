import { afterEach, describe, expect, it } from 'vitest'
import type { Contract } from '../contract/contract.ts'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import { GomsError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { gateway } from '../gateway/gateway.ts'
import { service } from '../service/service.ts'
import { type TestMesh, type TestMeshOptions, testMesh } from './test-mesh.ts'

const User = contract('user', {
  rpc: {
    exists: rpc<{ username: string }, { exists: boolean }>({ expose: 'GET', idempotent: true }),
    rename: rpc<{ to: string }, { to: string; by: unknown; caller: string | undefined }>({ expose: 'POST' }),
    remove: rpc<{ username: string }, void>({ expose: 'DELETE' }),
    odd: rpc<void, unknown>({ expose: 'POST' }),
    fail: rpc<{ code: string; status?: number }, void>({ expose: 'POST' }),
    secret: rpc<void, string>(),
  },
  http: { login: 'POST /login' },
})

let runs: string[] = []
const user = service(User, {
  rpc: {
    exists: ({ username }) => ({ exists: username === 'bob' }),
    rename: ({ to }, { identity, caller }) => {
      runs.push(to)
      return { to, by: identity, caller }
    },
    remove: ({ username }) => void runs.push(username),
    odd: () => ({ at: new Date(0), bytes: Buffer.from('hi'), big: 2n ** 60n, none: undefined }),
    fail({ code, status }) {
      if (code === 'plain') throw new Error('a secret')
      throw new GomsError(code, 'as you wish', { data: { why: 'asked' }, ...(status !== undefined && { status }) })
    },
    secret: () => {
      runs.push('secret')
      return 'secret'
    },
  },
  http: (_req, res) => res.end('{}'),
})

let mesh: TestMesh | undefined
afterEach(async () => {
  await mesh?.close()
  mesh = undefined
  runs = []
})

async function start(options: Partial<TestMeshOptions> = {}): Promise<TestMesh> {
  mesh = await testMesh({ services: [user], ...options })
  return mesh
}

const post = (body: unknown, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json', ...headers },
})

async function json(response: Response): Promise<{ status: number; body: unknown }> {
  return { status: response.status, body: await response.json() }
}

function keptLog(lines: string[]): Log {
  const keep = (text: string): void => void lines.push(text)
  return { debug: keep, info: keep, warn: keep, error: keep }
}

describe('a method with `expose`', () => {
  it('takes JSON and answers with its output', async () => {
    const { fetch } = await start()
    const response = await fetch('/api/user/rename', post({ to: 'ann' }))
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(await response.text()).toBe(
      '{"status":true,"code":0,"msg":"success","data":{"to":"ann","caller":"gateway"}}',
    )
  })

  it('takes the query with GET, and answers HEAD without a body', async () => {
    const { fetch } = await start()
    expect(await json(await fetch('/api/user/exists?username=bob'))).toEqual({
      status: 200,
      body: { status: true, code: 0, msg: 'success', data: { exists: true } },
    })
    const head = await fetch('/api/user/exists?username=bob', { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  it('takes body or query with DELETE', async () => {
    const { fetch } = await start()
    await fetch('/api/user/remove?username=a', { method: 'DELETE' })
    const answer = await fetch('/api/user/remove', { ...post({ username: 'b' }), method: 'DELETE' })
    expect(runs).toEqual(['a', 'b'])
    expect(await json(answer)).toMatchObject({ status: 200, body: { data: null } })
  })

  it('writes what JSON does not know as text', async () => {
    const { fetch } = await start()
    const { body } = await json(await fetch('/api/user/odd', { method: 'POST' }))
    expect(body).toMatchObject({ data: { at: '1970-01-01T00:00:00.000Z', bytes: 'aGk=', big: '1152921504606846976' } })
  })

  it('knows who asks: the identity that `auth` gave travels along', async () => {
    const auth = gateway({ auth: (req) => ({ user: req.headers['x-user'] }) })
    const { fetch } = await start({ gateway: auth })
    const answer = await fetch('/api/user/rename', post({ to: 'ann' }, { 'x-user': 'bob', 'goms-identity': 'forged' }))
    expect(await json(answer)).toMatchObject({ body: { data: { by: { user: 'bob' } } } })
  })

  it('is refused by `auth` before anything is sent', async () => {
    const auth = gateway({
      auth() {
        throw new GomsError('PERMISSION_DENIED', 'not you')
      },
    })
    const { fetch } = await start({ gateway: auth })
    expect((await fetch('/api/user/rename', post({ to: 'ann' }))).status).toBe(403)
    expect(runs).toEqual([])
  })

  it('answers other methods with 405 and `Allow`', async () => {
    const { fetch } = await start()
    const response = await fetch('/api/user/rename')
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
    const other = await fetch('/api/user/exists', post({ username: 'bob' }))
    expect([other.status, other.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect(runs).toEqual([])
  })

  it.each([
    ['no JSON', '{"to":', 400, 'INVALID_ARGUMENT'],
    ['no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 400, 'INVALID_ARGUMENT'],
    ['more than a mebibyte', JSON.stringify('x'.repeat(1_048_576)), 413, 'OUT_OF_RANGE'],
  ])('refuses a body that is %s', async (_name, body, status, code) => {
    const { fetch } = await start()
    const answer = await fetch('/api/user/rename', { method: 'POST', body })
    expect(await json(answer)).toMatchObject({ status, body: { status: false, code } })
    expect(runs).toEqual([])
  })

  it('takes bodies as large as the configuration says', async () => {
    const { fetch } = await start({ settings: { gateway: { maxBodyBytes: 2_000_000 } } })
    expect((await fetch('/api/user/rename', post({ to: 'x'.repeat(1_500_000) }))).status).toBe(200)
    expect((await fetch('/api/user/rename', post({ to: 'x'.repeat(2_000_000) }))).status).toBe(413)
  })

  it('refuses a compressed body', async () => {
    const { fetch } = await start()
    expect((await fetch('/api/user/rename', post({ to: 'ann' }, { 'content-encoding': 'gzip' }))).status).toBe(415)
  })
})

describe('errors', () => {
  it('of the method keep code, status, text and data', async () => {
    const { fetch } = await start()
    expect(await json(await fetch('/api/user/fail', post({ code: 'ALREADY_EXISTS' })))).toMatchObject({
      status: 409,
      body: { status: false, code: 'ALREADY_EXISTS', msg: 'as you wish', data: { why: 'asked' } },
    })
    expect((await fetch('/api/user/fail', post({ code: 'MY_OWN', status: 418 }))).status).toBe(418)
  })

  it('that nobody meant to show are shown as a trace id only', async () => {
    const { fetch } = await start()
    const { status, body } = await json(await fetch('/api/user/fail', post({ code: 'plain' })))
    expect({ status, body }).toEqual({
      status: 500,
      body: {
        status: false,
        code: 'INTERNAL',
        msg: 'internal error',
        traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
      },
    })
  })

  it.each([
    ['goms', 500, { status: false }],
    ['go-garden', 409, { status: false, msg: 'Server Error' }],
  ] as const)('look like those of %s', async (compat, status, body) => {
    const { fetch } = await start({ settings: { compat } })
    expect(await json(await fetch('/api/user/fail', post({ code: 'ALREADY_EXISTS' })))).toEqual({ status, body })
  })
})

describe('a method without `expose`', () => {
  const unknown = { status: false, code: 'NOT_FOUND' }

  it.each([
    '/api/user/secret',
    '/api/user/Secret',
    '/api/user/%73ecret',
    '/api/user/secret/',
    '/api/user//secret',
    '/api/user/x/../secret',
    '/api/user/Exists',
    '/api/User/exists',
    '/api/user/constructor',
    '/api/user/__proto__',
    '/api/user/hasOwnProperty',
    '/api/user.secret/secret',
  ])('is not to be had by %s', async (path) => {
    const settings = { services: { user: { secret: { type: 'rpc', path: '/secret', method: 'ANY' } } } }
    const { fetch } = await start({ settings })
    for (const method of ['POST', 'GET', 'OPTIONS']) {
      const answer = await fetch(path, { method, ...(method === 'POST' && { body: '{}' }) })
      expect(answer.status).toBe(404)
      expect(await answer.json()).toMatchObject(unknown)
    }
    expect(runs).toEqual([])
  })

  it('is not to be had by a path in a file either, which is said in the log once', async () => {
    const lines: string[] = []
    const services = { user: { secret: { type: 'rpc' }, Secret: '/Secret' } }
    const { fetch } = await start({ settings: { services }, log: keptLog(lines) })
    for (let i = 0; i < 3; i++) await fetch('/api/user/secret', post({}))
    const warned = lines.filter((line) => line.includes('/api/user/secret'))
    expect(warned).toEqual([
      '/api/user/secret stays closed: no contract exposes the method, and `type: rpc` in a file cannot',
    ])
    expect(runs).toEqual([])
  })

  it('is opened by a contract that the gateway is given', async () => {
    const open = contract('user', { rpc: { secret: rpc<void, string>({ expose: 'POST' }) } })
    const { fetch } = await start({ gateway: gateway({ contracts: [open] }) })
    expect(await json(await fetch('/api/user/secret', { method: 'POST' }))).toMatchObject({ body: { data: 'secret' } })
  })
})

describe('policies', () => {
  it('come from the contract, overridden by files', async () => {
    const Slow = contract('slow', { rpc: { wait: rpc<void, void>({ expose: 'POST', timeoutMs: 30_000 }) } })
    const slow = service(Slow, { rpc: { wait: () => new Promise(() => {}) } })
    const { fetch } = await start({ services: [slow], settings: { services: { slow: { wait: { timeout: 30 } } } } })
    expect(await json(await fetch('/api/slow/wait', { method: 'POST' }))).toMatchObject({
      status: 504,
      body: { code: 'DEADLINE_EXCEEDED' },
    })
  })

  it('limiter: 429 with `Retry-After`', async () => {
    const { fetch } = await start({ settings: { services: { user: { rename: { limiter: '60/1' } } } } })
    expect((await fetch('/api/user/rename', post({ to: 'a' }))).status).toBe(200)
    const limited = await fetch('/api/user/rename', post({ to: 'b' }))
    expect([limited.status, Number(limited.headers.get('retry-after')) > 0]).toEqual([429, true])
  })

  it('breaker: 503 once it is open', async () => {
    const { fetch } = await start({ settings: { services: { user: { fail: { breaker: '60/2', retries: 0 } } } } })
    const statuses = []
    for (let i = 0; i < 3; i++) statuses.push((await fetch('/api/user/fail', post({ code: 'UNKNOWN' }))).status)
    expect(statuses).toEqual([500, 500, 503])
  })

  it('a node that died is left for another one', async () => {
    const started = await start({ services: [user, user] })
    const [node] = started.nodes('user')
    started.kill(node?.id ?? '')
    const answers = await Promise.all(Array.from({ length: 6 }, () => started.fetch('/api/user/exists?username=bob')))
    expect(answers.map((answer) => answer.status)).toEqual(Array(6).fill(200))
  })

  it('no node: 503, not unknown', async () => {
    const { fetch } = await start({ services: [], gateway: gateway({ contracts: [User] }) })
    expect(await json(await fetch('/api/user/rename', post({ to: 'a' })))).toMatchObject({
      status: 503,
      body: { code: 'UNAVAILABLE' },
    })
  })
})

describe('two versions at once', () => {
  const V1 = contract('user', {
    rpc: { old: rpc<void, string>({ expose: 'POST' }), both: rpc<void, string>({ expose: 'POST', idempotent: true }) },
  })
  const V2 = contract('user', {
    rpc: { fresh: rpc<void, string>({ expose: 'POST' }), both: rpc<void, string>({ expose: 'POST' }) },
  })
  const v1 = service(V1, { rpc: { old: () => 'v1', both: () => 'v1' } })
  const v2 = service(V2, { rpc: { fresh: () => 'v2', both: () => 'v2' } })

  async function said(fetch: TestMesh['fetch'], method: string): Promise<string[]> {
    const answers = await Promise.all(Array.from({ length: 8 }, () => fetch(`/api/user/${method}`, { method: 'POST' })))
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as { data: string }[]
    return [...new Set(bodies.map(({ data }) => data))].sort()
  }

  it('each call goes to a node that offers its method', async () => {
    const { fetch } = await start({ services: [v1, v1, v2] })
    expect(await said(fetch, 'old')).toEqual(['v1'])
    expect(await said(fetch, 'fresh')).toEqual(['v2'])
    expect(await said(fetch, 'both')).toEqual(['v1', 'v2'])
  })

  it('a version that does not expose a method is not asked for it', async () => {
    const closed: Contract = contract('user', { rpc: { both: rpc<void, string>() } })
    const { fetch } = await start({ services: [v1, service(closed, { rpc: { both: () => 'closed' } })] })
    expect(await said(fetch, 'both')).toEqual(['v1'])
  })
})
