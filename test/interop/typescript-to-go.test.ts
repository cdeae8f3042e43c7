/** TypeScript calls Go: the whole way out of a process of ours, to a node on smallnest/rpcx that is registered in etcd. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ClientOf, client, contract, type GomsError, rpc, type Served, serve, service } from '../../src/index.ts'
import { type EtcdCluster, etcdMissing, startEtcd } from '../support/etcd.ts'
import { buildGo, GO_BUILD_TIMEOUT_MS, goMissing } from '../support/go.ts'
import { killAll, startProcess } from '../support/processes.ts'

const KEY = 'a key for the tests'

interface Values {
  small?: number
  int64?: number | bigint
  uint64?: number | bigint
  int8?: number
  float64?: number
  float32?: number
  text?: string | undefined
  bytes?: Uint8Array | null
  numbers?: number[] | null
  counts?: Record<string, number> | null
  inner?: { username: string } | null
  at?: Date
  any?: unknown
  yes?: boolean
  unknown?: unknown
}

const User = contract('user', {
  rpc: {
    exists: rpc<{ username: string }, { exists: boolean }>({ idempotent: true }),
    values: rpc<Values, Values>(),
    kinds: rpc<Values, Record<string, string>>(),
    ready: rpc<object, Values>(),
    slow: rpc<{ delayMs: number }, { leftMs: number }>({ timeoutMs: 2000 }),
    fail: rpc<{ text: string }, object>(),
    panic: rpc<object, object>(),
    ran: rpc<object, { count: number }>(),
    metadata: rpc<object, Record<string, string>>(),
    repeat: rpc<{ delayMs: number }, { text: string }>(),
    noSuch: rpc<object, object>(),
  },
})
const Arith = contract('Arith', { rpc: { mul: rpc<{ A: number; B: number }, { C: number }>() } })
const Text = contract('text', { rpc: { lower: rpc<{ text: string }, { text: string }>() } })
const Guarded = contract('guarded', { rpc: { exists: rpc<{ username: string }, { exists: boolean }>() } })

describe.skipIf((goMissing ?? etcdMissing) !== undefined)('TypeScript calls Go', () => {
  const user: ClientOf<typeof User> = client(User)
  let etcd: EtcdCluster
  let served: Served
  let dir: string

  beforeAll(async () => {
    const program = await buildGo()
    etcd = await startEtcd()
    dir = mkdtempSync(join(tmpdir(), 'goms-interop-'))
    const go = startProcess(program('rpcx-server'), ['-auth', KEY], { name: 'rpcx-server' })
    const { match } = await go.waitForLine(/^listening 127\.0\.0\.1:(\d+)$/)
    // As go-garden writes them: HTTP first, and `0` as the value.
    for (const name of ['user', 'Arith', 'text']) {
      await etcd.etcdctl('put', `goms_${name}_127.0.0.1:1:${match[1]}`, '0')
    }
    served = await serve(service('caller', { http: (_req, res) => res.end() }), {
      flags: { etcdAddr: etcd.endpoints.join('|'), callServiceKey: KEY, advertiseHost: '127.0.0.1', adminPort: 'off' },
      env: {},
      cwd: dir,
      log: { debug() {}, info() {}, warn() {}, error() {} },
    })
  }, GO_BUILD_TIMEOUT_MS)

  afterAll(async () => {
    await served?.close('now')
    await killAll()
    await etcd?.close()
    if (dir !== undefined) rmSync(dir, { recursive: true, force: true })
  })

  const failure = (promise: Promise<unknown>): Promise<GomsError> =>
    promise.then(
      () => {
        throw new Error('expected it to reject')
      },
      (error: GomsError) => error,
    )

  test('methods are called by the name that Go gives them', async () => {
    expect(await user.exists({ username: 'bob' })).toEqual({ exists: true })
    expect(await user.exists({ username: 'eve' })).toEqual({ exists: false })
    expect(await client(Arith).mul({ A: 6, B: 7 })).toEqual({ C: 42 })
  })

  test('functions that were registered by a small name are found too', async () => {
    expect(await client(Text).lower({ text: 'ÄBC' })).toEqual({ text: 'äbc' })
  })

  test('Go reads every kind of value as it was meant', async () => {
    const at = new Date('2023-11-14T22:13:20.123Z')
    const input: Values = {
      ...{ small: 5, int64: Date.UTC(2026, 0, 1), uint64: 2n ** 64n - 1n, int8: -7, float64: 0.1, float32: 3 },
      ...{ text: undefined, bytes: new Uint8Array([0, 1, 254, 255]), numbers: [1, 300, -70_000], counts: { a: 5 } },
      ...{ inner: null, at, any: 1.5, yes: true, unknown: 'skipped' },
    }
    expect(await user.kinds(input)).toEqual({
      int64: String(Date.UTC(2026, 0, 1)),
      uint64: String(2n ** 64n - 1n),
      float64: '0.1',
      float32: '3',
      bytes: '0001feff',
      at: '2023-11-14T22:13:20.123Z',
      any: 'float64 1.5',
      inner: 'false',
      numbers: '[1 300 -70000]',
    })
    for (const int64 of [0, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, 2n ** 63n - 1n]) {
      expect((await user.kinds({ int64 })).int64).toBe(String(int64))
    }
  })

  test('values come back from Go as they left', async () => {
    const input: Values = {
      ...{
        small: 5,
        int64: 1_234_567_890_123,
        uint64: 2n ** 63n,
        int8: -7,
        float64: 99.5,
        float32: 2,
        text: 'héllo 世界',
      },
      ...{ bytes: Buffer.from('abc'), numbers: [], counts: { a: 1, b: -1 }, inner: { username: 'bob' } },
      ...{ at: new Date(0), any: ['x', { y: 1 }], yes: false },
    }
    const output = await user.values(input)
    expect({ ...output, bytes: undefined }).toEqual({ ...input, bytes: undefined })
    expect(Buffer.from(output.bytes as Uint8Array).toString()).toBe('abc')
  })

  test('what only Go writes this way is read: fixed widths, single floats, nil, times', async () => {
    expect(await user.ready({})).toEqual({
      ...{ small: 5, int64: 5, uint64: 2n ** 63n, int8: -7, float64: 99.5, float32: 0.5, text: 'héllo 世界' },
      ...{ bytes: null, numbers: null, counts: null, inner: null, at: new Date(1_700_000_000_123), any: 7, yes: true },
    })
  })

  test("a fraction does not fit Go's float32, and the error says where it failed", async () => {
    const error = await failure(user.values({ float32: 0.5 }))
    expect(error.code).toBe('UNKNOWN')
    expect(error.message).toContain('decoding float32')
  })

  test('errors of Go arrive as UNKNOWN with their text, or as what their JSON says', async () => {
    expect(await failure(user.fail({ text: 'no such user: eve' }))).toMatchObject({
      ...{ name: 'GomsError', code: 'UNKNOWN', status: 500, message: 'no such user: eve' },
    })
    const text = JSON.stringify({ code: 'NOT_FOUND', message: 'no such user', data: { name: 'eve' } })
    expect(await failure(user.fail({ text }))).toMatchObject({
      ...{ code: 'NOT_FOUND', status: 404, message: 'no such user', data: { name: 'eve' } },
    })
  })

  test('a panic in Go is an error like any other, and the node goes on', async () => {
    const error = await failure(user.panic({}))
    expect(error.code).toBe('UNKNOWN')
    expect(error.message).toContain('a mistake in Go')
    expect(await user.exists({ username: 'bob' })).toEqual({ exists: true })
  })

  test('a method that Go does not have is UNIMPLEMENTED', async () => {
    expect(await failure(user.noSuch({}))).toMatchObject({ code: 'UNIMPLEMENTED', status: 501 })
  })

  test('the deadline arrives in Go, and ends the call here; what was sent is not sent again', async () => {
    const before = (await user.ran({})).count
    const { leftMs } = await user.slow({ delayMs: 0 })
    expect(leftMs).toBeGreaterThan(500)
    expect(leftMs).toBeLessThanOrEqual(2000)
    const startedMs = performance.now()
    expect(await failure(user.slow({ delayMs: 1000 }, { timeoutMs: 100 }))).toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    expect(performance.now() - startedMs).toBeLessThan(800)
    expect((await user.ran({})).count).toBe(before + 2)
  })

  test('trace and caller go along, nothing that only ours understand does', async () => {
    const metadata = await user.metadata({})
    expect(metadata['x-b3-traceid']).toMatch(/^[0-9a-f]{32}$/)
    expect(metadata.traceparent).toContain(metadata['x-b3-traceid'])
    expect(Number(metadata.__ServerTimeout)).toBeGreaterThan(0)
    expect(metadata).not.toHaveProperty('goms-target')
  })

  test('large answers and many calls at once', async () => {
    expect((await user.repeat({ delayMs: 2_000_000 })).text).toHaveLength(2_000_000)
    const calls = Array.from({ length: 500 }, (_, n) => user.repeat({ delayMs: n * 2 }))
    const lengths = (await Promise.all(calls)).map(({ text }) => text.length)
    expect(lengths).toEqual(calls.map((_, n) => n * 2))
  })

  test('a caller that gives up is told so at once', async () => {
    const controller = new AbortController()
    const waiting = failure(user.slow({ delayMs: 500 }, { signal: controller.signal }))
    controller.abort()
    expect((await waiting).code).toBe('CANCELLED')
  })

  test('a node that refuses the key says so', async () => {
    const program = await buildGo()
    const other = startProcess(program('rpcx-server'), ['-auth', 'another key'], { name: 'guarded' })
    const { match } = await other.waitForLine(/^listening 127\.0\.0\.1:(\d+)$/)
    await etcd.etcdctl('put', `goms_guarded_127.0.0.1:2:${match[1]}`, '0')
    await expect
      .poll(() => failure(client(Guarded).exists({ username: 'bob' })).then(({ message }) => message))
      .toContain('invalid token')
  })
})
