/** Real `etcdctl` works against the embedded registry's server, and its gRPC keeps to the rules at the edges. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process'
import { connect } from 'node:http2'
import { connect as connectTcp } from 'node:net'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../core/clock.ts'
import { createEmbeddedServer, type EmbeddedServer } from './embedded-server.ts'
import { RangeResponse, WatchResponse } from './etcd-answers.ts'
import { ETCD_PATHS, PutRequest, RangeRequest, WatchRequest } from './etcd-codec.ts'
import { createFrameSplitter, toFrame } from './grpc-frame.ts'

const run = promisify(execFile)
const hasEtcdctl = spawnSync('etcdctl', ['version'], { env: { ...process.env, ETCDCTL_API: '3' } }).status === 0
if (!hasEtcdctl && process.env.GOMS_REQUIRE_SERVERS === '1') throw new Error('etcdctl is needed and not installed')
if (!hasEtcdctl) console.warn('etcdctl is not installed: its tests of the embedded registry are skipped')

let server: EmbeddedServer
let port: number
const children: ChildProcess[] = []

beforeEach(async () => {
  server = createEmbeddedServer({ clock: systemClock, history: { maxEvents: 100 } })
  port = await server.listen(0)
})
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await server.close()
})

const env = { ...process.env, ETCDCTL_API: '3' }
const endpoint = (): string => `--endpoints=127.0.0.1:${port}`

async function etcdctl(...args: string[]): Promise<string> {
  const { stdout } = await run('etcdctl', [endpoint(), ...args], { env, timeout: 10_000 })
  return stdout.trim()
}

/** Starts an etcdctl that stays, and waits for lines of its output. */
function staying(...args: string[]): { input(text: string): void; until(text: string): Promise<string> } {
  const child = spawn('etcdctl', [endpoint(), ...args], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  children.push(child)
  let output = ''
  const waiting = new Set<() => void>()
  child.stdout.on('data', (chunk) => {
    output += chunk
    for (const check of waiting) check()
  })
  return {
    input: (text) => child.stdin.end(text),
    until: (text) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!output.includes(text)) return
          waiting.delete(check)
          resolve(output)
        }
        waiting.add(check)
        check()
      }),
  }
}

describe.skipIf(!hasEtcdctl)('etcdctl', () => {
  it('puts, gets, counts, limits, sorts and deletes', async () => {
    expect(await etcdctl('put', 'goms_user_1', 'one')).toBe('OK')
    await etcdctl('put', 'goms_user_2', '中文')
    await etcdctl('put', 'other', 'x')
    expect(await etcdctl('get', '--prefix', 'goms_')).toBe('goms_user_1\none\ngoms_user_2\n中文')
    expect(await etcdctl('get', '--prefix', '--keys-only', '--limit=1', 'goms_')).toBe('goms_user_1')
    expect(await etcdctl('get', '--prefix', '--order=DESCEND', '--print-value-only', 'goms_')).toBe('中文\none')
    expect(await etcdctl('get', '--from-key', '--keys-only', 'goms_user_2')).toBe('goms_user_2\n\nother')
    expect(await etcdctl('get', '--prefix', '--keys-only', '')).toContain('other')
    expect(await etcdctl('put', '--prev-kv', 'other', 'y')).toBe('OK\nother\nx')
    expect(await etcdctl('del', '--prefix', 'goms_')).toBe('2')
  })

  it('runs transactions', async () => {
    await etcdctl('put', 'a', '1')
    const txn = staying('txn', '-i=false')
    txn.input('value("a") = "1"\n\nput b 2\nget b\n\nput c 3\n\n')
    expect(await txn.until('2\n')).toContain('SUCCESS')
    const other = staying('txn')
    other.input('mod("a") = "7"\n\nput d 4\n\nget a\n\n')
    expect(await other.until('1\n')).toContain('FAILURE')
    expect(await etcdctl('get', '--prefix', '--keys-only', 'd')).toBe('')
  })

  it('watches live, and from a revision on', async () => {
    const live = staying('watch', '--prefix', 'goms_')
    let isReady = false
    const ready = live.until('goms_ready').then(() => {
      isReady = true
    })
    // Each put is waited for: one that is still on its way would come between those below.
    while (!isReady) await etcdctl('put', 'goms_ready', '')
    await ready
    const first = JSON.parse(await etcdctl('put', 'goms_a', '1', '-w', 'json')).header.revision
    await etcdctl('put', 'goms_a', '2')
    await etcdctl('put', 'strange', 'x')
    await etcdctl('del', 'goms_a')
    const past = staying('watch', '--prefix', `--rev=${first}`, 'goms_')
    const expected = 'PUT\ngoms_a\n1\nPUT\ngoms_a\n2\nDELETE\ngoms_a\n'
    expect(await past.until('DELETE\ngoms_a')).toContain(expected.trim())
    expect(await live.until('DELETE')).toContain('DELETE\ngoms_a')
    expect(await live.until('DELETE')).not.toContain('strange')
  })

  it('is told when the revision that it watches from is compacted', async () => {
    const first = JSON.parse(await etcdctl('put', 'a', '1', '-w', 'json')).header.revision
    const failed = run('etcdctl', [endpoint(), 'watch', `--rev=${first - 1000}`, 'a'], { env, timeout: 10_000 })
    await expect(failed).rejects.toThrow('compacted')
  })

  it('grants, shows, keeps and revokes leases', async () => {
    const lease = /lease (\w+) granted/.exec(await etcdctl('lease', 'grant', '60'))?.[1] ?? ''
    await etcdctl('put', `--lease=${lease}`, 'a', '1')
    expect(await etcdctl('lease', 'timetolive', '--keys', lease)).toMatch(/TTL\(60s\), remaining\((59|60)s\).*\[a\]/)
    expect(await etcdctl('lease', 'keep-alive', '--once', lease)).toContain('TTL(60)')
    expect(await etcdctl('lease', 'revoke', lease)).toContain('revoked')
    expect(await etcdctl('get', 'a')).toBe('')
    expect(await etcdctl('lease', 'timetolive', lease)).toContain('already expired')
    await expect(etcdctl('put', `--lease=${lease}`, 'a', '1')).rejects.toThrow('requested lease not found')
    await expect(etcdctl('lease', 'revoke', lease)).rejects.toThrow('requested lease not found')
  })

  it('is told who it is talking to', async () => {
    expect(await etcdctl('member', 'list')).toContain('goms-embedded')
    expect(await etcdctl('endpoint', 'status')).toContain('goms-embedded')
    const { stderr } = await run('etcdctl', [endpoint(), 'endpoint', 'health'], { env })
    const { stdout } = await run('etcdctl', [endpoint(), 'endpoint', 'health'], { env })
    expect(stderr + stdout).toContain('is healthy')
  })

  it('is refused what is not offered', async () => {
    await expect(etcdctl('compaction', '5')).rejects.toThrow('Unimplemented')
    await expect(etcdctl('user', 'add', 'a:b')).rejects.toThrow('Unimplemented')
  })
})

interface Answer {
  readonly messages: readonly Buffer[]
  readonly status: string | undefined
}

/** One gRPC call by hand; `parts` are written one by one. */
function call(path: string, parts: readonly Buffer[], onMessage?: (bytes: Buffer, end: () => void) => void) {
  return new Promise<Answer>((resolve, reject) => {
    const session = connect(`http://127.0.0.1:${port}`)
    session.on('error', reject)
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const messages: Buffer[] = []
    let status: string | undefined
    const take = createFrameSplitter(64 * 1024 * 1024, (bytes) => {
      messages.push(Buffer.from(bytes))
      onMessage?.(bytes, () => stream.end())
    })
    stream.on('response', (headers) => {
      status ??= headers['grpc-status']?.toString()
    })
    stream.on('trailers', (headers) => {
      status ??= headers['grpc-status']?.toString()
    })
    stream.on('data', take)
    stream.on('error', reject)
    stream.on('close', () => {
      session.close()
      resolve({ messages, status })
    })
    for (const part of parts) stream.write(part)
    if (!onMessage) stream.end()
  })
}

const putFrame = (key: string, value: string): Buffer => toFrame(PutRequest.encode({ key, value }))

describe('gRPC', () => {
  it('takes a message that arrives byte by byte', async () => {
    const bytes = putFrame('a', '1')
    expect(
      (
        await call(
          ETCD_PATHS.put,
          [...bytes].map((byte) => Buffer.from([byte])),
        )
      ).status,
    ).toBe('0')
  })

  it('sends an answer that is far larger than the window, whole', async () => {
    for (let n = 0; n < 8; n++) await call(ETCD_PATHS.put, [putFrame(`k${n}`, String(n).repeat(1_000_000))])
    const answer = await call(ETCD_PATHS.range, [toFrame(RangeRequest.encode({ key: 'k', rangeEnd: 'l' }))])
    expect(answer.status).toBe('0')
    const { kvs } = RangeResponse.decode(answer.messages[0] as Buffer)
    expect(kvs.map((kv) => kv.value.length)).toEqual(Array(8).fill(1_000_000))
  })

  it('refuses too large, compressed, damaged and missing messages by status', async () => {
    expect((await call(ETCD_PATHS.put, [putFrame('a', 'x'.repeat(3_000_000))])).status).toBe('8')
    expect((await call(ETCD_PATHS.put, [Buffer.from([1, 0, 0, 0, 0])])).status).toBe('12')
    expect((await call(ETCD_PATHS.put, [toFrame(Buffer.from([0xff, 0xff]))])).status).toBe('15')
    expect((await call(ETCD_PATHS.put, [])).status).toBe('13')
    expect((await call('/etcdserverpb.Maintenance/Snapshot', [toFrame(Buffer.alloc(0))])).status).toBe('12')
    expect((await call('/__proto__', [toFrame(Buffer.alloc(0))])).status).toBe('12')
    // And it is still there for others.
    expect((await call(ETCD_PATHS.put, [putFrame('a', '1')])).status).toBe('0')
  })

  it('survives clients that speak something else, or leave in the middle', async () => {
    for (const text of [
      'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
      '\0\0\0\0',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff',
    ]) {
      const socket = connectTcp(port, '127.0.0.1', () => socket.write(text, () => socket.destroySoon()))
      socket.on('error', () => {})
      await new Promise((resolve) => socket.on('close', resolve))
    }
    expect((await call(ETCD_PATHS.put, [putFrame('a', '1')])).status).toBe('0')
  })
})

describe('a watch', () => {
  it('answers a progress request for the whole stream, after all events', async () => {
    await call(ETCD_PATHS.put, [putFrame('a', '1')])
    const create = { key: 'a', startRevision: server.startRevision + 1n }
    const parts = [{ create }, { progress: {} }].map((request) => toFrame(WatchRequest.encode(request)))
    const { messages, status } = await call(ETCD_PATHS.watch, parts, (bytes, end) => {
      if (WatchResponse.decode(bytes).watchId === -1n) end()
    })
    const answers = messages.map((bytes) => WatchResponse.decode(bytes))
    expect(answers.map((answer) => [answer.watchId, answer.created, answer.events.length])).toEqual([
      [0n, true, 0],
      [0n, false, 1],
      [-1n, false, 0],
    ])
    expect(status).toBe('0')
  })

  it('of a reader that does not keep up goes on from the history, and misses nothing', async () => {
    const got: bigint[] = []
    const session = connect(`http://127.0.0.1:${port}`)
    const stream = session.request({ ':method': 'POST', ':path': ETCD_PATHS.watch, 'content-type': 'application/grpc' })
    const created = new Promise((resolve) => stream.once('response', resolve))
    stream.write(toFrame(WatchRequest.encode({ create: { key: 'a', startRevision: server.startRevision + 1n } })))
    await created
    for (let n = 0; n < 60; n++) await call(ETCD_PATHS.put, [putFrame('a', 'x'.repeat(100_000))])
    const done = new Promise<void>((resolve) => {
      const take = createFrameSplitter(64 * 1024 * 1024, (bytes) => {
        for (const event of WatchResponse.decode(bytes).events) got.push(event.kv?.version ?? 0n)
        if (got.length === 60) resolve()
      })
      stream.on('data', take)
    })
    await done
    expect(got).toEqual(Array.from({ length: 60 }, (_, n) => BigInt(n + 1)))
    session.destroy()
  })
})

describe('the port', () => {
  it('is bound by one only', async () => {
    const other = createEmbeddedServer({ clock: systemClock })
    await expect(other.listen(port)).rejects.toMatchObject({ code: 'EADDRINUSE' })
    await other.close()
  })
})
