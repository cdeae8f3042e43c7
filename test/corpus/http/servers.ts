/** Servers of others that what goms forwards is replayed into: Node's own, nginx and HAProxy, each telling what it read. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathOf } from '../../../scripts/commands.mjs'
import { missingServers } from '../../../scripts/servers.mjs'
import { freePort, type Running, startProcess } from '../../support/processes.ts'
import type { Message } from './messages.ts'
import { startRecordingNode } from './recording-node.ts'

/** One request as a server read it. */
export interface Seen {
  readonly method: string
  readonly target: string
  /** Latin-1. */
  readonly body: string
}

export interface Replayed {
  readonly port: number
  /** Requests since it was asked last. */
  take(): Seen[]
  close(): Promise<void>
}

export const REPLAYED: readonly string[] = ['node', 'nginx', 'haproxy']

/** Whether a server is not installed, and nobody requires it. */
export function isMissing(name: string): boolean {
  return (missingServers() as string[]).includes(name) && !process.env.GOMS_REQUIRE_SERVERS
}

export function startReplayed(name: string): Promise<Replayed> {
  if (name === 'node') return startNodeServer()
  return startProxy(name as 'nginx' | 'haproxy')
}

async function startNodeServer(): Promise<Replayed> {
  const seen: Seen[] = []
  const read = (req: IncomingMessage, end: () => void): void => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      seen.push({ method: req.method ?? '', target: req.url ?? '', body: Buffer.concat(chunks).toString('latin1') })
      end()
    })
  }
  const server = createServer((req, res) => read(req, () => res.end('read')))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    take: () => seen.splice(0),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** What a proxy read is what it passes on: the node behind it tells. */
async function startProxy(name: 'nginx' | 'haproxy'): Promise<Replayed> {
  const node = await startRecordingNode((request) => {
    const length = request.start.startsWith('HEAD ') ? '' : 'read'
    return `HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n${length}`
  })
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), `goms-${name}-`))
  const file = join(folder, `${name}.conf`)
  writeFileSync(file, name === 'nginx' ? nginxConf(folder, port, node.port) : haproxyConf(port, node.port))
  const args = name === 'nginx' ? ['-c', file, '-p', folder, '-e', 'stderr'] : ['-f', file, '-db', '-q']
  const proxy = startProcess(pathOf(name) ?? name, args, { name })
  await listening(port, proxy)
  return {
    port,
    take: () => node.take().map(toSeen),
    async close() {
      await proxy.stop()
      await node.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function toSeen({ start, body }: Message): Seen {
  const [method = '', target = ''] = start.split(' ')
  return { method, target, body }
}

function nginxConf(folder: string, port: number, nodePort: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  return `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
events { worker_connections 64; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  client_max_body_size 0;
  large_client_header_buffers 8 32k;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://127.0.0.1:${nodePort};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
    }
  }
}
`
}

function haproxyConf(port: number, nodePort: number): string {
  return `
global
  maxconn 100
  tune.bufsize 32768
  tune.http.maxhdr 256
defaults
  mode http
  timeout connect 2s
  timeout client 5s
  timeout server 5s
frontend door
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  server node 127.0.0.1:${nodePort}
`
}

/** Waits until it takes connections. */
async function listening(port: number, { name, text }: Running): Promise<void> {
  const until = performance.now() + 5000
  while (performance.now() < until) {
    const taken = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('connect', () => resolve(true))
      socket.on('error', () => resolve(false))
      socket.on('connect', () => socket.destroy())
    })
    if (taken) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${name} does not listen: ${text()}`)
}
