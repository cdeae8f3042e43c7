import { afterEach, describe, expect, it } from 'vitest'
import { contract } from '../contract/contract.ts'
import { event } from '../contract/event.ts'
import { rpc } from '../contract/method.ts'
import { component } from '../core/component.ts'
import { GomsError } from '../core/errors.ts'
import { silentLog } from '../core/log.ts'
import { service } from '../service/service.ts'
import { type Served, type ServeOptions, serve } from './serve.ts'

const Shop = contract('shop', { rpc: { count: rpc<void, number>() }, events: { sold: event<number>() } })

const OPTIONS: ServeOptions = {
  flags: { registry: 'memory', httpPort: '0', rpcPort: '0', drain: '0' },
  env: {},
  cwd: import.meta.dirname,
  log: silentLog,
}

const happened: string[] = []
let served: Served | undefined
afterEach(async () => {
  await served?.close('now')
  served = undefined
  happened.length = 0
})

/** Tells what happens to it. */
const noting = (name: string, value: unknown = name) =>
  component({
    name,
    async start() {
      happened.push(`${name} starts`)
      await new Promise((resolve) => setImmediate(resolve))
      happened.push(`${name} is up`)
      return value
    },
    close: () => void happened.push(`${name} ends`),
  })

const count = (): number => 1

async function partsOf({ nodes }: Served): Promise<readonly { name: string; ready: boolean; why?: string }[]> {
  const { host, port } = nodes[0]?.admin ?? { host: '', port: 0 }
  const { parts } = (await (await fetch(`http://${host}:${port}/-/ready`)).json()) as { parts: [] }
  return parts
}

describe('components', () => {
  it('start one after the other, once for all services of the process, and end in reverse after them', async () => {
    const [db, cache] = [noting('db'), noting('cache')]
    const shop = service(Shop, { uses: { cache, db }, rpc: { count } })
    const other = service('other', { uses: { db }, rpc: { both: (_: undefined, { db }) => `${db}` } })
    served = await serve([shop, other], OPTIONS)
    expect(happened).toEqual(['cache starts', 'cache is up', 'db starts', 'db is up'])
    expect([db.value, cache.value]).toEqual(['db', 'cache'])
    await served.close('now')
    expect(happened.slice(4)).toEqual(['db ends', 'cache ends'])
    expect(() => db.value).toThrow(/component "db": it is not up/)
  })

  it('say on the admin listener why they cannot be used, while the node stays ready', async () => {
    let why: string | undefined
    const db = component({ name: 'db', start: () => ({}), ready: () => why })
    const odd = component({
      name: 'odd',
      start: () => ({}),
      ready: () => {
        throw new Error('broken')
      },
    })
    served = await serve(service(Shop, { uses: { db, odd }, rpc: { count } }), OPTIONS)
    expect(await partsOf(served)).toContainEqual({ name: 'component db', ready: true })
    why = 'it is away'
    expect(await partsOf(served)).toContainEqual({ name: 'component db', ready: false, why: 'it is away' })
    expect(await partsOf(served)).toContainEqual({
      name: 'component odd',
      ready: false,
      why: 'it cannot tell: broken',
    })
    const { host, port } = served.nodes[0]?.http ?? { host: '', port: 0 }
    expect((await fetch(`http://${host}:${port}/-/ready`)).status).toBe(200)
  })

  it('end the start of the process when they fail, and those that are up are closed', async () => {
    const db = noting('db')
    const bad = component({
      name: 'bad',
      start: () => {
        throw new Error('no route to host')
      },
    })
    const starting = serve(service(Shop, { uses: { db, bad }, rpc: { count } }), OPTIONS)
    await expect(starting).rejects.toMatchObject({
      code: 'GOMS_COMPONENT_FAILED',
      message: 'component "bad" did not start: no route to host',
    })
    expect(happened).toEqual(['db starts', 'db is up', 'db ends'])
  })

  it('are not waited for without end', async () => {
    const slow = component({ name: 'slow', startTimeoutMs: 50, start: () => new Promise(() => {}) })
    const starting = serve(service(Shop, { uses: { slow }, rpc: { count } }), OPTIONS)
    await expect(starting).rejects.toThrow('component "slow" did not start: it did not start within 50 ms')
  })

  it('say mistakes of a setup in their own words', async () => {
    const missing = component({
      name: 'missing',
      start: () => {
        throw new GomsError('GOMS_PEER_MISSING', 'redis: the package "@redis/client" is not installed')
      },
    })
    const starting = serve(service(Shop, { uses: { missing }, rpc: { count } }), OPTIONS)
    await expect(starting).rejects.toMatchObject({ code: 'GOMS_PEER_MISSING' })
  })

  it('are checked when they are written', () => {
    expect(() => component({ name: 'my db', start: () => 1 })).toThrow(/expected `name`.*got `my db` \(string\)/)
    expect(() => component({ name: 'db' } as never)).toThrow(/expected `start` to be a function, got `undefined`/)
    expect(() => component({ name: 'db', start: () => 1, startTimeoutMs: 0 })).toThrow(/from 1 to 600000, got `0`/)
    expect(() => service(Shop, { uses: { db: {} as never }, rpc: { count } })).toThrow(/neither a contract nor/)
    const db = noting('db')
    // @ts-expect-error components have no events
    expect(() => service(Shop, { uses: { db }, rpc: { count }, on: { db: {} } })).toThrow(/no contract of `uses`/)
  })
})
