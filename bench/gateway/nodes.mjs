/**
 * What stands behind every gateway: one nginx on two ports, as cheap as answers can be had, which hands what needs a program
 * (echo, sink, source) to one in Node. And their registration, for goms.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { start } from '../common/programs.mjs'
import { LARGE, SMALL } from './scenarios.mjs'

/** Starts both on that CPU. */
export function startNodes({ cpu, ports, originPort, dir }) {
  writeFileSync(join(dir, 'large.json'), LARGE)
  const file = join(dir, 'nodes.conf')
  writeFileSync(file, configOf(ports, originPort, dir))
  start(cpu, process.execPath, [join(import.meta.dirname, 'origin.mjs'), String(originPort)])
  start(cpu, 'nginx', ['-c', file, '-p', dir, '-e', join(dir, 'nodes.log')])
}

const configOf = (ports, originPort, dir) => `
worker_processes 1;
daemon off;
pid ${dir}/nodes.pid;
error_log ${dir}/nodes.log;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
  sendfile on;
  tcp_nodelay on;
  client_max_body_size 0;
  open_file_cache max=8;
  client_body_temp_path ${dir}/nodes-body;
  proxy_temp_path ${dir}/nodes-proxy;
  fastcgi_temp_path ${dir}/nodes-fastcgi;
  uwsgi_temp_path ${dir}/nodes-uwsgi;
  scgi_temp_path ${dir}/nodes-scgi;
  upstream origin { server 127.0.0.1:${originPort}; keepalive 256; }
  server {
    ${ports.map((port) => `listen 127.0.0.1:${port} backlog=4096;`).join(' ')}
    default_type application/json;
    location = /small { return 200 '${SMALL}'; }
    location = /post { return 200 '${SMALL}'; }
    location = /large { alias ${dir}/large.json; }
    location = /count { stub_status; }
    # Of the relay, which changes no path.
    location /api/bench/ { rewrite ^/api/bench(/.*)$ $1 last; }
    location / {
      proxy_pass http://origin;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`

/** Registers the two ports as HTTP nodes of the service `bench`, as nodes of goms register; keeps them so. */
export async function registerNodes({ ports, registryPort, project }) {
  const dist = (name) => import(join(import.meta.dirname, '..', '..', 'dist', `${name}.js`))
  const [{ createEmbeddedRegistry }, { systemClock }, { silentLog }] = await Promise.all(
    ['registry/embedded', 'core/clock', 'core/log'].map(dist),
  )
  const options = {
    kind: 'embedded',
    endpoints: [],
    embeddedPort: registryPort,
    dialect: 'goms',
    leaseTtlMs: 600_000,
    connectTimeoutMs: 10_000,
  }
  const registry = createEmbeddedRegistry(options, { project, clock: systemClock, log: silentLog })
  await registry.start()
  for (const port of ports) {
    const address = { host: '127.0.0.1', port }
    const value = { id: `nginx-${port}`, protocols: ['http'] }
    await registry.register({ service: 'bench', rpc: address, http: address, value, state: {} })
  }
}
