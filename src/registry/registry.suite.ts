/** What every registry promises, whatever store is under it; each implementation's test runs this suite. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Log } from '../core/log.ts'
import type { Kv } from './kv.ts'
import type { Registration, Registry, ViewChange } from './registry.ts'
import { sharedRoutesCases } from './shared-routes.suite.ts'

export interface RegistrySuiteOptions {
  readonly project: string
  /** Short, so that leases end within a test. */
  readonly leaseTtlMs: number
  readonly log: Log
}

/** One store that any number of registries share, as processes share an etcd. */
export interface RegistryWorld {
  /** Another registry on the same store; it is closed by the suite. */
  open(options: RegistrySuiteOptions): Registry
  /** The store itself, to do what a person or a fault does. */
  readonly kv: Kv
  close(): Promise<void>
}

/** Polls until it holds, at most `withinMs`; says how long it took. */
export async function until(what: string, holds: () => boolean, withinMs = 5000): Promise<number> {
  const began = performance.now()
  while (!holds()) {
    if (performance.now() - began > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return performance.now() - began
}

let ports = 20_000

/** A registration as a process would make it. Each call gets ports of its own; nothing listens there. */
export function registrationOf(service: string, id: string, more: Partial<Registration> = {}): Registration {
  const rpc = ports++
  return {
    service,
    rpc: { host: '127.0.0.1', port: rpc },
    http: { host: '127.0.0.1', port: rpc + 10_000 },
    value: { id, protocols: ['http', 'rpc'] },
    state: {},
    ...more,
  }
}

/** A log that keeps its lines. */
export function keptLog(): Log & { readonly lines: string[] } {
  const lines: string[] = []
  const keep = (level: string) => (message: string) => {
    lines.push(`${level} ${message}`)
  }
  return { lines, debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') }
}

const JOIN_MS = 200

export function registrySuite(name: string, makeWorld: () => Promise<RegistryWorld>): void {
  describe(`a registry over ${name}`, () => {
    let world: RegistryWorld
    let project: string
    let log: ReturnType<typeof keptLog>
    let opened: Registry[] = []
    let turn = 0

    beforeAll(async () => {
      world = await makeWorld()
    })
    afterAll(() => world.close())
    beforeEach(() => {
      project = `p${process.pid}-${turn++}`
      log = keptLog()
    })
    afterEach(async () => {
      await Promise.all(opened.map((registry) => registry.close()))
      opened = []
    })
    async function open(leaseTtlMs = 2000): Promise<Registry> {
      const registry = world.open({ project, leaseTtlMs, log })
      opened.push(registry)
      await registry.start()
      return registry
    }

    function changesOf(registry: Registry): string[] {
      const changes: string[] = []
      registry.view.subscribe((change: ViewChange) => changes.push(`${change.type} ${change.node.id}`))
      return changes
    }

    it('shows a node to everyone within 200 ms, and its leaving too', async () => {
      const [a, b] = [await open(), await open()]
      const changes = changesOf(b)
      const registration = registrationOf('user', 'id-1', {
        value: { id: 'id-1', version: '1.2', zone: 'z', startedAtMs: 5, protocols: ['http', 'rpc'] },
        state: { weight: 3, admin: '127.0.0.1:9999' },
      })
      const registered = await a.register(registration)
      expect(registered.key).toBe(
        `${project}_user_127.0.0.1:${registration.rpc.port}_127.0.0.1:${registration.http.port}`,
      )
      await until('join', () => b.view.nodes('user').length === 1, JOIN_MS)
      await until('state', () => b.view.nodes('user')[0]?.weight === 3, JOIN_MS)
      expect(b.view.nodes('user')[0]).toMatchObject({
        key: registered.key,
        service: 'user',
        id: 'id-1',
        rpc: registration.rpc,
        http: registration.http,
        version: '1.2',
        zone: 'z',
        startedAtMs: 5,
        draining: false,
        admin: '127.0.0.1:9999',
        protocols: ['http', 'rpc'],
        dialect: 'goms',
      })
      await registered.close()
      await until('leave', () => b.view.nodes('user').length === 0, JOIN_MS)
      expect(b.view.services()).toEqual(['user'])
      expect(changes.filter((change) => !change.startsWith('update'))).toEqual(['join id-1', 'leave id-1'])
      expect((await world.kv.range(`${project}_`, { prefix: true })).kvs).toEqual([])
    })

    it('lists what was there before, sorted by key', async () => {
      const a = await open()
      const keys: string[] = []
      for (let n = 0; n < 3; n++) keys.push((await a.register(registrationOf('user', `id-${n}`))).key)
      const b = await open()
      expect(b.view.nodes('user').map((node) => node.key)).toEqual(keys.sort())
    })

    it('passes on a changed state as an update of the same node', async () => {
      const [a, b] = [await open(), await open()]
      const registered = await a.register(registrationOf('user', 'id-1'))
      await until('join', () => b.view.nodes('user').length === 1)
      const changes = changesOf(b)
      await registered.setState({ draining: true })
      await until('draining', () => b.view.nodes('user')[0]?.draining === true, JOIN_MS)
      expect(changes).toEqual(['update id-1'])
    })

    it('reads contracts under their hash', async () => {
      const [a, b] = [await open(), await open()]
      const heard: unknown[] = []
      b.view.onContract((service, hash, document) => heard.push([service, hash, document]))
      await a.register(
        registrationOf('user', 'id-1', {
          value: { id: 'id-1', contract: 'h1' },
          contract: { hash: 'h1', document: { rpc: { exists: {} } } },
        }),
      )
      await until('contract', () => b.view.contract('h1') !== undefined, JOIN_MS)
      expect(b.view.contract('h1')).toEqual({ rpc: { exists: {} } })
      expect(heard).toEqual([['user', 'h1', { rpc: { exists: {} } }]])
      expect((await open()).view.contract('h1')).toEqual({ rpc: { exists: {} } })
    })

    it('takes its own address over at start, as a leave and a join', async () => {
      const [a, b] = [await open(), await open()]
      const registration = registrationOf('user', 'old')
      await a.register(registration)
      await until('join', () => b.view.nodes('user').length === 1)
      const changes = changesOf(b)
      await (await open()).register({ ...registration, value: { ...registration.value, id: 'new' } })
      await until('the new id', () => b.view.nodes('user')[0]?.id === 'new', JOIN_MS)
      expect(changes).toEqual(['leave old', 'join new'])
      await until('the conflict in the log', () => log.lines.some((line) => line.includes('held by another live node')))
      // The loser keeps trying, and does not take it back.
      await new Promise((resolve) => setTimeout(resolve, 1500))
      expect(b.view.nodes('user').map((node) => node.id)).toEqual(['new'])
    })

    it('is back at once after its key was deleted by hand', async () => {
      const [a, b] = [await open(), await open()]
      const registered = await a.register(registrationOf('user', 'id-1'))
      await until('join', () => b.view.nodes('user').length === 1)
      const changes = changesOf(b)
      await world.kv.delete(registered.key)
      await until('back', () => changes.length === 2, 700 + 1000)
      expect(changes).toEqual(['leave id-1', 'join id-1'])
    })

    it('is back after its lease was revoked', async () => {
      const [a, b] = [await open(), await open()]
      const registered = await a.register(registrationOf('user', 'id-1'))
      await until('join', () => b.view.nodes('user').length === 1)
      const changes = changesOf(b)
      const lease = (await world.kv.range(registered.key)).kvs[0]?.lease ?? 0n
      expect(lease).not.toBe(0n)
      await world.kv.revoke(lease)
      await until('back', () => changes.includes('join id-1'), 700 + 1000)
      const fresh = (await world.kv.range(registered.key)).kvs[0]?.lease
      expect(fresh).not.toBe(lease)
      expect(await world.kv.keepAlive(fresh ?? 0n)).toBeGreaterThan(0)
    })

    it('writes its key exactly once while its lease lives', async () => {
      const a = await open(1000)
      const registered = await a.register(registrationOf('user', 'id-1'))
      const first = (await world.kv.range(registered.key)).kvs[0]
      await new Promise((resolve) => setTimeout(resolve, 2500))
      const later = (await world.kv.range(registered.key)).kvs[0]
      expect(later).toEqual(first)
      expect(later?.version).toBe(1n)
    })

    it('skips and counts what cannot be a node, and is not harmed', async () => {
      const [a, b] = [await open(), await open()]
      await a.register(registrationOf('user', 'id-1'))
      await until('join', () => b.view.nodes('user').length === 1)
      const poison: [string, string][] = [
        [`${project}_`, '0'],
        [`${project}_user`, '0'],
        [`${project}___proto___127.0.0.1:1_127.0.0.1:2`, '0'],
        [`${project}_user_127.0.0.1:0_127.0.0.1:2`, '0'],
        [`${project}_user_127.0.0.1:1_127.0.0.1:65536`, '0'],
        [`${project}_user_169.254.169.254:80_169.254.169.254:80`, '0'],
        [`${project}_us\r\ner_127.0.0.1:1_127.0.0.1:2`, '0'],
        [`${project}_user_127.0.0.1:3_127.0.0.1:4`, 'x'.repeat(1_400_000)],
        [`${project}_user_127.0.0.1:5_127.0.0.1:6`, '{"__proto__":{"id":"x"}}'],
        [`${project}_user_127.0.0.1:7_127.0.0.1:8`, '{"id":"a\\r\\nb"}'],
        [`/goms/v1/${project}/state/x`, '[]'],
        [`/goms/v1/${project}/contracts/user/h/h`, '{}'],
      ]
      for (const [key, value] of poison) await world.kv.put(key, value)
      await until('all counted', () => b.view.skipped === poison.length)
      expect(b.view.services()).toEqual(['user'])
      expect(b.view.nodes('user').map((node) => node.id)).toEqual(['id-1'])
      expect(log.lines.every((line) => !/[\r\n]/.test(line))).toBe(true)
      const c = await open()
      expect(c.view.nodes('user').map((node) => node.id)).toEqual(['id-1'])
      expect(c.view.skipped).toBe(poison.length)
      for (const [key] of poison) await world.kv.delete(key)
    })

    it('reads both dialects, and says once that there is another', async () => {
      const b = await open()
      await world.kv.put(`${project}_user_10.0.0.1:9080:9180`, '0')
      await world.kv.put(`${project}_user_10.0.0.2:9080:9180`, '0')
      await world.kv.put(`${project}_user_[::1]:9180_[::1]:9080`, '0')
      await until('all', () => b.view.nodes('user').length === 3)
      expect(b.view.nodes('user').map((node) => [node.name, node.protocols])).toEqual([
        ['10.0.0.1:9180_10.0.0.1:9080', ['http', 'rpc']],
        ['10.0.0.2:9180_10.0.0.2:9080', ['http', 'rpc']],
        ['[::1]:9180_[::1]:9080', ['http']],
      ])
      expect(log.lines.filter((line) => line.includes('dialect'))).toHaveLength(1)
    })

    it('gives all processes of a project the same secret', async () => {
      const [a, b] = [await open(), await open()]
      const [one, two] = await Promise.all([a.sharedKey(), b.sharedKey()])
      expect(one).toBe(two)
      expect(Buffer.from(one, 'base64url')).toHaveLength(32)
      expect(await (await open()).sharedKey()).toBe(one)
    })

    it('keeps projects apart that begin alike', async () => {
      const b = await open()
      await world.kv.put(`${project}_x_user_127.0.0.1:1_127.0.0.1:2`, '0')
      await until('counted', () => b.view.skipped === 1)
      expect(b.view.services()).toEqual([])
    })

    sharedRoutesCases({ open, kv: () => world.kv, project: () => project, lines: () => log.lines })

    it('refuses an address that nobody may call, and a name with `_`', async () => {
      const a = await open()
      const bad = { host: '169.254.1.1', port: 1 }
      await expect(a.register({ ...registrationOf('user', 'x'), rpc: bad })).rejects.toMatchObject({
        code: 'GOMS_ADDRESS_REFUSED',
      })
      await expect(a.register(registrationOf('us_er', 'x'))).rejects.toMatchObject({ code: 'GOMS_NAME_INVALID' })
    })

    it('tells where it stands', async () => {
      const a = await open()
      expect(a.status()).toMatchObject({ connected: true })
      expect(a.status().revision).toBeGreaterThan(0n)
      expect(a.status().ageMs).toBeLessThan(5000)
    })
  })
}
