/** Spans of ours in a real Zipkin: what was sent is what it shows, calls of whole clusters are complete in it, and no secret is. */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { systemClock } from '../../src/core/clock.ts'
import { silentLog } from '../../src/core/log.ts'
import type { Span, SpanKind } from '../../src/core/span.ts'
import { childOf, newTrace } from '../../src/telemetry/trace-context.ts'
import { createZipkinSink } from '../../src/telemetry/zipkin.ts'
import { type Cluster, createCluster, type Member, untilReady } from '../support/cluster.ts'
import { freePort, type Running, startGoms, startProcess } from '../support/processes.ts'
import { SLACK } from '../support/timing.ts'
import { startZipkin, ZIPKIN_START_MS, type Zipkin, type ZipkinSpan, zipkinMissing } from '../support/zipkin.ts'

let zipkin: Zipkin

describe.skipIf(zipkinMissing !== undefined)('a real Zipkin', () => {
  beforeAll(async () => {
    zipkin = await startZipkin()
  }, ZIPKIN_START_MS)
  afterAll(() => zipkin?.close())

  const span = (changes: Partial<Span>): Span => ({
    trace: newTrace(true),
    name: 'user/login',
    kind: 'SERVER',
    service: 'gateway',
    node: '10.0.0.1:8180_10.0.0.1:8080',
    remote: undefined,
    startedMs: Date.now(),
    durationMs: 12.5,
    tags: {},
    ...changes,
  })

  async function send(...spans: Span[]): Promise<void> {
    const sink = createZipkinSink(zipkin.url, { clock: systemClock, log: silentLog })
    for (const it of spans) sink.take(it)
    await sink.close(5000 * SLACK)
    expect(sink.numbers()).toMatchObject({ sent: spans.length, failed: 0, dropped: 0 })
  }

  async function traceOf(traceId: string, count: number) {
    await vi.waitFor(async () => expect(await zipkin.trace(traceId)).toHaveLength(count), { timeout: 5000 * SLACK })
    return zipkin.trace(traceId)
  }

  test('shows spans of all kinds below each other, with endpoints, tags, annotations and errors', async () => {
    const root = newTrace(true)
    const startedMs = Date.now() + 0.25
    const kinds: SpanKind[] = ['CLIENT', 'SERVER', 'PRODUCER', 'CONSUMER']
    await send(
      span({ trace: root, startedMs, tags: { 'http.method': 'POST', 'http.path': '/"ü\n' } }),
      ...kinds.map((kind, n) =>
        span({
          trace: childOf(root),
          kind,
          service: 'order',
          node: '[::1]:9180_[::1]:9080',
          startedMs: startedMs + n + 1,
          durationMs: 0,
          remote: { service: 'user', host: '::1', port: 9080 },
          annotations: [{ atMs: startedMs + n + 1, text: 'refused: limiter' }],
          error: { code: 'UNAVAILABLE', message: 'no node' },
        }),
      ),
    )
    const [first, ...others] = await traceOf(root.traceId, 5)
    expect(first).toEqual({
      traceId: root.traceId,
      id: root.spanId,
      kind: 'SERVER',
      name: 'user/login',
      timestamp: Math.round(startedMs * 1000),
      duration: 12_500,
      localEndpoint: { serviceName: 'gateway', ipv4: '10.0.0.1', port: 8080 },
      tags: { 'http.method': 'POST', 'http.path': '/"ü\n', 'goms.node': '10.0.0.1:8180_10.0.0.1:8080' },
    })
    expect(others.map((it) => it.kind)).toEqual(kinds)
    for (const it of others) {
      expect(it).toMatchObject({
        parentId: root.spanId,
        duration: 1,
        localEndpoint: { serviceName: 'order', ipv6: '::1', port: 9080 },
        remoteEndpoint: { serviceName: 'user', ipv6: '::1', port: 9080 },
        tags: { error: 'no node', 'error.code': 'UNAVAILABLE' },
        annotations: [{ value: 'refused: limiter' }],
      })
    }
  })

  test('finds a trace with a 64-bit id by it', async () => {
    const traceId = newTrace().traceId.slice(16)
    await send(span({ trace: { ...newTrace(true), traceId } }))
    expect((await traceOf(traceId, 1))[0]?.traceId).toBe(traceId)
  })

  test('takes thousands at once, while the process goes on', async () => {
    const root = newTrace(true)
    const tags = { 'http.body': 'x'.repeat(500) }
    const spans = Array.from({ length: 5000 }, () => span({ trace: childOf(root), tags }))
    let longestMs = 0
    let lastMs = performance.now()
    const watch = setInterval(() => {
      longestMs = Math.max(longestMs, performance.now() - lastMs)
      lastMs = performance.now()
    }, 1)
    await send(...spans)
    clearInterval(watch)
    expect(longestMs).toBeLessThan(50 * SLACK)
    await traceOf(root.traceId, 5000)
  })

  describe('goms trace', () => {
    const main = join(import.meta.dirname, '..', '..', 'dist', 'cli', 'main.js')
    const outside = { cwd: tmpdir() }

    async function ended(process: Running): Promise<{ code: number | null; out: string; err: string }> {
      const { code } = await process.exited
      return { code, out: process.text('stdout'), err: process.text('stderr') }
    }
    const trace = (args: readonly string[], options: { env?: Record<string, string>; cwd?: string } = {}) =>
      ended(startGoms(['trace', ...args], { ...outside, ...options }))
    const at = (): string[] => ['--zipkin-addr', `127.0.0.1:${zipkin.port}`]

    test('shows a trace with its attempts and errors, wherever the id comes from', async () => {
      const root = newTrace(true)
      const startedMs = Date.now()
      const attempt = (number: number, more: Partial<Span>) =>
        span({
          trace: childOf(root),
          kind: 'CLIENT',
          startedMs: startedMs + number,
          durationMs: 4,
          remote: { service: '用户', host: '10.0.0.7', port: 9000 + number },
          tags: { 'goms.attempt': String(number) },
          ...more,
        })
      const { traceId, spanId } = root
      // Asked before it is there.
      const asked = trace([traceId, '--wait', '10000', ...at()])
      await new Promise((resolve) => setTimeout(resolve, 1000))
      await send(
        span({ trace: root, startedMs, name: '订单/提交' }),
        attempt(1, { error: { code: 'UNAVAILABLE', message: 'gone\u001b[2J\nforged' } }),
        attempt(2, { startedMs: startedMs + 6 }),
      )
      const shown = await asked
      expect(shown).toMatchObject({ code: 0, err: '' })
      const [head, sums, , ...lines] = shown.out.split('\n')
      expect(head).toMatch(new RegExp(`^trace ${traceId}  ${new Date(startedMs).toISOString()}$`))
      expect(sums).toBe('3 spans  1 service  1 failed  12.5 ms')
      expect(lines).toEqual([
        expect.stringMatching(/^ {2}gateway 订单\/提交 +10\.0\.0\.1:8080 +12\.5 ms {2}█+$/),
        expect.stringMatching(/^! ├ gateway user\/login +#1 → 10\.0\.0\.7:9001 +4\.0 ms +█+$/),
        '  │   ! UNAVAILABLE: gone\\u001b[2J\\nforged',
        expect.stringMatching(/^ {2}└ gateway user\/login +#2 → 10\.0\.0\.7:9002 +4\.0 ms +█+$/),
      ])
      const env = { GOMS_ZIPKIN_ADDR: `${zipkin.url}/api/v2/spans` }
      expect(await trace([`00-${traceId}-${spanId}-01`], { env })).toEqual(shown)
      const line = `echo '{"status":false,"code":"UNAVAILABLE","traceId":"${traceId}"}' | "$0" "$@"`
      const piped = startProcess('sh', ['-c', line, process.execPath, main, 'trace', '-', ...at()], outside)
      expect(await ended(piped)).toEqual(shown)
      const { out: json } = await trace([traceId, '--json', ...at()])
      expect(JSON.parse(json)).toHaveLength(3)
      const { out: tags } = await trace([traceId, '--tags', ...at()])
      expect(tags).toContain('goms.node: 10.0.0.1:8180_10.0.0.1:8080')
    })

    test('says what is wrong, and what to do', async () => {
      const id = newTrace().traceId
      const nobody = `127.0.0.1:${await freePort()}`
      const said = await Promise.all([
        trace(['4bf92', ...at()]),
        trace([id, ...at()]),
        trace([id, '--zipkin-addr', nobody]),
        trace([id]),
        trace([id, '--zipkin-addr', 'ftp://host']),
      ])
      expect(said.map(({ code, out }) => ({ code, out }))).toEqual([2, 4, 5, 2, 2].map((code) => ({ code, out: '' })))
      const [bad, unknown, away, nowhere] = said
      expect(bad?.err).toContain('a trace id of 16 or 32 hex digits')
      expect(unknown?.err).toContain('--wait 5000')
      expect(away?.err).toContain(nobody)
      for (const tried of ['-zipkin_addr', 'GOMS_ZIPKIN_ADDR', 'zipkinAddr']) expect(nowhere?.err).toContain(tried)
    })
  })

  /** The spans of a trace once there are so many, and how long that took. */
  async function complete(traceId: string, count: number): Promise<{ spans: ZipkinSpan[]; afterMs: number }> {
    const began = performance.now()
    const spans = await traceOf(traceId, count)
    return { spans, afterMs: performance.now() - began }
  }

  const newId = () => newTrace().traceId
  const parent = 'b7ad6b7169203331'

  describe('the shop', () => {
    const shop = join(import.meta.dirname, '..', '..', 'examples', 'shop')
    const processes: Running[] = []
    let url = ''

    beforeAll(async () => {
      const env = { GOMS_EMBEDDED_PORT: String(await freePort(4)), GOMS_ZIPKIN_ADDR: `127.0.0.1:${zipkin.port}` }
      const start = (file: string, ...args: string[]): Running => {
        const flags = ['-configs', join(shop, 'configs'), ...args]
        const process = startGoms(['start', join(shop, file), ...flags], { name: file, env })
        processes.push(process)
        return process
      }
      const port = await freePort()
      url = `http://127.0.0.1:${port}`
      const gateway = start('gateway.ts', '-http_port', String(port), '-rpc_port', '0')
      start('services/user.ts')
      start('services/order.ts')
      await untilReady(url, gateway)
      await vi.waitFor(
        async () => {
          const cluster = JSON.stringify(await (await fetch(`${url}/cluster`)).json())
          expect(cluster.match(/_127\.0\.0\.1/g)).toHaveLength(3)
        },
        { timeout: 10_000 },
      )
    })
    afterAll(async () => {
      for (const process of processes) process.signal('SIGKILL', true)
      await Promise.all(processes.map((process) => process.exited))
    })

    async function post(path: string, json: object, headers: Record<string, string>): Promise<Response> {
      const response = await fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(json),
      })
      expect(response.status).toBe(200)
      await response.text()
      return response
    }

    test('shows an order as one trace: gateway, order, the RPC to user, and the event that it told, 2 s after the call', async () => {
      const login = await post('/api/user/login', { username: 'test', password: 'hunter2' }, {})
      const authorization = `Bearer ${login.headers.get('x-session-token')}`
      const traceId = newId()
      await post('/api/order/submit', {}, { authorization, traceparent: `00-${traceId}-${parent}-01` })
      const { spans, afterMs } = await complete(traceId, 7)
      expect(afterMs).toBeLessThanOrEqual(2000 * SLACK)
      const [request, toOrder, order, toUser, user, told, heard] = spans
      expect(spans.map((it) => `${it.localEndpoint.serviceName} ${it.kind}`)).toEqual([
        'gateway SERVER',
        'gateway CLIENT',
        'order SERVER',
        'order CLIENT',
        'user SERVER',
        'order PRODUCER',
        'order CONSUMER',
      ])
      expect(request?.parentId).toBe(parent)
      expect(toOrder).toMatchObject({
        parentId: request?.id,
        remoteEndpoint: { serviceName: 'order', ipv4: '127.0.0.1' },
      })
      expect(order?.parentId).toBe(toOrder?.id)
      expect(toUser).toMatchObject({
        name: 'user.exists',
        parentId: order?.id,
        remoteEndpoint: { serviceName: 'user' },
      })
      expect(user?.parentId).toBe(toUser?.id)
      expect(told).toMatchObject({ name: 'emit order.submitted', parentId: order?.id })
      expect(heard).toMatchObject({ name: 'order.submitted', parentId: told?.id, tags: { 'goms.delivery': '1' } })
      expect(new Set(spans.map((it) => it.id)).size).toBe(7)
      for (const it of spans) expect(it.localEndpoint).toMatchObject({ ipv4: '127.0.0.1', port: expect.any(Number) })
      expect(JSON.stringify(spans)).not.toContain(authorization)
      const shown = startGoms(['trace', traceId, '-configs', join(shop, 'configs'), '-zipkin_addr', zipkin.url])
      expect(await shown.exited).toEqual({ code: 0, signal: null })
      const rows = shown.lines
        .slice(3)
        .map(({ text }) => text.replace(/\d+(\.\d+)? (ms|s)\b/, '# ms').replace(/ +█+$| {2,}/g, ' '))
      expect(rows.map((row) => row.trim().replace(/127\.0\.0\.1:\d+/, '@'))).toEqual([
        'gateway order/submit @ # ms',
        '└ gateway order/submit → @ # ms',
        '└ order post /order/submit @ # ms',
        '├ order user.exists → @ # ms',
        '│ └ user user.exists @ # ms',
        '└ order emit order.submitted @ # ms',
        '└ order order.submitted @ # ms',
      ])
    })
  })

  describe('a cluster', () => {
    const CANARY = 'cAnaRy7x31'
    let cluster: Cluster
    let gateway: Member
    let nodes: Member[]

    beforeAll(async () => {
      const backend = { args: ['--registry', 'embedded', '--embedded-port', String(await freePort(4))] }
      const config = `zipkinAddr: 127.0.0.1:${zipkin.port}\ntrace: { capture: redacted }\nleaseTtl: 10000`
      const services = 'services:\n  echo:\n    echo: { path: /echo, timeout: 700 }\n'
      cluster = createCluster({ backend, config, services })
      gateway = await cluster.gateway('gateway1', { service: 'gateway' })
      nodes = await Promise.all(['echo1', 'echo2'].map((name) => cluster.node(name)))
      await vi.waitFor(async () =>
        expect(await (await fetch(`${gateway.url}/cluster`)).text()).toContain(nodes[1]?.node),
      )
    })
    afterAll(() => cluster?.close())

    test('carries ids of 64 bits, and B3 in one header', async () => {
      const traceId = newId().slice(16)
      const response = await fetch(`${gateway.url}/api/echo/echo?id=1`, { headers: { b3: `${traceId}-${parent}-1` } })
      expect(response.status).toBe(200)
      const { spans } = await complete(traceId, 3)
      expect(spans.map((it) => it.traceId)).toEqual([traceId, traceId, traceId])
      expect(spans[0]?.parentId).toBe(parent)
    })

    test('shows what a request was, without its secrets, whatever became of it: nowhere is a canary', async () => {
      const traces: string[] = []
      const call = async (init: RequestInit = {}): Promise<number> => {
        const traceId = newId()
        traces.push(traceId)
        const response = await fetch(`${gateway.url}/api/echo/echo?id=1&token=${CANARY}&p%61ssword=${CANARY}`, {
          ...init,
          headers: {
            traceparent: `00-${traceId}-${parent}-01`,
            authorization: `Bearer ${CANARY}`,
            cookie: `a=${CANARY}`,
            'x-api-key': CANARY,
            referer: `http://host/?session=${CANARY}`,
            ...init.headers,
          },
        })
        const text = await response.text()
        if (response.status >= 500) expect(text).not.toContain(CANARY)
        return response.status
      }
      const turn = (mode: string) =>
        Promise.all(
          nodes.map((it) => fetch(`${it.url}/mode/${mode}`, { headers: { 'call-key': 'a key for the tests' } })),
        )
      const json = (body: unknown): RequestInit => ({
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      })
      const secret = json({ id: 'x', password: CANARY, deep: [{ apiKey: CANARY }] })
      expect(await call()).toBe(200)
      expect(await call(secret)).toBe(200)
      await turn('busy')
      expect(await call(secret)).toBe(503)
      await turn('cut')
      await call(secret).catch(() => {})
      await turn('hang')
      expect(await call(secret)).toBe(504)
      await turn('well')
      // No call key comes from outside, and none goes there.
      const spans = (await Promise.all(traces.map((it) => complete(it, 3)))).flatMap((it) => it.spans)
      const told = JSON.stringify(spans)
      expect(told).toContain('[redacted]')
      expect(told).toContain('http.header.x-api-key')
      expect(told).toContain('deep')
      const { processes, numbers } = await everywhere()
      for (const text of [told, processes, numbers]) {
        expect(text).not.toContain(CANARY)
        expect(text).not.toContain('a key for the tests')
      }
    })

    test('keeps no secret of what methods are given, not even when their process crashes', async () => {
      const vault = await cluster.node('vault1', { service: 'vault', fixture: 'vault.mjs' })
      const call = async (method: string): Promise<string> => {
        const traceId = newId()
        const response = await fetch(`${gateway.url}/api/vault/${method}`, {
          method: 'POST',
          body: JSON.stringify({ name: 'bob', password: CANARY, deep: [{ accessToken: CANARY }] }),
          headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-${parent}-01` },
        })
        expect(await response.text()).not.toContain(CANARY)
        return traceId
      }
      await vi.waitFor(async () => expect(await (await fetch(`${gateway.url}/cluster`)).text()).toContain(vault.node))
      const spans = []
      for (const method of ['put', 'fail']) spans.push(...(await complete(await call(method), 3)).spans)
      const crashed = await call('crash')
      expect(await vault.process.exited).toMatchObject({ code: 1 })
      spans.push(...(await complete(crashed, 3)).spans)
      const told = JSON.stringify(spans)
      expect(told).toContain('bob')
      expect(vault.process.text()).toMatch(/put name=bob password=\[redacted\]/)
      expect(vault.process.text()).toContain('nobody catches this')
      const { processes, numbers } = await everywhere()
      for (const text of [told, vault.process.text(), processes, numbers]) expect(text).not.toContain(CANARY)
    })

    /** What the processes printed, and what their admin ports tell. */
    async function everywhere(): Promise<{ processes: string; numbers: string }> {
      const all = [gateway, ...nodes].map((it) => it.process.text())
      const admins = all.flatMap((text) => /admin.*?(http:\/\/\S+|127\.0\.0\.1:\d+)/i.exec(text)?.[1] ?? [])
      expect(admins).toHaveLength(all.length)
      const numbers = await Promise.all(
        admins.map(async (it) => {
          const answer = await fetch(new URL('/metrics', it.startsWith('http') ? it : `http://${it}`))
          expect(answer.status).toBe(200)
          return answer.text()
        }),
      )
      return { processes: all.join('\n'), numbers: numbers.join('\n') }
    }

    test('shows both attempts of a call that was tried again', async () => {
      nodes[0]?.process.signal('SIGKILL')
      await nodes[0]?.process.exited
      const traces = Array.from({ length: 4 }, newId)
      for (const traceId of traces) {
        const headers = { traceparent: `00-${traceId}-${parent}-01` }
        expect((await fetch(`${gateway.url}/api/echo/echo?id=1`, { headers })).status).toBe(200)
      }
      const retried = await vi.waitFor(
        async () => {
          const all = await Promise.all(traces.map((traceId) => zipkin.trace(traceId)))
          const found = all.find((spans) => spans.filter((it) => it.kind === 'CLIENT').length === 2)
          expect(found).toHaveLength(4)
          return found as ZipkinSpan[]
        },
        { timeout: 5000 * SLACK },
      )
      const [request] = retried
      const attempts = retried.filter((it) => it.kind === 'CLIENT')
      expect(attempts.map((it) => it.parentId)).toEqual([request?.id, request?.id])
      expect(attempts.map((it) => it.tags?.['goms.attempt'])).toEqual(['1', '2'])
      expect(attempts[0]?.tags?.error).toMatch(/ECONNREFUSED|reached/)
      expect(attempts[1]?.tags?.['http.status_code']).toBe('200')
      expect(retried.find((it) => it.localEndpoint.serviceName === 'echo')?.parentId).toBe(attempts[1]?.id)
    })
  })
})
