/** The commands that look at a cluster and call into it, on real processes: `goms call`, `nodes`, `services`. */
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { type EtcdCluster, etcdMissing, startEtcd } from '../support/etcd.ts'
import { freePort, killAll, type Running, startGoms, startProcess } from '../support/processes.ts'

const main = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js')

interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

async function ended(process: Running): Promise<Said> {
  const { code } = await process.exited
  return { code, out: process.text('stdout'), err: process.text('stderr') }
}

/** @param whole else only what differs between registries */
function suite(backend: () => Promise<readonly string[]>, whole: boolean): void {
  let cluster: Cluster
  let gateway: Member
  let nodes: readonly Member[]
  let where: readonly string[]

  beforeAll(async () => {
    const args = await backend()
    cluster = createCluster({ backend: { args } })
    where = [...args, '-configs', join(cluster.dir, 'configs')]
    gateway = await cluster.gateway('gateway1')
    nodes = await Promise.all(['echo1', 'echo2'].map((name) => cluster.node(name, { fixture: 'echo-rpc.mjs' })))
  })
  afterAll(() => cluster?.close())

  const goms = (...args: readonly string[]): Promise<Said> => ended(startGoms([...args, ...where]))

  test('call: JSON, pairs and standard input reach the method, and what it answers is printed alone', async () => {
    const given = [await goms('call', 'echo.read', '{"id":"a"}'), await goms('call', 'echo.read', 'id=a')]
    const line = `echo '{"id":"a"}' | "$0" "$@"`
    given.push(
      await ended(startProcess('sh', ['-c', line, process.execPath, main, 'call', 'echo.read', '-', ...where])),
    )
    for (const { code, out, err } of given) {
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(JSON.parse(out)).toEqual({ id: 'a', node: expect.stringMatching(/^echo[12]$/) })
    }
    const { out } = await goms('call', 'echo.read', 'id=1', '--json')
    expect(out).toMatch(/^\{"id":1,"node":"echo[12]"\}$/)
  })

  test('nodes: a table, or JSON', async () => {
    const { out } = await goms('nodes')
    const [head, ...rows] = out.split('\n')
    expect(head).toMatch(/^SERVICE +NODE +HTTP +RPC +VERSION +AGE +CONTRACT +STATE +DIALECT$/)
    expect(rows.map((row) => row.split(/ +/)[0])).toEqual(['echo', 'echo', 'gateway'])
    const { out: json } = await goms('nodes', 'echo', '--json')
    const records: { name: string; protocols: string[] }[] = JSON.parse(json)
    expect(records.map(({ name }) => name).sort()).toEqual(nodes.map(({ node }) => node).sort())
    expect(records[0]?.protocols).toContain('rpc')
  })

  if (!whole) return

  test('call: one node, if asked for', async () => {
    for (const { node, name, rpcPort } of nodes) {
      for (const wanted of [node, `127.0.0.1:${rpcPort}`]) {
        const { out } = await goms('call', 'echo.write', 'id=1', '--node', wanted, '--json')
        expect(JSON.parse(out).node).toBe(name)
      }
    }
  })

  test.each([
    ['an unknown service', ['call', 'ecko.read'], 4, 'did you mean "echo"?'],
    ['an unknown method', ['call', 'echo.raed'], 4, 'did you mean "read"?'],
    ['an unknown node', ['call', 'echo.read', '--node', 'nobody'], 4, 'nodes of echo:'],
    ['no method', ['call', 'echo'], 2, '<service>.<method>'],
    ['no JSON', ['call', 'echo.read', '{id'], 2, 'is no JSON'],
    ['too little time', ['call', 'echo.read', 'id=1', '--timeout', '1'], 6, 'DEADLINE_EXCEEDED'],
    ['an unknown service to look at', ['nodes', 'ecko'], 4, 'did you mean "echo"?'],
  ])('%s: the documented exit code, and help', async (_name, args, code, help) => {
    const said = await goms(...args)
    expect(said).toMatchObject({ code, out: '' })
    expect(said.err).toContain(help)
  })

  test('call: without the key of the cluster nothing runs', async () => {
    const before = cluster.executed().length
    const env = { GOMS_CALL_SERVICE_KEY: 'another key than theirs' }
    const { code, err } = await ended(startGoms(['call', 'echo.write', 'id=1', ...where], { env }))
    expect(code).toBe(8)
    expect(err).toContain('callServiceKey')
    expect(cluster.executed()).toHaveLength(before)
  })

  test('nodes --watch: a line for each change, until it is interrupted', async () => {
    const watching = startGoms(['nodes', '--watch', ...where])
    await watching.waitForLine(/ join +echo /)
    const late = await cluster.node('late1', { fixture: 'echo.mjs', service: 'late' })
    await watching.waitForLine(new RegExp(` join +late  ${late.node}$`))
    await late.process.stop()
    await watching.waitForLine(new RegExp(` leave +late  ${late.node}$`))
    watching.signal('SIGINT')
    expect(await watching.exited).toEqual({ code: 130, signal: null })
  })

  test('services: what each offers', async () => {
    const { out } = await goms('services')
    expect(out).toMatch(/^echo +2 +method +read +GET \/api\/echo\/read +idempotent$/m)
    expect(out).toMatch(/^ +method +write +POST \/api\/echo\/write$/m)
    const { out: json } = await goms('services', 'echo', '--json')
    expect(JSON.parse(json)).toMatchObject([
      {
        service: 'echo',
        nodes: 2,
        methods: [
          { name: 'read', expose: 'GET' },
          { name: 'write', nodes: 2 },
        ],
      },
    ])
  })

  test('the gateway serves the methods that are exposed', async () => {
    const read = await fetch(`${gateway.url}/api/echo/read?id=a`)
    expect(await read.json()).toMatchObject({ status: true, code: 0, data: { id: 'a' } })
    const write = await fetch(`${gateway.url}/api/echo/write`, { method: 'POST', body: '{"id":7}' })
    expect(await write.json()).toMatchObject({ status: true, code: 0, data: { id: 7 } })
    const wrong = await fetch(`${gateway.url}/api/echo/write`)
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'POST'])
    expect((await fetch(`${gateway.url}/api/echo/Read?id=a`)).status).toBe(404)
  })
}

describe('on the embedded registry', () => {
  suite(async () => ['--registry', 'embedded', '--embedded-port', String(await freePort(4))], true)
})

describe.skipIf(etcdMissing !== undefined)('on etcd', () => {
  let etcd: EtcdCluster
  afterAll(() => etcd?.close())
  suite(async () => {
    etcd = await startEtcd()
    return ['-etcd_addr', etcd.endpoints.join('|')]
  }, false)
})

test('help tells their flags, in both languages', async () => {
  const [en, zh] = await Promise.all(
    ['en_US.UTF-8', 'zh_CN.UTF-8'].map((LC_ALL) => ended(startGoms(['help', 'call'], { env: { LC_ALL } }))),
  )
  expect(en?.out).toMatch(/^goms call .*\n {2}call a method.*-node +only this node.*-registry/s)
  expect(zh?.out).toMatch(/^goms call .*\n {2}调用一个方法.*-node +只调用该节点/s)
})

describe('no cluster', () => {
  afterEach(killAll)

  test('all that was tried is named, and none is begun', async () => {
    const port = String(await freePort(4))
    const env = { GOMS_EMBEDDED_PORT: port }
    for (let i = 0; i < 2; i++) {
      const { code, out, err } = await ended(startGoms(['nodes'], { env, cwd: '/' }))
      expect({ code, out }).toEqual({ code: 5, out: '' })
      for (const tried of ['-registry', 'GOMS_REGISTRY', 'configuration', `nobody on 127.0.0.1:${port}`]) {
        expect(err).toContain(tried)
      }
    }
  })

  test('an etcd that does not answer is named', async () => {
    const address = `127.0.0.1:${await freePort()}`
    const { code, err } = await ended(
      startGoms(['services', '-registry', `etcd://${address}`, '-registry_timeout', '300']),
    )
    expect(code).toBe(5)
    expect(err).toContain(address)
  })

  test('memory is seen by its own process only', async () => {
    const { code, err } = await ended(startGoms(['nodes', '-registry', 'memory']))
    expect(code).toBe(5)
    expect(err).toContain('its own process only')
  })
})
