/** Routes that all processes share, on real processes: pushed, gone back to, published by a save, and put back. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Cluster, createCluster, type Member } from '../support/cluster.ts'
import { type EtcdCluster, etcdMissing, startEtcd } from '../support/etcd.ts'
import { freePort, killAll, startGoms } from '../support/processes.ts'

interface Said {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Told {
  readonly status: number
  readonly path?: string
  readonly leftMs?: number
}

const FILES = 'services:\n  routed: { tell: /file }\n  caller: { ask: /ask }\n'
const soon = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 5000, interval: 20 })

/** @param whole else only what differs between registries */
function suite(backend: () => Promise<readonly string[]>, whole: boolean): void {
  let cluster: Cluster
  let gateway: Member
  let where: readonly string[]
  const routes = (): string => join(cluster.dir, 'routes.yml')
  const runtime = (name: string): readonly string[] => ['-runtime', join(cluster.dir, name)]

  beforeAll(async () => {
    const args = await backend()
    cluster = createCluster({ backend: { args }, services: FILES })
    where = [...args, '-configs', join(cluster.dir, 'configs')]
    gateway = await cluster.gateway('gateway1', { args: ['-publish_routes', ...runtime('gateway')] })
    const options = (service: string) => ({ fixture: 'routed.mjs', service, args: runtime(service) })
    await Promise.all(['routed', 'caller'].map((service) => cluster.node(`${service}1`, options(service))))
  }, 60_000)
  afterAll(() => cluster?.close())

  const goms = async (...args: readonly string[]): Promise<Said> => {
    const process = startGoms([...args, ...where], { cwd: cluster.dir })
    const { code } = await process.exited
    return { code, out: process.text('stdout'), err: process.text('stderr') }
  }
  const push = (text: string, ...flags: string[]): Promise<Said> => {
    writeFileSync(routes(), text)
    return goms('routes', 'push', 'routes.yml', ...flags)
  }
  const ask = async (path: string, through = gateway): Promise<Told> => {
    const response = await fetch(`${through.url}/api/${path}?id=1`)
    const body = response.status === 200 ? ((await response.json()) as object) : {}
    return { status: response.status, ...body }
  }
  const setOf = (path: string, timeout: number): string =>
    `routes:\n  routed: { tell: { path: ${path}, timeout: ${timeout} } }\n  caller: { ask: /ask }\n`
  /** From outside, and from a service to another. */
  const allTell = (path: string): Promise<void> =>
    soon(async () => {
      expect([(await ask('routed/tell')).path, (await ask('caller/ask')).path]).toEqual([path, path])
    })

  test('nothing is shared at first, and files rule', async () => {
    expect(await goms('routes')).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('no routes are shared'),
    })
    expect((await goms('routes', '--json')).out).toBe('null')
    expect(await goms('routes', 'history')).toMatchObject({ code: 0, out: '' })
    expect((await goms('routes', 'rollback')).code).toBe(4)
    await allTell('/file')
  })

  test('a push is in force in gateways and services, path and policy together', async () => {
    const dry = await push(setOf('/pushed', 1500), '--dry-run')
    expect(dry).toMatchObject({
      code: 0,
      out: '+ routed/tell /pushed timeout 1500\n+ caller/ask /ask',
    })
    await allTell('/file')
    const said = await push(setOf('/pushed', 1500), '-m', 'tell moves')
    expect(said).toMatchObject({ code: 0, out: dry.out, err: 'number 1 is shared (nothing was shared before)' })
    await allTell('/pushed')
    const { leftMs } = await ask('routed/tell')
    expect(leftMs).toBeGreaterThan(500)
    expect(leftMs).toBeLessThanOrEqual(1500)
    expect(gateway.process.text()).toMatch(/routes: number 1 is in force \(by \S+@\S+: tell moves\)/)
    const again = await push(setOf('/pushed', 1500))
    expect(again).toMatchObject({ code: 0, out: '', err: 'no change: number 1 says the same' })
  })

  if (!whole) return

  test('what is shown can be changed and pushed again', async () => {
    const { out } = await goms('routes')
    expect(out).toMatch(
      /^# routes number 1 of the project goms\n# shared by \S+@\S+ at 2\S+Z\n# tell moves\nservices:\n/,
    )
    expect(await push(out)).toMatchObject({ code: 0, out: '' })
    const said = await push(`${out.replace('1500', '700')}\nretries: 2\n`, '--json')
    expect(JSON.parse(said.out)).toMatchObject({
      number: 2,
      before: 1,
      changes: [
        { change: 'added', fields: [{ key: 'retries', after: 2 }] },
        {
          change: 'changed',
          service: 'routed',
          action: 'tell',
          fields: [{ key: 'timeout', before: 1500, after: 700 }],
        },
      ],
      warnings: [],
    })
  })

  test('a bad file changes nothing and is shown with its place', async () => {
    const bad = 'routes:\n  routed: { tell: { path: /bad, limitter: 5/1 } }\n'
    const said = await push(bad)
    expect(said).toMatchObject({ code: 3, out: '' })
    expect(said.err).toContain('error[GOMS_CONFIG_UNKNOWN_KEY]: unknown key "limitter" in routes.routed.tell')
    expect(said.err).toMatch(/--> routes\.yml:2:33\n[\s\S]*\^{8} did you mean "limiter"\?/)
    expect((await push('callServiceKey: a secret of theirs\n')).code).toBe(3)
    expect((await goms('routes', 'push')).code).toBe(2)
    expect((await goms('routes', 'push', 'none.yml')).code).toBe(3)
    expect((await goms('routes', 'psuh')).code).toBe(2)
    await allTell('/pushed')
  })

  test('what nobody serves is a warning, or an error with --strict', async () => {
    const text = `${setOf('/doubt', 700)}  ruoted: { tell: /x }\n`
    const strict = await push(text, '--strict')
    expect(strict.code).toBe(3)
    expect(strict.err).toContain('no live node serves ruoted')
    expect(strict.err).toContain('did you mean "routed"?')
    const said = await push(text)
    expect(said.code).toBe(0)
    expect(said.err).toContain('warn: routes.yml:4:3: no live node serves ruoted, did you mean "routed"?\n')
    await allTell('/doubt')
  })

  test('rollback goes to the one before, or to a number', async () => {
    expect(await goms('routes', 'rollback')).toMatchObject({
      code: 0,
      out: expect.stringContaining('- ruoted/tell /x'),
    })
    await allTell('/pushed')
    expect((await goms('routes', 'rollback', '1')).code).toBe(0)
    const { out } = await goms('routes', 'history')
    const rows = out.split('\n').map((row) => row.split(/ {2,}/))
    expect(rows.map(([number, , changed, , message]) => [number, changed, message])).toEqual([
      ['NUMBER', 'CHANGED', 'MESSAGE'],
      ['5 *', '~1 -1', 'back to number 1'],
      ['4', '+1 ~1 -1', 'back to number 2'],
      ['3', '+1 ~1 -1', undefined],
      ['2', '+1 ~1', undefined],
      ['1', '+2', 'tell moves'],
    ])
    expect((await goms('routes', 'rollback', '77')).code).toBe(4)
    expect((await goms('routes', 'rollback', 'x')).code).toBe(2)
    const records = JSON.parse((await goms('routes', 'history', '--json')).out)
    expect(records[0]).toMatchObject({ number: 5, inForce: true, set: { services: { routed: {} } } })
  })

  test('who comes later has them before it serves', async () => {
    const late = await cluster.gateway('gateway2', { args: ['-workers', '2'] })
    expect((await ask('routed/tell', late)).path).toBe('/pushed')
    await push(setOf('/late', 900))
    await soon(async () => {
      const told = await Promise.all(Array.from({ length: 8 }, () => ask('routed/tell', late)))
      expect(new Set(told.map(({ path }) => path))).toEqual(new Set(['/late']))
    })
    await late.process.stop()
  })

  test('a save at a process that publishes shares its routes; a broken one changes nothing', async () => {
    const services = join(cluster.dir, 'configs', 'services.yml')
    const seen = gateway.process.lines.length
    writeFileSync(services, FILES.replace('/file', '/saved'))
    await gateway.process.waitForLine(/routes: number 7 was published from the files that were saved/, 5000, seen)
    await allTell('/saved')
    writeFileSync(services, 'services: { routed: { tell: [ }\n')
    await gateway.process.waitForLine(/the last good one stays in force: GOMS_CONFIG_SYNTAX/, 5000, seen)
    // For the command line, whose configuration it is too.
    writeFileSync(services, FILES.replace('/file', '/saved'))
    await gateway.process.waitForLine(/configuration: good again/, 5000, seen)
    const [last] = JSON.parse((await goms('routes', 'history', '--json')).out)
    expect(last).toMatchObject({ number: 7, by: `gateway ${gateway.node}` })
    await allTell('/saved')
  })

  test('withdrawn, the files rule again', async () => {
    await push(setOf('/pushed', 1500))
    await allTell('/pushed')
    const said = await goms('routes', 'withdraw')
    expect(said.err).toContain('withdraws what was shared')
    await allTell('/saved')
    expect((await goms('routes', 'rollback')).code).toBe(0)
    await allTell('/pushed')
  })
}

afterAll(killAll)

describe('on the embedded registry', () => {
  suite(async () => ['-registry', 'embedded', '-embedded_port', String(await freePort(4))], false)
})

describe.skipIf(etcdMissing !== undefined)(`on etcd${etcdMissing ? ` (${etcdMissing})` : ''}`, () => {
  let etcd: EtcdCluster
  suite(async () => {
    etcd = await startEtcd()
    return ['-etcd_addr', etcd.endpoints.join('|')]
  }, true)
  afterAll(() => etcd?.close())
})

describe('a registry that comes back empty', () => {
  const push = async (cluster: Cluster, args: readonly string[], path: string): Promise<void> => {
    writeFileSync(join(cluster.dir, 'routes.yml'), `routes: { routed: { tell: ${path} } }\n`)
    const options = { cwd: cluster.dir }
    const pushing = startGoms(['routes', 'push', 'routes.yml', ...args, '-configs', 'configs'], options)
    expect((await pushing.exited).code, pushing.text()).toBe(0)
  }
  const pathAt = async ({ url }: Member): Promise<string> =>
    ((await (await fetch(`${url}/api/routed/tell?id=1`)).json()) as { path: string }).path

  test('embedded, all stopped and started again: the runtime directory has them', async () => {
    const args = ['-registry', 'embedded', '-embedded_port', String(await freePort(4))]
    const cluster = createCluster({ backend: { args }, services: FILES })
    const more = { args: ['-runtime', join(cluster.dir, 'runtime')] }
    mkdirSync(join(cluster.dir, 'runtime'))
    try {
      const gateway = await cluster.gateway('gateway1', more)
      const node = await cluster.node('routed1', { fixture: 'routed.mjs', ...more })
      await push(cluster, args, '/kept')
      await soon(async () => expect(await pathAt(gateway)).toBe('/kept'))
      await Promise.all([gateway.process.stop(), node.process.stop()])
      const again = await cluster.gateway('gateway1', more)
      await cluster.node('routed1', { fixture: 'routed.mjs', ...more })
      expect(again.process.text()).toMatch(/registry: number 1 of the shared routes was missing and is put back/)
      await soon(async () => expect(await pathAt(again)).toBe('/kept'))
    } finally {
      await cluster.close()
    }
  })

  test.skipIf(etcdMissing !== undefined)('etcd wiped: those that live put them back', async () => {
    const etcd = await startEtcd()
    const args = ['-etcd_addr', etcd.endpoints.join('|')]
    const cluster = createCluster({ backend: { args }, services: FILES })
    try {
      const gateway = await cluster.gateway('gateway1')
      await cluster.node('routed1', { fixture: 'routed.mjs' })
      await push(cluster, args, '/kept')
      await soon(async () => expect(await pathAt(gateway)).toBe('/kept'))
      await etcd.member.kill()
      etcd.member.wipe()
      await etcd.member.start()
      const value = (): Promise<string> => etcd.etcdctl('get', '--print-value-only', '/goms/v1/goms/routes')
      await vi.waitFor(async () => expect(JSON.parse(await value())).toMatchObject({ number: 1 }), { timeout: 10_000 })
      expect(await pathAt(gateway)).toBe('/kept')
    } finally {
      await cluster.close()
      await etcd.close()
    }
  })
})
