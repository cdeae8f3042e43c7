/**
 * One cluster of both: gateway and service of ours, and a node in Go as the originals write them, in one etcd. The Go
 * program trusts every key as theirs do: one that it cannot read would end it.
 */
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, createCluster, keysIn, type Member, nodeLine } from '../support/cluster.ts'
import { type EtcdCluster, etcdMissing, startEtcd } from '../support/etcd.ts'
import { buildGo, GO_BUILD_TIMEOUT_MS, type GoProgram, goMissing } from '../support/go.ts'
import { freePort, killAll, type Running, startProcess } from '../support/processes.ts'

interface GoNode {
  readonly process: Running
  readonly http: string
  readonly rpc: string
  /** As its originals print and parse it. */
  readonly addr: string
  // biome-ignore lint/suspicious/noExplicitAny: the shape is what each test looks at
  get(path: string): Promise<any>
}

interface Mixed {
  readonly etcd: EtcdCluster
  readonly gateway: Member
  readonly go: GoNode
  readonly order: Member
}

const KEY = 'a key for the tests'
const MEMBER = { service: 'order', fixture: 'go-caller.mjs' } as const

describe.skipIf((goMissing ?? etcdMissing) !== undefined)('a cluster of Go and TypeScript', () => {
  let program: (name: GoProgram) => string
  let etcd: EtcdCluster | undefined
  let cluster: Cluster | undefined

  beforeAll(async () => {
    program = await buildGo()
  }, GO_BUILD_TIMEOUT_MS)

  afterEach(async () => {
    await cluster?.close()
    await killAll()
    await etcd?.close()
  })

  /** One after the other: each prints who comes after it. */
  async function startMixed(dialect: 'goms' | 'go-garden', services: string): Promise<Mixed> {
    const running = await startEtcd()
    etcd = running
    const config = `registryDialect: ${dialect}\nadmit: go`
    cluster = createCluster({ backend: { args: ['-etcd_addr', running.endpoints.join('|')] }, config, services })
    const gateway = await cluster.gateway('gateway')
    const go = await startGo(running, dialect)
    return { etcd: running, gateway, go, order: await cluster.node('order', MEMBER) }
  }

  async function startGo(running: EtcdCluster, dialect: 'goms' | 'go-garden'): Promise<GoNode> {
    const args = ['-etcd', running.endpoints.join('|'), '-dialect', dialect, '-call-key', KEY]
    const process = startProcess(program('garden-node'), args, { name: 'garden-node' })
    const key = (await process.waitForLine(/^registered (.+)$/)).match[1] as string
    const addr = key.slice('goms_user_'.length)
    const [host, first, second] = addr.split(/[:_]/)
    const [http, rpc] =
      dialect === 'goms' ? [addr.split('_')[1], addr.split('_')[0]] : [`${host}:${first}`, `${host}:${second}`]
    return {
      process,
      http: http as string,
      rpc: rpc as string,
      addr,
      get: async (path) => (await fetch(`http://${http}${path}`)).json(),
    }
  }

  const ask = async (gateway: Member, path: string): Promise<unknown> => (await fetch(gateway.url + path)).json()
  /** Of a node of ours, as the Go program prints it. */
  const gardenAddr = (member: Member): string => `127.0.0.1:${member.httpPort}:${member.rpcPort}`
  const lines = (process: Running, text: string): number => process.lines.filter((line) => line.text === text).length

  test('in the dialect of go-garden, each sees, calls and outlives the other', { timeout: 60_000 }, async () => {
    const services = 'services:\n  user:\n    exists: /exists\n  order:\n    ask: /ask/exists\n    lost: /ask/unheard\n'
    const { etcd: store, gateway, go, order } = await startMixed('go-garden', services)

    // Each prints the other's join, and only keys that theirs can read lie where they look.
    await gateway.process.waitForLine(nodeLine('user', `${go.rpc}_${go.http}`, 'join'))
    await go.process.waitForLine(new RegExp(`^order node ${gardenAddr(order)} join$`))
    expect(await go.get('/-test/nodes')).toEqual({
      ...{ gateway: [gardenAddr(gateway)], order: [gardenAddr(order)], user: [go.addr] },
    })
    expect((await keysIn(store, 'goms_')).sort()).toEqual(
      [`goms_gateway_${gardenAddr(gateway)}`, `goms_order_${gardenAddr(order)}`, `goms_user_${go.addr}`].sort(),
    )
    // The value is ours, and longer than theirs.
    expect(await store.etcdctl('get', `goms_order_${gardenAddr(order)}`, '--print-value-only')).toMatch(/^\{"id":/)

    // The gateway serves the Go node's route.
    expect(await ask(gateway, '/api/user/exists?username=bob')).toEqual({
      ...{ status: true, code: 0, msg: 'success', data: { exists: true, node: `goms_user_${go.addr}` } },
    })
    // TypeScript calls Go by RPC, Go calls TypeScript by RPC and by HTTP.
    expect(await ask(gateway, '/api/order/ask?username=bob')).toMatchObject({ status: true, data: { exists: true } })
    expect(await ask(gateway, '/api/order/ask?username=eve')).toMatchObject({ data: { exists: false } })
    expect(await ask(gateway, '/api/order/lost')).toMatchObject({ data: { code: 'UNIMPLEMENTED' } })
    expect(await go.get('/-test/call?service=order&method=Exists&username=bob')).toEqual({
      ...{ reply: { exists: true }, error: '' },
    })
    expect(await go.get('/-test/get?service=order&path=/')).toMatchObject({
      ...{ status: 200, body: { data: { from: 'typescript' } } },
    })
    // Routes that a gateway of theirs sends to all nodes are not taken, and its round goes on.
    expect(await go.get('/-test/routes')).toEqual({ asked: 2, refused: 2, error: '' })

    // A second Go node lists what is there already; after three of their leases our keys have not been written again.
    const second = await startGo(store, 'go-garden')
    await expect.poll(() => second.get('/-test/nodes')).toMatchObject({ order: [gardenAddr(order)] })
    await new Promise((resolve) => setTimeout(resolve, 6000))
    expect(lines(go.process, `order node ${gardenAddr(order)} join`)).toBe(1)

    // Who leaves is missed: ours at once, theirs when the lease ends.
    const leaves = gateway.process.waitForLine(nodeLine('user', `${second.rpc}_${second.http}`, 'leave'), 8000)
    await Promise.all([second.process.stop(), order.process.stop()])
    await go.process.waitForLine(new RegExp(`^order node ${gardenAddr(order)} leave$`))
    await leaves
    expect(await ask(gateway, '/api/user/exists?username=bob')).toMatchObject({ data: { exists: true } })
    expect(go.process.text('stderr')).toBe('')
  })

  test('in the dialect of goms, nodes that say nothing are called by HTTP', { timeout: 60_000 }, async () => {
    const services = 'services:\n  user:\n    exists: /exists\n  order:\n    ask: /ask/exists\n    lost: /ask/unheard\n'
    const { gateway, go, order } = await startMixed('goms', services)
    await gateway.process.waitForLine(nodeLine('user', go.addr, 'join'))
    await go.process.waitForLine(new RegExp(`^order node ${order.node} join$`))

    expect(await ask(gateway, '/api/user/exists?username=bob')).toMatchObject({ status: true, data: { exists: true } })
    // The same typed call: there is a route for it, and it goes there.
    expect(await ask(gateway, '/api/order/ask?username=bob')).toMatchObject({ data: { exists: true } })
    // For this one there is none, and nothing is sent.
    expect(await ask(gateway, '/api/order/lost')).toMatchObject({ data: { code: 'UNIMPLEMENTED' } })
    expect(await go.get('/-test/get?service=order&path=/')).toMatchObject({ status: 200 })
    expect(go.process.text('stderr')).toBe('')
  })

  test('a node of both serves one service: calls go to either', { timeout: 60_000 }, async () => {
    const services = 'services:\n  user:\n    exists: /exists\n  order:\n    ask: /ask/exists\n'
    const { gateway, go } = await startMixed('go-garden', services)
    const ours = await (cluster as Cluster).node('user', { ...MEMBER, service: 'user', rpcPort: await freePort() })
    await go.process.waitForLine(new RegExp(`^user node ${gardenAddr(ours)} join$`))
    for (let call = 0; call < 20; call++) {
      expect(await ask(gateway, '/api/order/ask?username=bob')).toMatchObject({ data: { exists: true } })
    }
    expect(lines(go.process, 'rpc Exists')).toBe(10)
    // With the Go node gone without a word, the other one serves on.
    go.process.signal('SIGKILL')
    // One that is still dying may take a call along.
    await go.process.exited
    for (let call = 0; call < 20; call++) {
      expect(await ask(gateway, '/api/order/ask?username=bob')).toMatchObject({ data: { exists: true } })
    }
  })
})
