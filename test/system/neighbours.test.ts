/** One etcd with others in it: Go nodes of both dialects, other projects, damaged keys, a predecessor that was killed. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { allPrint, type Cluster, createCluster, keysIn, type Member, nodeLine } from '../support/cluster.ts'
import { type EtcdCluster, etcdMissing, startEtcd } from '../support/etcd.ts'

/** A node as goms and go-garden in Go are seen from here: a plain HTTP server that somebody else registers. */
async function foreignNode(host: string) {
  const server = createServer((req, res) => {
    res.setHeader('content-type', 'application/json').end(JSON.stringify({ host, key: req.headers['call-key'] }))
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

interface ClusterPage {
  readonly services: Readonly<Record<string, { readonly Nodes: readonly string[] }>>
}

async function json<T>(url: string): Promise<T> {
  return (await fetch(url)).json() as Promise<T>
}

describe.skipIf(etcdMissing !== undefined)('one etcd with others in it', () => {
  let etcd: EtcdCluster
  let cluster: Cluster
  let other: Cluster
  let gateway: Member
  let node: Member

  beforeAll(async () => {
    etcd = await startEtcd()
    const backend = { args: ['-etcd_addr', etcd.endpoints.join('|')] }
    const services = 'services:\n  echo:\n    echo: /echo\n  order:\n    submit: /submit\n'
    cluster = createCluster({ backend, services })
    other = createCluster({ backend: { args: [...backend.args, '-project_name', 'goms2'] } })
    gateway = await cluster.gateway('gateway1')
    node = await cluster.node('echo1')
  })
  afterAll(async () => {
    await Promise.all([cluster?.close(), other?.close()])
    await etcd?.close()
  })

  test('nodes of both dialects join, take their turns with the call key, and leave', async () => {
    const four = await foreignNode('127.0.0.1')
    const six = await foreignNode('::1')
    const garden = `goms_order_127.0.0.1:${four.port}:9999`
    const original = `goms_order_[::1]:9999_[::1]:${six.port}`
    const lines = [
      [`127.0.0.1:9999_127.0.0.1:${four.port}`, garden],
      [`[::1]:9999_[::1]:${six.port}`, original],
    ] as const
    for (const [name, key] of lines) {
      const joined = allPrint([gateway, node], nodeLine('order', name.replace(/[[\]]/g, '\\$&'), 'join'))
      await etcd.etcdctl('put', key, '0')
      await joined
    }
    const answers: { host: string; key: string }[] = []
    for (let n = 0; n < 4; n++) answers.push(await json(`${gateway.url}/api/order/submit`))
    const from = (host: string) => answers.filter((it) => it.host === host && it.key === 'a key for the tests')
    expect([from('127.0.0.1').length, from('::1').length], JSON.stringify(answers)).toEqual([2, 2])
    for (const [name, key] of lines) {
      const left = allPrint([gateway, node], nodeLine('order', name.replace(/[[\]]/g, '\\$&'), 'leave'))
      await etcd.etcdctl('del', key)
      await left
    }
    expect((await fetch(`${gateway.url}/api/order/submit`)).status).toBe(503)
    four.close()
    six.close()
  })

  test('keys and values that nobody can use change nothing, and forge no line', async () => {
    const forged = '2021/08/10 11:08:01 [gateway] node [6.6.6.6:1_6.6.6.6:1] join'
    const poison: readonly (readonly [string, string])[] = [
      ['goms_', '0'],
      ['goms_echo', '0'],
      ['goms_x_echo_127.0.0.1:1_127.0.0.1:2', '0'],
      ['goms_echo_127.0.0.1:99999_127.0.0.1:1', '0'],
      ['goms_echo_169.254.169.254:80_169.254.169.254:80', '0'],
      ['goms_echo_127.0.0.1:7_127.0.0.1:7', '{"id":'],
      [`goms_echo\n${forged}`, '0'],
      [`/goms/v1/goms/state/goms_echo_${node.node}`, 'garbage'],
      ['/goms/v1/goms/contracts/echo/abc', '{{{'],
    ]
    for (const [key, value] of poison) await etcd.etcdctl('put', key, value)
    await gateway.process.waitForLine(/skipped a key .*contracts\/echo\/abc/)
    expect((await json<ClusterPage>(`${gateway.url}/cluster`)).services.echo?.Nodes).toEqual([node.node])
    expect((await fetch(`${gateway.url}/api/echo/echo?id=1`)).status).toBe(200)
    expect(gateway.process.text()).not.toMatch(/^2021/m)
    const admin = /admin at (\S+)$/m.exec(gateway.process.text())?.[1]
    const status = await json<{ registry: { skippedKeys: number } }>(`http://${admin}/-/ready`)
    expect(status.registry.skippedKeys).toBe(poison.length)
    for (const [key] of poison) await etcd.etcdctl('del', key)
  })

  test('another project sees nothing of ours, however alike its name', async () => {
    const stranger = await other.gateway('gateway2')
    expect((await fetch(`${stranger.url}/api/echo/echo?id=1`)).status).toBe(503)
    expect(Object.keys((await json<ClusterPage>(`${stranger.url}/cluster`)).services)).toEqual(['gateway'])
    expect(gateway.process.text()).not.toContain(stranger.node)
  })

  test('a node that is killed and started again at once on its ports takes its key over', async () => {
    const seen = gateway.process.lines.length
    node.process.signal('SIGKILL')
    await node.process.exited
    ;({ member: node } = await cluster.restart(node))
    await gateway.process.waitForLine(nodeLine('echo', node.node, 'leave'), 1000, seen)
    await gateway.process.waitForLine(nodeLine('echo', node.node, 'join'), 1000, seen)
    expect((await fetch(`${gateway.url}/api/echo/echo?id=1`)).status).toBe(200)
    expect(await keysIn(etcd, 'goms_echo')).toHaveLength(1)
  })

  test('nodes whose keys are deleted by hand are back within a second', async () => {
    const before = await keysIn(etcd, 'goms')
    await etcd.etcdctl('del', '', '--from-key')
    await pause(1000)
    expect(await keysIn(etcd, 'goms')).toEqual(before)
    expect((await fetch(`${gateway.url}/api/echo/echo?id=1`)).status).toBe(200)
  })
})
