import { afterEach, describe, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { rpc } from '../contract/method.ts'
import type { TraceContext } from '../core/context.ts'
import { GomsError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { toHostPort } from '../core/node.ts'
import { fetchAction } from '../core/running.ts'
import { client } from '../mesh/client.ts'
import { service } from '../service/service.ts'
import type { RunningNode } from './node.ts'
import { type Served, serve } from './serve.ts'
import type { Definition } from './service-file.ts'

const User = contract('user', {
  rpc: {
    caller: rpc<void, string | undefined>({ idempotent: true }),
    slow: rpc<{ ms: number }, { id: string }>({ timeoutMs: 5000 }),
    fail: rpc<void, void>(),
    limited: rpc<void, number>({ limiter: '60/1' }),
  },
  http: { who: 'GET /who' },
})
const Order = contract('order', {
  rpc: { ask: rpc<void, string | undefined>(), askOutside: rpc<void, (string | undefined)[]>() },
})

const aborted: string[] = []
function userOf(id: string): Definition {
  return service(User, {
    http: (req, res) => res.end(JSON.stringify({ caller: req.headers.host })),
    rpc: {
      caller: (_input, { caller }) => caller,
      slow: ({ ms }, { signal }) =>
        new Promise((resolve) => {
          const timer = setTimeout(() => resolve({ id }), ms)
          signal.addEventListener('abort', () => {
            clearTimeout(timer)
            aborted.push(signal.reason.code)
          })
        }),
      fail: () => {
        throw new TypeError('a bug')
      },
      limited: () => 1,
    },
  })
}
const order = service(Order, {
  uses: { user: User },
  rpc: {
    ask: (_input, { user }) => user.caller(),
    // The same from code that is handed no context.
    askOutside: async () => {
      const byClient = await client(User).caller()
      const response = await fetchAction('user', 'who')
      return [byClient, String(response.status)]
    },
  },
})

const KEY = 'the key of these tests'
const opened: Served[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map((served) => served.close('now')))
  aborted.length = 0
})

async function open(...definitions: Definition[]): Promise<Served> {
  const flags = {
    registry: 'memory',
    projectName: 'rpc-tests',
    callServiceKey: KEY,
    httpPort: 0,
    rpcPort: 0,
    adminPort: 'off',
  }
  const served = await serve(definitions, { flags, env: {}, log: silentLog })
  opened.push(served)
  return served
}

describe('services of one process', () => {
  it('call each other, each under its own name', async () => {
    await open(userOf('a'), order)
    expect(await client(Order).ask()).toBe('order')
    expect(await client(Order).askOutside()).toEqual(['order', '200'])
    // Outside of calls the first service of the process speaks.
    expect(await client(User).caller()).toBe('user')
  })

  it('meet deadline, withdrawal, errors and limits as if there were a network between them', async () => {
    await open(userOf('a'))
    const user = client(User)
    await expect(user.slow({ ms: 5000 }, { timeoutMs: 30 })).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    const giveUp = new AbortController()
    const given = expect(user.slow({ ms: 5000 }, { signal: giveUp.signal })).rejects.toMatchObject({
      code: 'CANCELLED',
    })
    giveUp.abort()
    await given
    expect(aborted).toHaveLength(2)
    const thrown = await user.fail().catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(GomsError)
    expect(thrown).toMatchObject({ code: 'INTERNAL', message: expect.stringContaining('error id') })
    expect(String((thrown as Error).message)).not.toContain('a bug')
    expect(await user.limited()).toBe(1)
    await expect(user.limited()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' })
  })
})

describe('services of several processes', () => {
  it('call each other over connections', async () => {
    await open(userOf('a'))
    await open(order)
    expect(await client(Order).ask()).toBe('order')
    expect(await client(User).slow({ ms: 1 })).toEqual({ id: 'a' })
    await expect(client(User).slow({ ms: 5000 }, { timeoutMs: 30 })).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
    })
    await expect.poll(() => aborted.length).toBe(1)
  })

  it('pass a trace on from call to call, said in words at first and in brief from then on', async () => {
    type Seen = Pick<TraceContext, 'traceId' | 'parentId' | 'sampled' | 'state'> & { readonly spanId: string }
    const Leaf = contract('leaf', { rpc: { trace: rpc<void, Seen>() } })
    const Branch = contract('branch', { rpc: { traces: rpc<void, [own: Seen, leaf: Seen]>() } })
    await open(service(Leaf, { rpc: { trace: (_input, { trace }) => ({ ...trace }) } }))
    await open(
      service(Branch, {
        uses: { leaf: Leaf },
        rpc: { traces: async (_input, { trace, leaf }) => [{ ...trace }, await leaf.trace()] },
      }),
    )
    const root = await open(
      service('root', {
        http: async (_req, res) => {
          res.end(JSON.stringify(await client(Branch).traces()))
        },
      }),
    )
    const traceId = '0af7651916cd43dd8448eb211c80319c'
    const ask = async (headers: Record<string, string>): Promise<[Seen, Seen]> => {
      const [{ http }] = root.nodes as [RunningNode]
      const response = await fetch(`http://${toHostPort(http)}/`, { headers: { ...headers, 'call-key': KEY } })
      return (await response.json()) as [Seen, Seen]
    }
    // The first says everything, and the greeting with it.
    for (let i = 0; i < 4; i++) {
      const [branch, leaf] = await ask({ traceparent: `00-${traceId}-b7ad6b7169203331-01` })
      expect([branch, leaf]).toMatchObject([
        { traceId, sampled: true },
        { traceId, sampled: true },
      ])
      expect(new Set([branch.spanId, branch.parentId, leaf.spanId, leaf.parentId]).size).toBe(4)
    }
    const given = { traceparent: `00-${traceId}-b7ad6b7169203331-00`, tracestate: 'vendor=1' }
    expect(await ask(given)).toMatchObject([
      { traceId, sampled: false, state: 'vendor=1' },
      { traceId, sampled: false, state: 'vendor=1' },
    ])
    const [[first, below], [second]] = [await ask({}), await ask({})]
    expect(below.traceId).toBe(first.traceId)
    expect(new Set([traceId, first.traceId, second.traceId]).size).toBe(3)
  })

  it('lose no call when a node leaves in the middle of them', async () => {
    const leaving = await open(userOf('a'))
    await open(userOf('b'))
    await open(order)
    const user = client(User)
    const answers: Promise<{ id: string }>[] = []
    const timer = setInterval(() => answers.push(user.slow({ ms: 20 })), 5)
    await new Promise((resolve) => setTimeout(resolve, 100))
    await leaving.close('graceful')
    clearInterval(timer)
    const ids = (await Promise.all(answers)).map(({ id }) => id)
    expect(new Set(ids)).toEqual(new Set(['a', 'b']))
    expect(ids.at(-1)).toBe('b')
  })
})
