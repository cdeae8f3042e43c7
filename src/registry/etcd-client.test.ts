import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EtcdCluster, etcdMissing, startEtcd } from '../../test/support/etcd.ts'
import { createEtcdClient, type EtcdClient } from './etcd-client.ts'
import type { WatchEvent } from './kv.ts'
import { until } from './registry.suite.ts'

describe.skipIf(etcdMissing !== undefined)(`an etcd client${etcdMissing ? ` (${etcdMissing})` : ''}`, () => {
  let etcd: EtcdCluster
  let kv: EtcdClient
  beforeAll(async () => {
    etcd = await startEtcd()
    kv = createEtcdClient({ endpoints: etcd.endpoints })
  })
  afterAll(async () => {
    await kv.close()
    await etcd.close()
  })

  it('puts, ranges and deletes, and counts revisions', async () => {
    const { revision } = await kv.put('a/1', 'ü')
    await kv.put('a/2', '')
    const listed = await kv.range('a/', { prefix: true })
    expect(listed.kvs.map(({ key, value }) => [key, value])).toEqual([
      ['a/1', 'ü'],
      ['a/2', ''],
    ])
    expect(listed.kvs[0]?.modRevision).toBe(revision)
    expect(listed.revision).toBe(revision + 1n)
    expect((await kv.delete('a/1')).deleted).toBe(1)
    expect((await kv.delete('a/1')).deleted).toBe(0)
  })

  it('runs the branch of a transaction that its conditions choose', async () => {
    const create = () =>
      kv.txn([{ key: 't', createRevision: 0n }], [{ put: { key: 't', value: '1' } }], [{ range: { key: 't' } }])
    expect((await create()).succeeded).toBe(true)
    const second = await create()
    expect(second.succeeded).toBe(false)
    expect(second.ranges[0]?.[0]?.value).toBe('1')
    const modRevision = second.ranges[0]?.[0]?.modRevision ?? 0n
    expect((await kv.txn([{ key: 't', modRevision }], [{ delete: { key: 't' } }])).succeeded).toBe(true)
    expect((await kv.txn([{ key: 't', value: '1' }], [])).succeeded).toBe(false)
  })

  it('keeps leases alive, many at once, and says 0 for one that is gone', async () => {
    const granted = await Promise.all(Array.from({ length: 5 }, () => kv.grant(60)))
    const ttls = await Promise.all(granted.flatMap(({ lease }) => [kv.keepAlive(lease), kv.keepAlive(lease)]))
    expect(ttls.every((ttl) => ttl === 60)).toBe(true)
    const { lease } = granted[0] as { lease: bigint }
    await kv.put('leased', 'x', { lease })
    expect((await kv.range('leased')).kvs[0]?.lease).toBe(lease)
    for (const one of granted) await kv.revoke(one.lease)
    expect(await kv.keepAlive(lease)).toBe(0)
    expect((await kv.range('leased')).kvs).toEqual([])
    await kv.revoke(lease)
    await expect(kv.put('leased', 'x', { lease })).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('watches several prefixes on one stream, from the revision that it is given', async () => {
    const { revision } = await kv.put('w1/a', '1')
    const seen: string[] = []
    const handler = {
      events: (events: readonly WatchEvent[]) => seen.push(...events.map(({ type, kv: { key } }) => `${type} ${key}`)),
      compacted: () => seen.push('compacted'),
      closed: () => seen.push('closed'),
    }
    const [one, two] = [kv.watch('w1/', revision, handler), kv.watch('w2/', revision, handler)]
    await until('history', () => seen.length === 1)
    await kv.put('w2/b', '1')
    await kv.delete('w1/a')
    await until('events', () => seen.length === 3)
    expect(seen).toEqual(['put w1/a', 'put w2/b', 'delete w1/a'])
    one.close()
    await kv.put('w1/c', '1')
    await kv.put('w2/c', '1')
    await until('the other', () => seen.length === 4)
    expect(seen[3]).toBe('put w2/c')
    two.close()
  })

  it('answers progress requests', async () => {
    const notices: bigint[] = []
    const watch = kv.watch('p/', 0n, {
      events: (events, revision) => events.length === 0 && notices.push(revision),
      compacted() {},
      closed() {},
    })
    await until('a notice', () => {
      watch.progress()
      return notices.length > 0
    })
    expect(notices[0]).toBe((await kv.range('p')).revision)
    watch.close()
  })

  it('tells of compacted history', async () => {
    const { revision } = await kv.put('c/a', '1')
    for (let n = 0; n < 5; n++) await kv.put('c/a', String(n))
    await etcd.etcdctl('compact', String(revision + 4n))
    let compacted: bigint | undefined
    kv.watch('c/', revision, {
      events() {},
      compacted: (at) => {
        compacted = at
      },
      closed() {},
    })
    await until('compacted', () => compacted !== undefined)
    expect(compacted).toBe(revision + 4n)
  })

  it('carries a listing that is larger than any window', async () => {
    const value = 'x'.repeat(1_000_000)
    for (let n = 0; n < 6; n++) await kv.put(`big/${n}`, value)
    const { kvs } = await kv.range('big/', { prefix: true })
    expect(kvs.map((one) => one.value.length)).toEqual(Array(6).fill(1_000_000))
    for (let n = 0; n < 6; n++) await kv.delete(`big/${n}`)
  })

  it('goes on at the next endpoint, and says that it is a fresh connection', async () => {
    const client = createEtcdClient({ endpoints: ['127.0.0.1:1', ...etcd.endpoints] })
    let reconnects = 0
    client.onReconnect(() => reconnects++)
    await client.range('a')
    expect(client.endpoint).toBe(etcd.endpoints[0])
    expect(reconnects).toBe(0)
    client.reconnect('a test')
    await until('again', () => reconnects === 1)
    await client.range('a')
    await client.close()
    await expect(client.range('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('an etcd client without an etcd', () => {
  async function withServer(
    onSocket: (socket: net.Socket) => void,
    use: (endpoint: string) => Promise<void>,
  ): Promise<void> {
    const sockets = new Set<net.Socket>()
    const server = net.createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      onSocket(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    try {
      await use(`127.0.0.1:${(server.address() as net.AddressInfo).port}`)
    } finally {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }

  it('gives up a call after its time when nobody answers', async () => {
    await withServer(
      () => {},
      async (endpoint) => {
        const kv = createEtcdClient({ endpoints: [endpoint], callTimeoutMs: 300, connectTimeoutMs: 100 })
        const began = performance.now()
        await expect(kv.range('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
        expect(performance.now() - began).toBeLessThan(600)
        await kv.close()
      },
    )
  })

  it('is not in a hurry with a server that hangs up at once, or answers and then hangs up', async () => {
    // An empty SETTINGS frame, as an HTTP/2 server begins.
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0])
    for (const greeting of [undefined, settings]) {
      let connections = 0
      await withServer(
        (socket) => {
          connections++
          if (greeting) socket.end(greeting)
          else socket.destroy()
        },
        async (endpoint) => {
          const kv = createEtcdClient({ endpoints: [endpoint], callTimeoutMs: 300, random: () => 0.5 })
          await expect(kv.range('a')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
          await new Promise((resolve) => setTimeout(resolve, 1000))
          // Waits of 35, 60, 110, 210, 410 ms and so on.
          expect(connections).toBeGreaterThan(2)
          expect(connections).toBeLessThan(10)
          await kv.close()
        },
      )
    }
  })

  it('says what it met where something else listens', async () => {
    await withServer(
      (socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'),
      async (endpoint) => {
        const kv = createEtcdClient({ endpoints: [endpoint], callTimeoutMs: 200 })
        await expect(kv.range('a')).rejects.toMatchObject({
          code: 'UNAVAILABLE',
          message: expect.stringContaining(endpoint),
        })
        await kv.close()
      },
    )
  })
})
