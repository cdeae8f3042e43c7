/** A gateway process behind TLS: both versions of HTTP with real clients, and a certificate that is renewed under them. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect as connectH2 } from 'node:http2'
import { Agent, request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createAuthority, type Pair } from '../../src/transport/tls.fixtures.ts'
import { type Cluster, createCluster } from '../support/cluster.ts'
import { freePort, type Running, startGoms } from '../support/processes.ts'

const authority = createAuthority()
const files = mkdtempSync(join(tmpdir(), 'goms-https-'))
const path = (name: string): string => join(files, name)
let cluster: Cluster
let gateway: Running
let port: number
let backend: readonly string[]

/** As whoever renews certificates does it: a new file over the old one. */
function put(name: string, content: Buffer): void {
  writeFileSync(path(`${name}.new`), content)
  renameSync(path(`${name}.new`), path(name))
}

function putPair({ cert, key }: Pair): void {
  put('cert.pem', cert)
  put('key.pem', key)
}

async function startGateway(httpPort: number, args: readonly string[]): Promise<Running> {
  const file = join(import.meta.dirname, '..', 'fixtures', 'gateway.mjs')
  const ports = ['-http_port', String(httpPort), '-rpc_port', String(await freePort())]
  const started = startGoms(['start', file, '-configs', join(cluster.dir, 'configs'), ...ports, ...backend, ...args], {
    cwd: cluster.dir,
    env: { GOMS_LB_DRAIN: '0' },
  })
  await started.waitForLine(/Https Listen on port: \d+$/)
  return started
}

beforeAll(async () => {
  putPair(authority.issue('first'))
  put('ca.pem', authority.ca)
  port = await freePort()
  backend = ['-registry', 'embedded', '-embedded_port', String(await freePort())]
  const tls = `tls: { cert: ${path('cert.pem')}, key: ${path('key.pem')}, ca: ${path('ca.pem')}, clientCert: request }`
  cluster = createCluster({ backend: { args: backend }, config: `gateway: { ${tls} }` })
  gateway = await startGateway(port, [])
  await cluster.node('echo1')
  await gateway.waitForLine(/join/)
})
afterAll(async () => {
  expect(await gateway?.stop()).toEqual({ code: 0, signal: null })
  await cluster?.close()
  rmSync(files, { recursive: true })
})

/** With a keep-alive connection where the agent has one. */
function ask(agent?: Agent, client: Partial<Pair> = {}): Promise<{ status: number; json: Record<string, unknown> }> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ id: '1' })
    const headers = { 'content-type': 'application/json', 'content-length': body.length, 'x-forwarded-proto': 'http' }
    const options = { host: '127.0.0.1', port, path: '/api/echo/echo?a=1', method: 'POST', ca: authority.ca, headers }
    const req = request({ ...options, ...client, ...(agent && { agent }) }, (res) => {
      let text = ''
      res.on('data', (chunk) => {
        text += chunk
      })
      res.on('end', () => resolve({ status: res.statusCode ?? 0, json: JSON.parse(text) }))
    })
    req.on('error', reject)
    req.end(body)
  })
}

/** The name on the certificate that a new connection gets. */
function shownName(at = port): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: at, ca: authority.ca }, () => {
      resolve(socket.getPeerCertificate().subject.CN as string)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

test('HTTP/1.1 over TLS reaches nodes, which are told', async () => {
  const { status, json } = await ask()
  expect(status).toBe(200)
  expect(json).toMatchObject({ status: true, id: '1', method: 'POST', query: '?a=1' })
  expect(json.headers).toMatchObject({ 'x-forwarded-proto': 'https', 'x-forwarded-port': String(port) })
})

test('HTTP/2 reaches the same nodes the same way', async () => {
  const client = connectH2(`https://127.0.0.1:${port}`, { ca: authority.ca })
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, id) => {
      const stream = client.request({ ':method': 'POST', ':path': '/api/echo/echo?a=1', cookie: ['a=1', 'b=2'] })
      stream.end(JSON.stringify({ id }))
      let text = ''
      stream.on('data', (chunk) => {
        text += chunk
      })
      return new Promise<Record<string, unknown>>((resolve) => stream.on('end', () => resolve(JSON.parse(text))))
    }),
  )
  expect(answers.map(({ id }) => Number(id))).toEqual(answers.map((_, id) => id))
  expect(answers[0]).toMatchObject({ status: true, method: 'POST', query: '?a=1' })
  expect(answers[0]?.headers).toMatchObject({
    'x-forwarded-proto': 'https',
    cookie: 'a=1; b=2',
    host: `127.0.0.1:${port}`,
  })
  client.destroy()
})

test.skipIf(spawnSync('curl', ['--version']).stdout?.includes('nghttp2') !== true)('curl speaks HTTP/2 to it', () => {
  const out = execFileSync('curl', [
    ...['-sS', '--http2', '--cacert', path('ca.pem'), '-w', ' %{http_version} %{http_code}', '-d', '{"id":"1"}'],
    `https://127.0.0.1:${port}/api/echo/echo`,
  ])
  expect(out.toString()).toMatch(/^\{"status":true,"id":"1".* 2 200$/s)
})

test('a certificate of a client may be shown, and has to be good', async () => {
  expect((await ask(undefined, authority.issue('client'))).status).toBe(200)
  await expect(ask(undefined, createAuthority().issue('stranger'))).rejects.toThrow()
})

test('a renewed certificate is shown to new connections, a pair that does not fit to nobody', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const h2 = connectH2(`https://127.0.0.1:${port}`, { ca: authority.ca })
  const overH2 = (): Promise<number> => {
    const stream = h2.request({ ':path': '/api/echo/echo?id=1' })
    stream.resume()
    return new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'] ?? 0)))
  }
  expect((await ask(agent)).status).toBe(200)
  expect(await overH2()).toBe(200)
  const second = authority.issue('second')
  put('cert.pem', second.cert)
  await gateway.waitForLine(/tls: the certificate before stays in force: GOMS_CONFIG_INVALID/, 10_000)
  expect(await shownName()).toBe('first')
  put('key.pem', second.key)
  const from = gateway.lines.length
  await gateway.waitForLine(/tls: certificate of .*localhost/, 10_000, from)
  expect(await shownName()).toBe('second')
  // Those that were open before live on.
  expect((await ask(agent)).status).toBe(200)
  expect(await overH2()).toBe(200)
  // Both at once, and nothing is said of the moment between.
  const seen = gateway.lines.length
  putPair(authority.issue('third'))
  await gateway.waitForLine(/tls: certificate of .*localhost/, 10_000, seen)
  expect(await shownName()).toBe('third')
  expect(gateway.lines.slice(seen).map(({ text }) => text)).toHaveLength(1)
  agent.destroy()
  h2.destroy()
})

test('workers serve it too, and each takes a renewed certificate', async () => {
  const at = await freePort()
  const workers = await startGateway(at, ['-workers', '2'])
  const names = async (): Promise<string[]> => {
    const all = await Promise.all(Array.from({ length: 20 }, () => shownName(at)))
    return [...new Set(all)]
  }
  const client = connectH2(`https://127.0.0.1:${at}`, { ca: authority.ca })
  const status = (): Promise<number> => {
    const stream = client.request({ ':path': '/api/echo/echo?id=1' })
    stream.resume()
    return new Promise((resolve) => stream.on('response', (headers) => resolve(headers[':status'] ?? 0)))
  }
  while ((await status()) !== 200) await pause(50)
  client.destroy()
  putPair(authority.issue('fourth'))
  while ((await names()).join() !== 'fourth') await pause(100)
  expect((await workers.stop()).code).toBe(0)
  expect(workers.text().match(/tls: certificate of/g)).toHaveLength(2)
}, 30_000)

test.each([
  ['a file that is not there', { cert: 'nowhere.pem' }, /GOMS_CONFIG_UNREADABLE/],
  ['a key of another certificate', { key: 'other.key' }, /GOMS_CONFIG_INVALID/],
  ['a certificate that is none', { cert: 'key.pem' }, /GOMS_CONFIG_INVALID/],
])('it does not start with %s', async (_name, wrong, says) => {
  put('other.key', authority.issue('other').key)
  const dir = mkdtempSync(join(tmpdir(), 'goms-https-wrong-'))
  const tls = { cert: 'cert.pem', key: 'key.pem', ...wrong }
  writeFileSync(join(dir, 'config.yml'), `gateway: { tls: { cert: ${path(tls.cert)}, key: ${path(tls.key)} } }\n`)
  const file = join(import.meta.dirname, '..', 'fixtures', 'gateway.mjs')
  const started = startGoms([
    'start',
    file,
    '-configs',
    dir,
    '-http_port',
    '0',
    '-rpc_port',
    '0',
    '-registry',
    'memory',
  ])
  expect((await started.exited).code).toBe(3)
  expect(started.text()).toMatch(says)
  rmSync(dir, { recursive: true })
})
