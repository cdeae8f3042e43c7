/** The original's tutorial on a real etcd: three gateways, three users, who prints what, /cluster, turns, one node goes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allPrint, type Cluster, createCluster, keysIn, type Member, nodeLine } from '../support/cluster.ts'
import { type EtcdCluster, etcdMissing, startEtcd } from '../support/etcd.ts'
import { isFree } from '../support/processes.ts'
import { SLACK } from '../support/timing.ts'

/**
 * The port below three that are free, with three more that are free so far above them; below all that `freePort` gives out,
 * for between two starts one of those was taken.
 */
async function freePorts(above: number): Promise<number> {
  for (let first = 5000; first < 9000; first += 10) {
    const ports = [1, 2, 3].flatMap((n) => [first + n, first + above + n])
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return first
  }
  throw new Error('freePorts: none found')
}

const services = 'services:\n  user:\n    register: "/register"\n    login: "/login"\n'

describe.skipIf(etcdMissing !== undefined)('the tutorial', () => {
  let etcd: EtcdCluster
  let cluster: Cluster
  const gateways: Member[] = []
  const users: Member[] = []

  beforeAll(async () => {
    etcd = await startEtcd()
    const backend = { args: ['-etcd_addr', etcd.endpoints.join('|')] }
    cluster = createCluster({ backend, services, config: 'leaseTtl: 2000' })
    // As the tutorial gives them: the users' RPC ports stand 1000 above the gateways', and nothing else may be there.
    const rpc = await freePorts(1000)
    for (const n of [1, 2, 3]) gateways.push(await cluster.gateway(`gateway${n}`, { rpcPort: rpc + n }))
    for (const n of [1, 2, 3]) users.push(await cluster.node(`user${n}`, { rpcPort: rpc + 1000 + n }))
  })
  afterAll(async () => {
    await cluster?.close()
    await etcd?.close()
  })

  const clusterPage = async (gateway: Member): Promise<string> => (await fetch(`${gateway.url}/cluster`)).text()
  const page = (pollNext: number, finished: number): string => {
    const names = (members: readonly Member[]): string[] => members.map((it) => it.node).sort()
    const gateway = { PollNext: 0, Nodes: names(gateways), RequestFinish: 0 }
    const user = { PollNext: pollNext, Nodes: names(users), RequestFinish: finished }
    return JSON.stringify({ services: { gateway, user }, status: true })
  }

  test('each prints where it listens, and every other node that joins, but not itself', async () => {
    const all = [...gateways, ...users]
    for (const [at, it] of all.entries()) {
      const service = it.name.replace(/\d$/, '')
      const stamp = '^\\d{4}/\\d{2}/\\d{2} \\d{2}:\\d{2}:\\d{2} '
      await it.process.waitForLine(new RegExp(`${stamp}\\[${service}\\] Http Listen on port: ${it.httpPort}$`))
      for (const later of all.slice(at + 1)) {
        await it.process.waitForLine(nodeLine(later.name.replace(/\d$/, ''), later.node, 'join'))
      }
      expect(it.process.text()).not.toMatch(nodeLine(service, it.node, 'join'))
    }
  })

  test('a node is ready within 0.6 s, and its key stands in etcd as the original writes it', async () => {
    const keys = await keysIn(etcd, 'goms_')
    expect(keys.sort()).toEqual(
      [...gateways.map((it) => `goms_gateway_${it.node}`), ...users.map((it) => `goms_user_${it.node}`)].sort(),
    )
    // Six of them on a machine that others use too: the best shows what it takes.
    expect(Math.min(...users.map((it) => it.readyAfterMs))).toBeLessThanOrEqual(600 * SLACK)
  })

  test('/cluster before, a request that arrives as it was sent, and /cluster after', async () => {
    const [gateway] = gateways as [Member]
    expect(await clusterPage(gateway)).toBe(page(0, 0))
    const response = await fetch(`${gateway.url}/api/user/login?a=1&b=3`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-any': 'kept' },
      body: '{"username":"test","password":"test"}',
    })
    expect(response.status).toBe(200)
    const echo = (await response.json()) as { headers: Record<string, string> }
    expect(echo).toMatchObject({
      status: true,
      method: 'POST',
      query: '?a=1&b=3',
      body: '{"username":"test","password":"test"}',
      headers: { 'x-any': 'kept', 'content-type': 'application/json' },
    })
    // The key that lets it in is not for the application's eyes.
    expect(JSON.stringify(echo)).not.toContain('a key for the tests')
    expect(await clusterPage(gateway)).toBe(page(1, 1))
  })

  test('the nodes take turns', async () => {
    const [, gateway] = gateways as [Member, Member]
    const seen: string[] = []
    for (let n = 0; n < 6; n++) {
      const response = await fetch(`${gateway.url}/api/user/login?id=${n}`)
      seen.push(((await response.json()) as { node: string }).node)
    }
    expect(new Set(seen.slice(0, 3)).size).toBe(3)
    expect(seen.slice(3)).toEqual(seen.slice(0, 3))
  })

  test('without the key a node does not answer; an unknown action is not found', async () => {
    expect((await fetch(`${users[0]?.url}/login`)).status).toBe(403)
    expect((await fetch(`${gateways[0]?.url}/api/user/nothing`)).status).toBe(404)
    expect((await fetch(`${gateways[0]?.url}/api/nobody/login`)).status).toBe(404)
  })

  test('a node that is stopped is seen to leave by all within 200 ms, and to join again', async () => {
    const node = users[0] as Member
    const others = [...gateways, ...users.slice(1)]
    const left = allPrint(others, nodeLine('user', node.node, 'leave'))
    const signalledMs = Date.now()
    expect(await node.process.stop()).toEqual({ code: 0, signal: null })
    expect((await left) - signalledMs).toBeLessThanOrEqual(200 * SLACK)

    const joined = allPrint(others, nodeLine('user', node.node, 'join'))
    users[0] = await cluster.node('user1', { httpPort: node.httpPort, rpcPort: node.rpcPort })
    const readyMs = Date.now()
    expect((await joined) - readyMs).toBeLessThanOrEqual(200 * SLACK)
  })

  test('a node that is killed is seen to leave when its lease ends, and no request fails meanwhile', async () => {
    const node = users[2] as Member
    const left = allPrint([...gateways, ...users.slice(0, 2)], nodeLine('user', node.node, 'leave'))
    const killedMs = Date.now()
    node.process.signal('SIGKILL')
    for (let n = 0; n < 6; n++) expect((await fetch(`${gateways[0]?.url}/api/user/login?id=${n}`)).status).toBe(200)
    expect((await left) - killedMs).toBeLessThanOrEqual(3000)
  })
})
