/** Processes that share a machine find each other through whichever of them came first, and get over its end. */
import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { RegistryOptions } from '../core/options.ts'
import { createEmbeddedRegistry, hostEmbedded } from './embedded.ts'
import { hostOn, portList } from './embedded-host.ts'
import { probe } from './embedded-probe.ts'
import { createEtcdClient } from './etcd-client.ts'
import { registrySuite } from './registry.suite.ts'
import type { Registration, Registry } from './registry.ts'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

/** A port that is free, with three free ones after it. */
async function freePort(): Promise<number> {
  for (;;) {
    const first = 20_000 + Math.floor(Math.random() * 9000)
    const servers = portList(first).map(() => createTcpServer())
    const free = await Promise.allSettled(servers.map((server, n) => listen(server, first + n)))
    await Promise.allSettled(servers.map((server) => new Promise((resolve) => server.close(resolve))))
    if (free.every(({ status }) => status === 'fulfilled')) return first
  }
}

function listen(server: TcpServer, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => resolve((server.address() as AddressInfo).port))
  })
}

function registryOptions(embeddedPort: number, leaseTtlMs = 2000): RegistryOptions {
  const none = { endpoints: [], user: undefined, password: undefined, tls: undefined }
  return { kind: 'embedded', ...none, embeddedPort, dialect: 'goms', leaseTtlMs, connectTimeoutMs: 5000 }
}

function open(port: number): Registry {
  const registry = createEmbeddedRegistry(registryOptions(port), {
    project: 'goms',
    clock: systemClock,
    log: silentLog,
  })
  cleanups.push(() => registry.close())
  return registry
}

function registration(service: string, port: number): Registration {
  return {
    service,
    rpc: { host: '127.0.0.1', port },
    http: { host: '127.0.0.1', port: port + 1 },
    value: { id: `${service}-${port}`, protocols: ['http', 'rpc'] },
    state: {},
  }
}

async function until(condition: () => boolean, withinMs: number): Promise<number> {
  const began = performance.now()
  while (!condition()) {
    if (performance.now() - began > withinMs) throw new Error(`not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  return performance.now() - began
}

const ids = (registry: Registry, service: string): string[] => registry.view.nodes(service).map((node) => node.id)

registrySuite('the embedded registry', async () => {
  const port = await freePort()
  const hosted = await hostEmbedded({ port })
  const kv = createEtcdClient({ endpoints: [`127.0.0.1:${port}`] })
  return {
    kv,
    open: ({ project, leaseTtlMs, log }) =>
      createEmbeddedRegistry(registryOptions(port, leaseTtlMs), { project, clock: systemClock, log }),
    async close() {
      await kv.close()
      await hosted.close()
    },
  }
})

describe('the embedded registry', () => {
  it('lets processes find each other, whoever came first', async () => {
    const port = await freePort()
    const registries = [open(port), open(port), open(port)]
    await Promise.all(registries.map((registry) => registry.start()))
    await Promise.all(registries.map((registry, n) => registry.register(registration('user', 9000 + n * 10))))
    for (const registry of registries) await until(() => ids(registry, 'user').length === 3, 200)
    const keys = await Promise.all(registries.map((registry) => registry.sharedKey()))
    expect(new Set(keys).size).toBe(1)
  })

  it('goes on when its host leaves: nobody else is seen to go, and the shared key stays', async () => {
    const port = await freePort()
    const host = open(port)
    await host.start()
    await host.register(registration('user', 9000))
    const others = [open(port), open(port)]
    for (const [n, other] of others.entries()) {
      await other.start()
      await other.register(registration('order', 9100 + n * 10))
    }
    const key = await others[0]?.sharedKey()
    await others[1]?.sharedKey()
    const left: string[] = []
    for (const other of others)
      other.view.subscribe((change) => {
        if (change.type === 'leave') left.push(change.node.id)
      })
    await host.close()
    const late = open(port)
    await late.start()
    await late.register(registration('order', 9200))
    for (const registry of [...others, late]) await until(() => ids(registry, 'order').length === 3, 3000)
    expect(left).toEqual(['user-9000', 'user-9000'])
    expect(await late.sharedKey()).toBe(key)
    expect(late.view.nodes('user')).toEqual([])
  })

  it('can be hosted by a supervisor, whose children then do not', async () => {
    const port = await freePort()
    const hosted = await hostEmbedded({ port })
    cleanups.push(() => hosted.close())
    expect(hosted).toMatchObject({ port, hosted: true })
    expect(await hostEmbedded({ port })).toMatchObject({ port, hosted: false })
    const registry = open(port)
    await registry.start()
    expect(registry.status()).toMatchObject({ connected: true, endpoint: `127.0.0.1:${port}` })
  })

  it('names the port that another program has taken', async () => {
    const web = createServer()
    const port = await listen(web, 0)
    cleanups.push(() => web.close())
    await expect(open(port).start()).rejects.toMatchObject({
      code: 'GOMS_PORT_IN_USE',
      message: expect.stringContaining(String(port)),
    })
  })

  it('names the port of a process that takes connections and says nothing', async () => {
    const mute = createTcpServer()
    const port = await listen(mute, 0)
    cleanups.push(() => mute.close())
    await expect(hostEmbedded({ port })).rejects.toMatchObject({ code: 'GOMS_PORT_IN_USE' })
  })

  it.each([
    { early: 0, late: 1 },
    { early: 1, late: 0 },
  ])(
    'heals when two hosts came to be (ports $early, then $late): the later stays, on the first port too',
    async (at) => {
      const port = await freePort()
      const options = { ports: portList(port), clock: systemClock, log: silentLog, random: Math.random, seed: {} }
      const host = async (n: number, aboveRevision: bigint) => {
        const found = await hostOn(port + n, { ...options, aboveRevision })
        cleanups.push(() => found?.own?.close())
        return found
      }
      const early = await host(at.early, 0n)
      const late = await host(at.late, BigInt(Date.now() + 1000) * 1000n)
      await early?.own?.ended
      for (let n = 0; n < 200; n++) {
        const there = await probe(port, systemClock, 300)
        if (there.state === 'embedded' && there.memberId === late?.memberId) return
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
      throw new Error('the later host is not on the first port')
    },
  )
})
