/** Real etcd for tests: one or three members on free ports in a temporary directory, to be killed, frozen, restarted and wiped. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Why tests on etcd are skipped, or undefined where it is installed or GOMS_REQUIRE_SERVERS=1 wants a failure instead. */
export const etcdMissing: string | undefined = (() => {
  if (process.env.GOMS_REQUIRE_SERVERS === '1') return undefined
  try {
    execFileSync('etcd', ['--version'], { stdio: 'ignore' })
    execFileSync('etcdctl', ['version'], { stdio: 'ignore' })
    return undefined
  } catch {
    return 'skipped: etcd and etcdctl are not installed (GOMS_REQUIRE_SERVERS=1 makes this a failure)'
  }
})()

export interface EtcdOptions {
  readonly members?: 1 | 3
  /** Users with a password; `root` first, as etcd wants it. Tokens live that long. */
  readonly auth?: { readonly password: string; readonly tokenTtlSeconds: number }
  /** Only clients with a certificate of the test's own authority. */
  readonly tls?: boolean
}

export interface EtcdMember {
  readonly endpoint: string
  start(): Promise<void>
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>
  freeze(): void
  thaw(): void
  /** Throws its data away; only while it is stopped. */
  wipe(): void
}

export interface EtcdCluster {
  readonly members: readonly EtcdMember[]
  readonly member: EtcdMember
  readonly endpoints: readonly string[]
  /** Paths of PEM files. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | undefined
  /** Runs `etcdctl` and returns what it printed. */
  etcdctl(...args: string[]): Promise<string>
  close(): Promise<void>
}

/** Starts a cluster and waits until it answers. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdCluster> {
  const count = options.members ?? 1
  const dir = mkdtempSync(join(tmpdir(), 'goms-etcd-'))
  const ports = await freePorts(count * 2)
  const tls = options.tls ? makeCertificates(dir) : undefined
  const scheme = tls ? 'https' : 'http'
  const client = (n: number) => `127.0.0.1:${ports[n * 2]}`
  const other = (n: number) => `http://127.0.0.1:${ports[n * 2 + 1]}`
  const names = Array.from({ length: count }, (_, n) => `m${n}`)
  const cluster = names.map((name, n) => `${name}=${other(n)}`).join(',')
  let authOn = false

  function toMember(n: number): EtcdMember {
    const dataDir = join(dir, `m${n}`)
    let child: ChildProcess | undefined
    const args = [
      ['--name', `m${n}`],
      ['--data-dir', dataDir],
      ['--listen-client-urls', `${scheme}://${client(n)}`],
      ['--advertise-client-urls', `${scheme}://${client(n)}`],
      ['--listen-peer-urls', other(n)],
      ['--initial-advertise-peer-urls', other(n)],
      ['--initial-cluster', cluster],
      ['--heartbeat-interval', '50'],
      ['--election-timeout', '500'],
      ...(options.auth ? [['--auth-token-ttl', String(options.auth.tokenTtlSeconds)]] : []),
      ...(tls
        ? [
            ['--cert-file', tls.serverCert],
            ['--key-file', tls.serverKey],
            ['--trusted-ca-file', tls.ca],
            ['--client-cert-auth', 'true'],
          ]
        : []),
    ].map(([flag, value]) => `${flag}=${value}`)
    async function end(signal: NodeJS.Signals): Promise<void> {
      const running = child
      child = undefined
      if (!running || running.exitCode !== null || running.signalCode !== null) return
      const gone = new Promise((resolve) => running.once('exit', resolve))
      running.kill(signal)
      await gone
    }
    return {
      endpoint: client(n),
      async start() {
        child = spawn('etcd', args, { stdio: 'ignore' })
        child.once('error', () => {})
      },
      stop: () => end('SIGTERM'),
      kill: () => end('SIGKILL'),
      freeze: () => child?.kill('SIGSTOP'),
      thaw: () => child?.kill('SIGCONT'),
      wipe: () => rmSync(dataDir, { recursive: true, force: true }),
    }
  }

  const members = names.map((_, n) => toMember(n))
  const kill = () => {
    for (const member of members) void member.kill()
  }
  process.once('exit', kill)

  async function etcdctl(...args: string[]): Promise<string> {
    const flags = [`--endpoints=${members.map((member) => member.endpoint).join(',')}`]
    if (tls) flags.push(`--cacert=${tls.ca}`, `--cert=${tls.cert}`, `--key=${tls.key}`)
    if (authOn) flags.push(`--user=root:${options.auth?.password}`)
    const { stdout } = await run('etcdctl', [...flags, ...args], { env: { ...process.env, ETCDCTL_API: '3' } })
    return stdout
  }

  async function healthy(): Promise<void> {
    const endMs = Date.now() + 15_000
    for (;;) {
      try {
        await etcdctl('--command-timeout=2s', 'endpoint', 'health')
        return
      } catch (error) {
        if (Date.now() > endMs) throw error
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    }
  }

  const self: EtcdCluster = {
    members: members.map((member) => ({
      ...member,
      async start() {
        await member.start()
        if (count === 1) await healthy()
      },
    })),
    get member() {
      return self.members[0] as EtcdMember
    },
    endpoints: members.map((member) => member.endpoint),
    tls,
    etcdctl,
    async close() {
      process.off('exit', kill)
      await Promise.all(members.map((member) => member.kill()))
      rmSync(dir, { recursive: true, force: true })
    },
  }
  try {
    for (const member of members) await member.start()
    await healthy()
    if (options.auth) {
      await etcdctl('user', 'add', `root:${options.auth.password}`)
      await etcdctl('user', 'grant-role', 'root', 'root')
      await etcdctl('auth', 'enable')
      authOn = true
    }
  } catch (error) {
    await self.close()
    throw error
  }
  return self
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer()
          server.once('error', reject)
          server.listen(0, '127.0.0.1', () => resolve(server))
        }),
    ),
  )
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function makeCertificates(dir: string): {
  ca: string
  cert: string
  key: string
  serverCert: string
  serverKey: string
} {
  const path = (name: string) => join(dir, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    '/CN=test-ca',
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
  )
  for (const [name, usage] of [
    // etcd's own gateway connects to itself with the server certificate.
    ['server', 'serverAuth,clientAuth'],
    ['client', 'clientAuth'],
  ] as const) {
    writeFileSync(path(`${name}.ext`), `subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=${usage}\n`)
    openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', path(`${name}.key`), '-out', path(`${name}.csr`))
    openssl(
      ...['x509', '-req', '-days', '2', '-in', path(`${name}.csr`), '-extfile', path(`${name}.ext`)],
      ...['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-out', path(`${name}.pem`)],
    )
  }
  return {
    ca: path('ca.pem'),
    cert: path('client.pem'),
    key: path('client.key'),
    serverCert: path('server.pem'),
    serverKey: path('server.key'),
  }
}
